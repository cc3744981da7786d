"""What people decided, which runs that started, and how far the watch is."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Float, Index, Table, Text, UniqueConstraint

from wharf.ledger.schema.columns import Big, Instant, metadata, of_feed, serial

decision = Table(
    "decision",
    metadata,
    serial(),
    of_feed(),
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
    serial(),
    Column("dag_id", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("at", Instant, nullable=False),
    UniqueConstraint("dag_id", "key", "cause"),
)

backfill = Table(
    "backfill",
    metadata,
    serial(),
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

tick = Table(
    "tick",
    metadata,
    serial(),
    Column("kind", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("seconds", Float, nullable=False, default=0.0),
    Column("note", Text, nullable=False, default=""),
    Index("tick_kind", "kind", "seq"),
)

bookmark = Table(
    "bookmark",
    metadata,
    Column("name", Text, primary_key=True),
    Column("seq", Big, nullable=False),
)
