"""The ledger's tables: append-only what happened, updated where a state is cached."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    and_,
)

metadata = MetaData()
Big = BigInteger().with_variant(Integer, "sqlite")


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant, kept without zone so that SQLite and Postgres sort it alike."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times on the way in."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone; the ledger keeps instants")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Give aware UTC on the way out."""
        return value.replace(tzinfo=UTC) if value is not None else None


def _serial() -> Column[int]:
    return Column("seq", Big, primary_key=True, autoincrement=True)


def _feed() -> Column[int]:
    return Column("feed_id", Big, ForeignKey("feed.id"), nullable=False)


feed = Table(
    "feed",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False, unique=True),
)

contract_version = Table(
    "contract_version",
    metadata,
    _serial(),
    Column("name", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("stored_at", Instant, nullable=False),
    Column("problem", Text, nullable=False, default=""),
    Index("contract_version_name", "name", "seq"),
)

contract_problem = Table(
    "contract_problem",
    metadata,
    Column("path", Text, primary_key=True),
    Column("message", Text, nullable=False),
    Column("since", Instant, nullable=False),
)

expected_delivery = Table(
    "expected_delivery",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=True),
    _feed(),
    Column("period", Text, nullable=False),
    Column("period_first", Text, nullable=False),
    Column("contract", Text, nullable=False),
    Column("calendar", Text, nullable=False, server_default=""),
    Column("expected", Boolean, nullable=False),
    Column("closed_because", Text, nullable=False, default=""),
    Column("notifies", Boolean, nullable=False),
    Column("judge_by", Text, nullable=False),
    Column("opens_at", Instant, nullable=False),
    Column("expected_at", Instant),
    Column("warn_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("late_at", Instant, nullable=False),
    Column("cutoff_at", Instant, nullable=False),
    Column("stratum", Text, nullable=False, server_default=""),
    Column("timeliness", Text, nullable=False, default="SCHEDULED"),
    Column("delivery", Text, nullable=False, default="NONE"),
    Column("reason", Text, nullable=False, default=""),
    Column("late_by_s", Float),
    Column("late_by_submitted_s", Float),
    Column("late_by_arrived_s", Float),
    Column("complete_at", Instant),
    Column("submitted_at", Instant),
    Column("batch_id", Text),
    Column("evaluated_at", Instant),
    Column("next_change_at", Instant),
    Column("run_at", Instant),
    Column("fresh_seq", Big),
    Column("not_usual_because", Text, nullable=False, server_default=""),
    UniqueConstraint("feed_id", "period"),
    Index("expected_delivery_first", "period_first"),
    Index("expected_delivery_cutoff", "cutoff_at"),
)
# What a tick reads again and again stays small: most rows of a ledger change no more.
for _name, _column, _where in (
    ("expected_delivery_next", "next_change_at", expected_delivery.c.next_change_at.is_not(None)),
    ("expected_delivery_fresh", "fresh_seq", expected_delivery.c.fresh_seq.is_not(None)),
    ("expected_delivery_unknown", "cutoff_at", expected_delivery.c.timeliness == "UNKNOWN"),
    (
        "expected_delivery_no_run",
        "opens_at",
        and_(
            expected_delivery.c.run_at.is_(None),
            expected_delivery.c.expected,
            expected_delivery.c.notifies,
        ),
    ),
):
    Index(_name, expected_delivery.c[_column], sqlite_where=_where, postgresql_where=_where)
_in_time = expected_delivery.c.timeliness == "ON_TIME"
Index(
    "expected_delivery_in_time",
    expected_delivery.c.feed_id,
    expected_delivery.c.period_first,
    sqlite_where=_in_time,
    postgresql_where=_in_time,
)

horizon = Table(
    "horizon",
    metadata,
    Column("name", Text, primary_key=True),
    Column("key", Text, nullable=False),
    Column("at", Instant, nullable=False),
)

expected_delivery_event = Table(
    "expected_delivery_event",
    metadata,
    _serial(),
    Column("expected_id", Big, ForeignKey("expected_delivery.id"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("was", JSON, nullable=False),
    Column("is", JSON, nullable=False),
    Column("why", Text, nullable=False, default=""),
    Index("expected_delivery_event_row", "expected_id", "seq"),
)

arrival = Table(
    "arrival",
    metadata,
    _serial(),
    _feed(),
    Column("period", Text, nullable=False),
    Column("part", Text, nullable=False, default=""),
    Column("path", Text, nullable=False),
    Column("size", Big, nullable=False),
    Column("source_ts", Instant),
    Column("first_seen", Instant, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("is_done_flag", Boolean, nullable=False, default=False),
    Column("withdrawn", Boolean, nullable=False, default=False),
    Index("arrival_period", "feed_id", "period", "seq"),
    Index("arrival_path", "feed_id", "path", "seq"),
)

poll = Table(
    "poll",
    metadata,
    _serial(),
    Column("connection", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("ok", Boolean, nullable=False),
    Column("listed", Integer, nullable=False, default=0),
    Column("error", Text, nullable=False, default=""),
    Index("poll_connection", "connection", "seq"),
)
Index(
    "poll_good",
    poll.c.connection,
    poll.c.seq,
    sqlite_where=poll.c.ok,
    postgresql_where=poll.c.ok,
)

delivery = Table(
    "delivery",
    metadata,
    _serial(),
    _feed(),
    Column("period", Text, nullable=False),
    Column("part", Text, nullable=False, default=""),
    Column("version", Integer, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("reverts_to", Integer),
    Column("same_as_period", Text),
    Column("arrival_seq", Big, nullable=False),
    Column("path", Text, nullable=False),
    Column("uri", Text, nullable=False),
    Column("size", Big, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("submitted_at", Instant),
    Column("arrived_at", Instant, nullable=False),
    Column("landed_at", Instant, nullable=False),
    Column("outcome", Text, nullable=False, default=""),
    Column("reason", Text, nullable=False, default=""),
    UniqueConstraint("feed_id", "period", "part", "arrival_seq"),
    Index("delivery_sha", "feed_id", "sha256"),
)
_refused = delivery.c.outcome == "refused"
Index(
    "delivery_refused",
    delivery.c.landed_at,
    sqlite_where=_refused,
    postgresql_where=_refused,
)
_unread = and_(delivery.c.outcome == "", delivery.c.verdict != "DUPLICATE")
Index(
    "delivery_unread",
    delivery.c.landed_at,
    sqlite_where=_unread,
    postgresql_where=_unread,
)

batch = Table(
    "batch",
    metadata,
    _serial(),
    Column("batch_id", Text, nullable=False, unique=True),
    Column("table", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("version", Integer, nullable=False, default=1),
    Column("rows_in_file", Big, nullable=False, default=0),
    Column("rows_staged", Big, nullable=False, default=0),
    Column("rows_quarantined", Big, nullable=False, default=0),
    Column("run_id", Text, nullable=False, default=""),
    Column("staged_at", Instant, nullable=False),
    Column("status_at", Instant, nullable=False),
    Column("results", Text, nullable=False, default=""),
    Column("findings", JSON, nullable=False, default=list),
    Column("origin", JSON, nullable=False, default=dict),
    Index("batch_table", "table", "period", "seq"),
    Index("batch_subject", "subject", "period", "seq"),
    Index("batch_status_at", "status_at"),
)

publish_event = Table(
    "publish_event",
    metadata,
    _serial(),
    Column("table", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("batch_id", Text),
    Column("action", Text, nullable=False),
    Column("snapshot_id", Big, nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False, default=""),
    Index("publish_event_table", "table", "period", "seq"),
)

decision = Table(
    "decision",
    metadata,
    _serial(),
    _feed(),
    Column("period", Text),
    Column("kind", Text, nullable=False),
    Column("until", Instant),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("first", Text),
    Column("last", Text),
    Column("detail", JSON, nullable=False, server_default="{}"),
    Column("revoked_at", Instant),
    Column("revoked_by", Text, nullable=False, server_default=""),
    Index("decision_period", "feed_id", "period"),
)

run = Table(
    "run",
    metadata,
    _serial(),
    Column("dag_id", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("at", Instant, nullable=False),
    UniqueConstraint("dag_id", "key", "cause"),
)

incident = Table(
    "incident",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=True),
    Column("feed_id", Big, ForeignKey("feed.id")),
    Column("period", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("dedup_key", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("resolved_at", Instant),
    Column("summary", Boolean, nullable=False, default=False),
    Column("what", Text, nullable=False),
    Column("detail", JSON, nullable=False, default=dict),
    Column("supplier", Text, nullable=False, server_default=""),
    Column("parent_id", Big, ForeignKey("incident.id", name="incident_parent")),
    Column("wakes_at", Instant),
    Index("incident_open", "resolved_at"),
    Index("incident_row", "feed_id", "period"),
    Index("incident_children", "parent_id"),
    Index("incident_key", "dedup_key", "id"),
    Index("incident_kind", "kind", "resolved_at"),
    Index("incident_supplier", "supplier", "opened_at"),
)
Index(
    "incident_one_open",
    incident.c.dedup_key,
    unique=True,
    sqlite_where=incident.c.resolved_at.is_(None),
    postgresql_where=incident.c.resolved_at.is_(None),
)

Index(
    "incident_wakes",
    incident.c.wakes_at,
    sqlite_where=incident.c.wakes_at.is_not(None),
    postgresql_where=incident.c.wakes_at.is_not(None),
)

conversation = Table(
    "conversation",
    metadata,
    _serial(),
    Column("incident_id", Big, ForeignKey("incident.id"), nullable=False),
    Column("channel", Text, nullable=False),
    Column("key", Text, nullable=False, server_default=""),
    Column("thread", Text, nullable=False, server_default=""),
    Column("handle", JSON, nullable=False, default=dict),
    Column("opened_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("closed_at", Instant),
    UniqueConstraint("incident_id", "channel"),
    Index("conversation_closed", "closed_at"),
)

transition = Table(
    "transition",
    metadata,
    _serial(),
    Column("incident_id", Big, ForeignKey("incident.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("kind", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("detail", JSON, nullable=False, default=dict),
    UniqueConstraint("incident_id", "number"),
    Index("transition_at", "at"),
)

outbox = Table(
    "outbox",
    metadata,
    _serial(),
    Column("key", Text, nullable=False, unique=True),
    Column("incident_id", Big, ForeignKey("incident.id")),
    Column("number", Integer, nullable=False, default=0),
    Column("channel", Text, nullable=False),
    Column("notice", JSON, nullable=False),
    Column("queued_at", Instant, nullable=False),
    Column("status", Text, nullable=False, default="QUEUED"),
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_try_at", Instant),
    Column("sent_at", Instant),
    Column("response_id", Text, nullable=False, default=""),
    Column("error", Text, nullable=False, default=""),
    Index("outbox_next", "status", "channel", "seq"),
    Index("outbox_incident", "incident_id"),
)

usual_arrival = Table(
    "usual_arrival",
    metadata,
    Column("feed_id", Big, ForeignKey("feed.id"), primary_key=True, autoincrement=False),
    Column("stratum", Text, primary_key=True),
    Column("n", Integer, nullable=False),
    Column("p50_s", Float, nullable=False),
    Column("p95_s", Float, nullable=False),
    Column("mad_s", Float, nullable=False),
    Column("through", Text, nullable=False),
    Column("computed_at", Instant, nullable=False),
)

bookmark = Table(
    "bookmark",
    metadata,
    Column("name", Text, primary_key=True),
    Column("seq", Big, nullable=False),
)

past_arrival = Table(
    "past_arrival",
    metadata,
    _serial(),
    _feed(),
    Column("period", Text, nullable=False),
    Column("arrived_at", Instant, nullable=False),
    Column("submitted_at", Instant),
    Column("origin", Text, nullable=False, default=""),
    UniqueConstraint("feed_id", "period"),
)

anchor = Table(
    "anchor",
    metadata,
    _serial(),
    Column("consumer", Text, nullable=False),
    Column("table", Text, nullable=False),
    Column("period", Text),
    Column("batch_id", Text),
    Column("release_seq", Big),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("until", Instant),
    Column("revoked_at", Instant),
    Column("revoked_by", Text, nullable=False, default=""),
    Index("anchor_consumer", "consumer", "table"),
)

proposal = Table(
    "proposal",
    metadata,
    _serial(),
    Column("product", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("manifest_id", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("body", JSON, nullable=False, default=dict),
    Column("at", Instant, nullable=False),
    Column("verdict", Text, nullable=False, default=""),
    Column("decided_at", Instant),
    Column("decided_by", Text, nullable=False, default=""),
    UniqueConstraint("product", "period", "cause"),
)

backfill = Table(
    "backfill",
    metadata,
    _serial(),
    Column("subject", Text, nullable=False),
    Column("dag_id", Text, nullable=False),
    Column("first", Text, nullable=False),
    Column("last", Text, nullable=False),
    Column("periods", JSON, nullable=False, default=list),
    Column("reprocess", Text, nullable=False),
    Column("follow", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("via", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Instant, nullable=False),
)

product_period = Table(
    "product_period",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=True),
    Column("product", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("opens_at", Instant, nullable=False),
    Column("decide_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("cutoff_at", Instant, nullable=False),
    UniqueConstraint("product", "period"),
)

manifest = Table(
    "manifest",
    metadata,
    _serial(),
    Column("manifest_id", Text, nullable=False, unique=True),
    Column("product", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("run_id", Text, nullable=False, default=""),
    Column("body", JSON, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index("manifest_product", "product", "period", "seq"),
)

release = Table(
    "release",
    metadata,
    _serial(),
    Column("product", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("manifest_id", Text, nullable=False),
    Column("tables", JSON, nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", Text, nullable=False),
    Column("action", Text, nullable=False, default="release"),
    Index("release_product", "product", "period", "seq"),
)

step_result = Table(
    "step_result",
    metadata,
    _serial(),
    Column("manifest_id", Text, nullable=False),
    Column("product", Text, nullable=False),
    Column("step", Integer, nullable=False),
    Column("node", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("seconds", Float, nullable=False, default=0.0),
    Column("message", Text, nullable=False, default=""),
    Column("run_id", Text, nullable=False, default=""),
    Column("at", Instant, nullable=False),
    Index("step_result_manifest", "manifest_id", "seq"),
)

model_version = Table(
    "model_version",
    metadata,
    _serial(),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("uri", Text, nullable=False),
    Column("metrics", JSON, nullable=False),
    Column("data", JSON, nullable=False),
    Column("state", Text, nullable=False),
    Column("at", Instant, nullable=False),
    UniqueConstraint("name", "version"),
)

alias_event = Table(
    "alias_event",
    metadata,
    _serial(),
    Column("name", Text, nullable=False),
    Column("alias", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("previous", Integer),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Index("alias_event_name", "name", "alias", "seq"),
)

tick = Table(
    "tick",
    metadata,
    _serial(),
    Column("kind", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("seconds", Float, nullable=False, default=0.0),
    Column("note", Text, nullable=False, default=""),
    Index("tick_kind", "kind", "seq"),
)
