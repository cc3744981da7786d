"""What audits found: one row for each audited batch, and one for each of its expectations."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Index, Integer, Table, Text

from wharf.ledger.schema.columns import Big, Instant, metadata, serial

batch_audit = Table(
    "batch_audit",
    metadata,
    serial(),
    Column("batch_id", Text, nullable=False, unique=True),
    Column("table", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("suite_sha256", Text, nullable=False),
    Column("engine", Text, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("failing_rows", Big, nullable=False),
    Column("failing_uri", Text, nullable=False),
    Column("profile", JSON, nullable=False),
    Column("findings", JSON, nullable=False),
    Index("batch_audit_subject", "subject", "seq"),
    Index("batch_audit_at", "at"),
)

check_outcome = Table(
    "check_outcome",
    metadata,
    serial(),
    Column("batch_id", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("number", Integer, nullable=False),
    Column("check", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("column", Text, nullable=False),
    Column("expected", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("success", Boolean, nullable=False),
    Column("errored", Boolean, nullable=False),
    Column("unexpected", Big),
    Column("elements", Big),
    Column("observed", Text, nullable=False),
    Index("check_outcome_batch", "batch_id", "number"),
    Index("check_outcome_subject", "subject", "seq"),
)
