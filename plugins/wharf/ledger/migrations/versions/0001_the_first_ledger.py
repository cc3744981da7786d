"""The first ledger"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from wharf.ledger.schema import Big, Instant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alias_event",
        sa.Column("seq", Big, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("alias", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("previous", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("alias_event_name", "alias_event", ["name", "alias", "seq"])

    op.create_table(
        "batch",
        sa.Column("seq", Big, autoincrement=True, nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("table", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("rows_in_file", Big, nullable=False),
        sa.Column("rows_staged", Big, nullable=False),
        sa.Column("rows_quarantined", Big, nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("staged_at", Instant(), nullable=False),
        sa.Column("status_at", Instant(), nullable=False),
        sa.Column("results", sa.Text(), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("origin", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("batch_id"),
    )
    op.create_index("batch_subject", "batch", ["subject", "period", "seq"])
    op.create_index("batch_table", "batch", ["table", "period", "seq"])

    op.create_table(
        "contract_problem",
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("path"),
    )
    op.create_table(
        "contract_version",
        sa.Column("seq", Big, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("stored_at", Instant(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("contract_version_name", "contract_version", ["name", "seq"])

    op.create_table(
        "feed",
        sa.Column("id", Big, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "manifest",
        sa.Column("seq", Big, autoincrement=True, nullable=False),
        sa.Column("manifest_id", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("manifest_id"),
    )
    op.create_index("manifest_product", "manifest", ["product", "period", "seq"])

    op.create_table(
        "model_version",
        sa.Column("seq", Big, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("name", "version"),
    )
    op.create_table(
        "poll",
        sa.Column("seq", Big, autoincrement=True, nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("listed", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("poll_connection", "poll", ["connection", "seq"])

    op.create_table(
        "product_period",
        sa.Column("id", Big, autoincrement=True, nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("opens_at", Instant(), nullable=False),
        sa.Column("decide_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("cutoff_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("product", "period"),
    )
    op.create_table(
        "publish_event",
        sa.Column("seq", Big, autoincrement=True, nullable=False),
        sa.Column("table", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("snapshot_id", Big, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("publish_event_table", "publish_event", ["table", "period", "seq"])

    op.create_table(
        "release",
        sa.Column("seq", Big, autoincrement=True, nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("manifest_id", sa.Text(), nullable=False),
        sa.Column("tables", sa.JSON(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("release_product", "release", ["product", "period", "seq"])

    op.create_table(
        "run",
        sa.Column("seq", Big, autoincrement=True, nullable=False),
        sa.Column("dag_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("dag_id", "key", "cause"),
    )
    op.create_table(
        "step_result",
        sa.Column("seq", Big, autoincrement=True, nullable=False),
        sa.Column("manifest_id", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("step_result_manifest", "step_result", ["manifest_id", "seq"])

    op.create_table(
        "tick",
        sa.Column("seq", Big, autoincrement=True, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_table(
        "arrival",
        sa.Column("seq", Big, autoincrement=True, nullable=False),
        sa.Column("feed_id", Big, nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("size", Big, nullable=False),
        sa.Column("source_ts", Instant(), nullable=True),
        sa.Column("first_seen", Instant(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("is_done_flag", sa.Boolean(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["feed_id"],
            ["feed.id"],
        ),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("arrival_path", "arrival", ["feed_id", "path", "seq"])
    op.create_index("arrival_period", "arrival", ["feed_id", "period", "seq"])

    op.create_table(
        "decision",
        sa.Column("seq", Big, autoincrement=True, nullable=False),
        sa.Column("feed_id", Big, nullable=False),
        sa.Column("period", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("until", Instant(), nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["feed_id"],
            ["feed.id"],
        ),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("decision_period", "decision", ["feed_id", "period"])

    op.create_table(
        "delivery",
        sa.Column("seq", Big, autoincrement=True, nullable=False),
        sa.Column("feed_id", Big, nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("reverts_to", sa.Integer(), nullable=True),
        sa.Column("same_as_period", sa.Text(), nullable=True),
        sa.Column("arrival_seq", Big, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("size", Big, nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("submitted_at", Instant(), nullable=True),
        sa.Column("arrived_at", Instant(), nullable=False),
        sa.Column("landed_at", Instant(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["feed_id"],
            ["feed.id"],
        ),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("feed_id", "period", "part", "arrival_seq"),
    )
    op.create_index("delivery_sha", "delivery", ["feed_id", "sha256"])

    op.create_table(
        "expected_delivery",
        sa.Column("id", Big, autoincrement=True, nullable=False),
        sa.Column("feed_id", Big, nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("period_first", sa.Text(), nullable=False),
        sa.Column("contract", sa.Text(), nullable=False),
        sa.Column("expected", sa.Boolean(), nullable=False),
        sa.Column("closed_because", sa.Text(), nullable=False),
        sa.Column("notifies", sa.Boolean(), nullable=False),
        sa.Column("judge_by", sa.Text(), nullable=False),
        sa.Column("opens_at", Instant(), nullable=False),
        sa.Column("warn_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("late_at", Instant(), nullable=False),
        sa.Column("cutoff_at", Instant(), nullable=False),
        sa.Column("timeliness", sa.Text(), nullable=False),
        sa.Column("delivery", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("late_by_s", sa.Float(), nullable=True),
        sa.Column("late_by_submitted_s", sa.Float(), nullable=True),
        sa.Column("late_by_arrived_s", sa.Float(), nullable=True),
        sa.Column("complete_at", Instant(), nullable=True),
        sa.Column("submitted_at", Instant(), nullable=True),
        sa.Column("batch_id", sa.Text(), nullable=True),
        sa.Column("evaluated_at", Instant(), nullable=True),
        sa.Column("next_change_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["feed_id"],
            ["feed.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("feed_id", "period"),
    )
    op.create_index("expected_delivery_next", "expected_delivery", ["next_change_at"])

    op.create_table(
        "incident",
        sa.Column("id", Big, autoincrement=True, nullable=False),
        sa.Column("feed_id", Big, nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("dedup_key", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("resolved_at", Instant(), nullable=True),
        sa.Column("summary", sa.Boolean(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["feed_id"],
            ["feed.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("incident_open", "incident", ["resolved_at"])

    op.create_table(
        "expected_delivery_event",
        sa.Column("seq", Big, autoincrement=True, nullable=False),
        sa.Column("expected_id", Big, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("was", sa.JSON(), nullable=False),
        sa.Column("is", sa.JSON(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["expected_id"],
            ["expected_delivery.id"],
        ),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index(
        "expected_delivery_event_row", "expected_delivery_event", ["expected_id", "seq"]
    )

    op.create_table(
        "outbox",
        sa.Column("seq", Big, autoincrement=True, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("incident_id", Big, nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("notice", sa.JSON(), nullable=False),
        sa.Column("queued_at", Instant(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", Instant(), nullable=True),
        sa.Column("sent_at", Instant(), nullable=True),
        sa.Column("response_id", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["incident.id"],
        ),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("outbox_next", "outbox", ["status", "next_try_at"])

    op.create_table(
        "transition",
        sa.Column("seq", Big, autoincrement=True, nullable=False),
        sa.Column("incident_id", Big, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["incident.id"],
        ),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("incident_id", "number"),
    )


def downgrade() -> None:
    raise NotImplementedError("the ledger is append-only; restore a backup instead")
