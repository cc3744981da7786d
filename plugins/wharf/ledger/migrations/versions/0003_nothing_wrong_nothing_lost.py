"""What intake, quality and retention keep"""

from __future__ import annotations

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One function below for each table or column that is new."""


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only; restore a backup instead")
