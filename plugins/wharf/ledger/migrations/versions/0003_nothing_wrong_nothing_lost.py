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
    _manifest_inputs()
    _indexes_of_the_trail()
    _batch_audits()
    _check_outcomes()


def _erasures() -> None:
    op.create_table(
        "erasure",
        sa.Column("seq", Big, autoincrement=True, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("table", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=True),
        sa.Column("delivery_seq", Big, nullable=True),
        sa.Column("part", sa.Text(), nullable=False),
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


def _manifest_inputs() -> None:
    made = op.create_table(
        "manifest_input",
        sa.Column("seq", Big, autoincrement=True, nullable=False),
        sa.Column("manifest_id", sa.Text(), nullable=False),
        sa.Column("table", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("manifest_input_batch", "manifest_input", ["batch_id"])
    op.create_index("manifest_input_manifest", "manifest_input", ["manifest_id"])
    known = sa.table(
        "manifest",
        sa.column("seq", Big),
        sa.column("manifest_id", sa.Text()),
        sa.column("body", sa.JSON()),
    )
    written = sa.select(known.c.manifest_id, known.c.body).order_by(known.c.seq)
    rows = [
        {
            "manifest_id": manifest_id,
            **{name: str(pin.get(name, "")) for name in ("table", "period", "batch_id")},
        }
        for manifest_id, body in op.get_bind().execute(written).all()
        for each in body.get("inputs", ())
        for pin in each.get("pins", ())
    ]
    if rows:
        op.bulk_insert(made, rows)


def _indexes_of_the_trail() -> None:
    held = sa.text("rows_quarantined > 0 OR status = 'QUARANTINED'")
    op.create_index("batch_held", "batch", ["seq"], sqlite_where=held, postgresql_where=held)
    op.create_index("delivery_bytes", "delivery", ["sha256"])
    op.create_index("release_manifest", "release", ["manifest_id"])


def _batch_audits() -> None:
    op.create_table(
        "batch_audit",
        sa.Column("seq", Big, autoincrement=True, nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("table", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("suite_sha256", sa.Text(), nullable=False),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("failing_rows", Big, nullable=False),
        sa.Column("failing_uri", sa.Text(), nullable=False),
        sa.Column("profile", sa.JSON(), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("batch_id"),
    )
    op.create_index("batch_audit_subject", "batch_audit", ["subject", "seq"])
    op.create_index("batch_audit_at", "batch_audit", ["at"])


def _check_outcomes() -> None:
    op.create_table(
        "check_outcome",
        sa.Column("seq", Big, autoincrement=True, nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("check", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("column", sa.Text(), nullable=False),
        sa.Column("expected", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("success", sa.Boolean(), nullable=False),
        sa.Column("errored", sa.Boolean(), nullable=False),
        sa.Column("unexpected", Big, nullable=True),
        sa.Column("elements", Big, nullable=True),
        sa.Column("observed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("check_outcome_batch", "check_outcome", ["batch_id", "number"])
    op.create_index("check_outcome_subject", "check_outcome", ["subject", "seq"])


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only; restore a backup instead")
