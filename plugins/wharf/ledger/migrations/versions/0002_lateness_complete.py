"""Groups of incidents, conversations, wider decisions, learned arrivals, anchors, proposals"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from wharf.ledger.schema import Big, Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("decision") as change:
        change.add_column(sa.Column("first", sa.Text(), nullable=True))
        change.add_column(sa.Column("last", sa.Text(), nullable=True))
        change.add_column(sa.Column("detail", sa.JSON(), nullable=False, server_default="{}"))
        change.add_column(sa.Column("revoked_at", Instant(), nullable=True))
        change.add_column(sa.Column("revoked_by", sa.Text(), nullable=False, server_default=""))

    with op.batch_alter_table("incident") as change:
        change.alter_column("feed_id", existing_type=Big, nullable=True)
        change.add_column(sa.Column("supplier", sa.Text(), nullable=False, server_default=""))
        change.add_column(sa.Column("parent_id", Big, nullable=True))
        change.create_foreign_key("incident_parent", "incident", ["parent_id"], ["id"])
    op.create_index("incident_row", "incident", ["feed_id", "period"])
    op.create_index("incident_children", "incident", ["parent_id"])
    op.create_index(
        "incident_one_open",
        "incident",
        ["dedup_key"],
        unique=True,
        sqlite_where=sa.text("resolved_at IS NULL"),
        postgresql_where=sa.text("resolved_at IS NULL"),
    )

    op.create_table(
        "conversation",
        sa.Column("seq", Big, autoincrement=True, nullable=False),
        sa.Column("incident_id", Big, nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("handle", sa.JSON(), nullable=False),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"]),
        sa.UniqueConstraint("incident_id", "channel"),
    )

    op.create_table(
        "usual_arrival",
        sa.Column("feed_id", Big, autoincrement=False, nullable=False),
        sa.Column("stratum", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("p50_s", sa.Float(), nullable=False),
        sa.Column("p95_s", sa.Float(), nullable=False),
        sa.Column("mad_s", sa.Float(), nullable=False),
        sa.Column("through", sa.Text(), nullable=False),
        sa.Column("computed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("feed_id", "stratum"),
        sa.ForeignKeyConstraint(["feed_id"], ["feed.id"]),
    )

    op.create_table(
        "past_arrival",
        sa.Column("seq", Big, autoincrement=True, nullable=False),
        sa.Column("feed_id", Big, nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("arrived_at", Instant(), nullable=False),
        sa.Column("submitted_at", Instant(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.ForeignKeyConstraint(["feed_id"], ["feed.id"]),
        sa.UniqueConstraint("feed_id", "period"),
    )

    op.create_table(
        "anchor",
        sa.Column("seq", Big, autoincrement=True, nullable=False),
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("table", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=True),
        sa.Column("batch_id", sa.Text(), nullable=True),
        sa.Column("release_seq", Big, nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("until", Instant(), nullable=True),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.Column("revoked_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("anchor_consumer", "anchor", ["consumer", "table"])

    op.create_table(
        "proposal",
        sa.Column("seq", Big, autoincrement=True, nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("manifest_id", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("product", "period", "cause"),
    )
