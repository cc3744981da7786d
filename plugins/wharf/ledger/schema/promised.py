"""What was promised: feeds, contracts, expected deliveries, and when they usually come."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    and_,
)

from wharf.ledger.schema.columns import Big, Instant, metadata, of_feed, serial

feed = Table(
    "feed",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False, unique=True),
)

contract_version = Table(
    "contract_version",
    metadata,
    serial(),
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
    of_feed(),
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
    # All that a heat map shows, so that the rows themselves need not be read.
    Index(
        "expected_delivery_heat",
        "feed_id",
        "cutoff_at",
        "opens_at",
        "period_first",
        "timeliness",
        "delivery",
        "expected",
    ),
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
    serial(),
    Column("expected_id", Big, ForeignKey("expected_delivery.id"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("was", JSON, nullable=False),
    Column("is", JSON, nullable=False),
    Column("why", Text, nullable=False, default=""),
    Index("expected_delivery_event_row", "expected_id", "seq"),
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

past_arrival = Table(
    "past_arrival",
    metadata,
    serial(),
    of_feed(),
    Column("period", Text, nullable=False),
    Column("arrived_at", Instant, nullable=False),
    Column("submitted_at", Instant),
    Column("origin", Text, nullable=False, default=""),
    UniqueConstraint("feed_id", "period"),
)
