"""What is wrong and who was told of it."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from wharf.ledger.schema.columns import Big, Instant, metadata, serial

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
    serial(),
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
    serial(),
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
    serial(),
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
