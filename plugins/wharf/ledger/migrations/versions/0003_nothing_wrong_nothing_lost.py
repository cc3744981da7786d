"""What intake, quality and retention keep"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from wharf.ledger.schema import Big, Instant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _erasures()
    _disk_use()


def _erasures() -> None:
    op.create_table(
        "erasure",
        sa.Column("seq", Big, autoincrement=True, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("table", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=True),
        sa.Column("delivery_seq", Big, nullable=True),
        sa.Column("replaced_by", sa.Text(), nullable=True),
        sa.Column("rows", Big, nullable=False),
        sa.Column("bytes", Big, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("erasure_batch", "erasure", ["batch_id"])
    op.create_index("erasure_delivery", "erasure", ["delivery_seq"])


def _disk_use() -> None:
    op.create_table(
        "disk_use",
        sa.Column("seq", Big, autoincrement=True, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("files", Big, nullable=False),
        sa.Column("bytes", Big, nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("disk_use_at", "disk_use", ["at"])


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only; restore a backup instead")
