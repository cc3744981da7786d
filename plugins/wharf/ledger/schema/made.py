"""What is made of deliveries: products, their manifests and releases, and models."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Float, Index, Integer, Table, Text, UniqueConstraint

from wharf.ledger.schema.columns import Big, Instant, metadata, serial

anchor = Table(
    "anchor",
    metadata,
    serial(),
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
    serial(),
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
    serial(),
    Column("manifest_id", Text, nullable=False, unique=True),
    Column("product", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("run_id", Text, nullable=False, default=""),
    Column("body", JSON, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index("manifest_product", "product", "period", "seq"),
)

manifest_input = Table(
    "manifest_input",
    metadata,
    serial(),
    Column("manifest_id", Text, nullable=False),
    Column("table", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("batch_id", Text, nullable=False),
    Index("manifest_input_batch", "batch_id"),
    Index("manifest_input_manifest", "manifest_id"),
)

release = Table(
    "release",
    metadata,
    serial(),
    Column("product", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("manifest_id", Text, nullable=False),
    Column("tables", JSON, nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", Text, nullable=False),
    Column("action", Text, nullable=False, default="release"),
    Index("release_product", "product", "period", "seq"),
    Index("release_manifest", "manifest_id"),
)

step_result = Table(
    "step_result",
    metadata,
    serial(),
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
    serial(),
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
    serial(),
    Column("name", Text, nullable=False),
    Column("alias", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("previous", Integer),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Index("alias_event_name", "name", "alias", "seq"),
)
