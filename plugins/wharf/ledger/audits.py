"""Audits of batches: what each found, kept so that later ones can be compared with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from wharf.ledger.rows import read_row
from wharf.ledger.schema import batch, batch_audit, check_outcome

# Of a feed that comes daily: 28 of each weekday, and 6 month-ends.
KEPT_IN_MIND = 200


@dataclass(frozen=True)
class BatchAudit:
    """One audited batch, in figures."""

    batch_id: str
    table: str
    period: str
    subject: str
    at: datetime
    suite_sha256: str
    engine: str
    passed: bool
    failing_rows: int
    failing_uri: str
    """Where every failing row lies; empty when there is none."""
    profile: Mapping[str, Any]
    findings: Sequence[Any]
    seq: int = 0


@dataclass(frozen=True)
class CheckOutcome:
    """How one expectation came out for one batch."""

    batch_id: str
    subject: str
    period: str
    at: datetime
    number: int
    """Its place in the suite, from 1."""
    check: str
    """By which it is known from batch to batch, whatever its place and severity."""
    type: str
    column: str
    expected: str
    severity: str
    success: bool
    errored: bool
    unexpected: int | None
    elements: int | None
    observed: str
    seq: int = 0


def record_audit(tx: Connection, audit: BatchAudit, outcomes: Sequence[CheckOutcome]) -> None:
    """Keep what an audit found; an audit of the same batch before is replaced."""
    for table in (batch_audit, check_outcome):
        tx.execute(delete(table).where(table.c.batch_id == audit.batch_id))
    tx.execute(insert(batch_audit).values(**_values(audit)))
    if outcomes:
        tx.execute(insert(check_outcome), [_values(each) for each in outcomes])


def forget_audit(tx: Connection, batch_id: str) -> None:
    """Delete what an audit found in a batch: figures and findings quote values."""
    for table in (batch_audit, check_outcome):
        tx.execute(delete(table).where(table.c.batch_id == batch_id))


def audit_of(tx: Connection, batch_id: str) -> BatchAudit | None:
    """The audit of a batch; None when it was not audited."""
    row = tx.execute(select(batch_audit).where(batch_audit.c.batch_id == batch_id)).first()
    return read_row(BatchAudit, row) if row else None


def passed_before(
    tx: Connection, subject: str, *, without: str, limit: int = KEPT_IN_MIND
) -> list[BatchAudit]:
    """The newest audits that batches passed, oldest first; what is usual is learned from them.

    A batch that a person rolled back is left out.

    Args:
        tx: A transaction.
        subject: The feed or product.
        without: A batch to leave out.
        limit: How many at most.
    """
    found = (
        select(batch_audit)
        .join(batch, batch.c.batch_id == batch_audit.c.batch_id)
        .where(
            batch_audit.c.subject == subject,
            batch_audit.c.passed,
            batch_audit.c.batch_id != without,
            batch.c.status.not_in(["QUARANTINED", "ROLLED_BACK"]),
        )
        .order_by(batch_audit.c.seq.desc())
        .limit(limit)
    )
    return [read_row(BatchAudit, row) for row in tx.execute(found)][::-1]


def audits_of(tx: Connection, subject: str, limit: int = KEPT_IN_MIND) -> list[BatchAudit]:
    """The newest audits of a feed or product, oldest first."""
    found = select(batch_audit).where(batch_audit.c.subject == subject)
    rows = tx.execute(found.order_by(batch_audit.c.seq.desc()).limit(limit))
    return [read_row(BatchAudit, row) for row in rows][::-1]


def outcomes_of(
    tx: Connection, subject: str, *, batches: int = 30, without: str = ""
) -> list[CheckOutcome]:
    """How the expectations came out for the newest batches of a feed or product, oldest first.

    Args:
        tx: A transaction.
        subject: The feed or product.
        batches: How many batches.
        without: A batch to leave out.
    """
    newest = (
        select(batch_audit.c.batch_id)
        .where(batch_audit.c.subject == subject, batch_audit.c.batch_id != without)
        .order_by(batch_audit.c.seq.desc())
        .limit(batches)
    )
    found = select(check_outcome).where(
        check_outcome.c.subject == subject, check_outcome.c.batch_id.in_(newest)
    )
    return [read_row(CheckOutcome, row) for row in tx.execute(found.order_by(check_outcome.c.seq))]


def _values(row: BatchAudit | CheckOutcome) -> dict[str, Any]:
    values = asdict(row)
    values.pop("seq")
    return values
