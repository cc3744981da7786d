"""What came: files seen and landed, batches, and what was published of them."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    and_,
    or_,
)

from wharf.ledger.schema.columns import Big, Instant, metadata, of_feed, serial

arrival = Table(
    "arrival",
    metadata,
    serial(),
    of_feed(),
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
    serial(),
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
    serial(),
    of_feed(),
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
    Index("delivery_bytes", "sha256"),
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
    serial(),
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

_held = or_(batch.c.rows_quarantined > 0, batch.c.status == "QUARANTINED")
Index("batch_held", batch.c.seq, sqlite_where=_held, postgresql_where=_held)

publish_event = Table(
    "publish_event",
    metadata,
    serial(),
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

erasure = Table(
    "erasure",
    metadata,
    serial(),
    Column("kind", Text, nullable=False),
    Column("table", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("batch_id", Text),
    Column("delivery_seq", Big),
    Column("part", Text, nullable=False, default=""),
    Column("replaced_by", Text),
    Column("rows", Big, nullable=False, default=0),
    Column("bytes", Big, nullable=False, default=0),
    Column("at", Instant, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Index("erasure_batch", "batch_id"),
    Index("erasure_delivery", "delivery_seq"),
)

disk_use = Table(
    "disk_use",
    metadata,
    serial(),
    Column("at", Instant, nullable=False),
    Column("what", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("files", Big, nullable=False),
    Column("bytes", Big, nullable=False),
    Index("disk_use_at", "at"),
)
