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
    with op.batch_alter_table("expected_delivery") as change:
        change.add_column(sa.Column("calendar", sa.Text(), nullable=False, server_default=""))
        change.add_column(sa.Column("expected_at", Instant(), nullable=True))
        change.add_column(sa.Column("stratum", sa.Text(), nullable=False, server_default=""))
        change.add_column(
            sa.Column("not_usual_because", sa.Text(), nullable=False, server_default="")
        )
    # These were kept by bare names that a product may bear too; the next tick stores them anew.
    op.execute(
        "DELETE FROM contract_version WHERE path LIKE 'dags/calendars/%' "
        "OR path LIKE 'dags/models/%' OR path = 'dags/alerts.yaml'"
    )
    op.create_table(
        "horizon",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )

    _indexes()
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
        change.add_column(sa.Column("wakes_at", Instant(), nullable=True))
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
        sa.Column("key", sa.Text(), nullable=False, server_default=""),
        sa.Column("thread", sa.Text(), nullable=False, server_default=""),
        sa.Column("handle", sa.JSON(), nullable=False),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"]),
        sa.UniqueConstraint("incident_id", "channel"),
    )
    op.create_index("conversation_closed", "conversation", ["closed_at"])
    op.create_index("incident_key", "incident", ["dedup_key", "id"])
    op.create_index("incident_kind", "incident", ["kind", "resolved_at"])
    op.create_index("incident_supplier", "incident", ["supplier", "opened_at"])
    op.create_index(
        "incident_wakes",
        "incident",
        ["wakes_at"],
        sqlite_where=sa.text("wakes_at IS NOT NULL"),
        postgresql_where=sa.text("wakes_at IS NOT NULL"),
    )
    op.drop_index("outbox_next", "outbox")
    op.create_index("outbox_next", "outbox", ["status", "channel", "seq"])
    op.create_index("outbox_incident", "outbox", ["incident_id"])

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
        "bookmark",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("seq", Big, nullable=False),
        sa.PrimaryKeyConstraint("name"),
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

    op.create_table(
        "backfill",
        sa.Column("seq", Big, autoincrement=True, nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("dag_id", sa.Text(), nullable=False),
        sa.Column("first", sa.Text(), nullable=False),
        sa.Column("last", sa.Text(), nullable=False),
        sa.Column("periods", sa.JSON(), nullable=False),
        sa.Column("reprocess", sa.Text(), nullable=False),
        sa.Column("follow", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )


def _indexes() -> None:
    op.add_column("expected_delivery", sa.Column("run_at", Instant(), nullable=True))
    op.add_column("expected_delivery", sa.Column("fresh_seq", Big, nullable=True))
    op.create_index("expected_delivery_first", "expected_delivery", ["period_first"])
    op.create_index(
        "expected_delivery_heat",
        "expected_delivery",
        [
            "feed_id",
            "cutoff_at",
            "opens_at",
            "period_first",
            "timeliness",
            "delivery",
            "expected",
        ],
    )
    op.create_index("expected_delivery_cutoff", "expected_delivery", ["cutoff_at"])
    op.drop_index("expected_delivery_next", "expected_delivery")
    yes = " = 1" if op.get_bind().dialect.name == "sqlite" else ""
    for name, table, columns, where in (
        ("expected_delivery_next", "expected_delivery", ["next_change_at"],
         "next_change_at IS NOT NULL"),
        ("expected_delivery_fresh", "expected_delivery", ["fresh_seq"], "fresh_seq IS NOT NULL"),
        ("expected_delivery_unknown", "expected_delivery", ["cutoff_at"], "timeliness = 'UNKNOWN'"),
        ("expected_delivery_no_run", "expected_delivery", ["opens_at"],
         f"run_at IS NULL AND expected{yes} AND notifies{yes}"),
        ("expected_delivery_in_time", "expected_delivery", ["feed_id", "period_first"],
         "timeliness = 'ON_TIME'"),
        ("poll_good", "poll", ["connection", "seq"], f"ok{yes}"),
        ("delivery_refused", "delivery", ["landed_at"], "outcome = 'refused'"),
        ("delivery_unread", "delivery", ["landed_at"],
         "outcome = '' AND verdict != 'DUPLICATE'"),
    ):  # fmt: skip
        op.create_index(
            name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where)
        )
    op.create_index("tick_kind", "tick", ["kind", "seq"])
    op.create_index("batch_status_at", "batch", ["status_at"])
    op.create_index("transition_at", "transition", ["at"])
