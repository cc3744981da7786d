"""What a daily digest lists: what is open, what may become late, what audits only noted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from wharf.ledger.rows import ExpectedDelivery, Incident, read_row
from wharf.ledger.schema import batch, batch_audit, expected_delivery, feed, incident


@dataclass(frozen=True)
class Remark:
    """What an audit noted about a batch that it did not hold back."""

    subject: str
    period: str
    said: Sequence[str]


def remarks(tx: Connection, since: datetime, until: datetime, limit: int = 500) -> list[Remark]:
    """What audits of a span of time noted, oldest first; a batch is in one span only.

    Args:
        tx: A transaction.
        since: Later than this.
        until: Up to and with this.
        limit: How many batches at most.
    """
    found = (
        select(batch.c.subject, batch.c.period, batch.c.findings)
        .join(batch_audit, batch_audit.c.batch_id == batch.c.batch_id)
        .where(batch_audit.c.at > since, batch_audit.c.at <= until, batch_audit.c.passed)
        .order_by(batch_audit.c.at, batch.c.seq)
        .limit(limit)
    )
    noted = [
        (subject, period, [each["message"] for each in findings if _is_warning(each)])
        for subject, period, findings in tx.execute(found)
    ]
    return [Remark(*each) for each in noted if each[2]]


def _is_warning(finding: object) -> bool:
    return isinstance(finding, dict) and finding.get("severity") == "warning"


def worst_open(tx: Connection, limit: int = 500) -> list[Incident]:
    """Open incidents that speak for themselves: the loudest first, of those the newest."""
    about = func.coalesce(feed.c.name, "").label("feed")
    query = (
        select(incident, about)
        .outerjoin(feed, feed.c.id == incident.c.feed_id)
        .where(incident.c.resolved_at.is_(None), incident.c.parent_id.is_(None))
        .order_by(incident.c.level.desc(), incident.c.opened_at.desc(), incident.c.id)
        .limit(limit)
    )
    return [read_row(Incident, row) for row in tx.execute(query)]


def at_risk(tx: Connection, now: datetime, limit: int = 500) -> list[ExpectedDelivery]:
    """Deliveries that are at risk now, those due first in front."""
    row = expected_delivery.c
    query = (
        select(expected_delivery, feed.c.name.label("feed"))
        .join(feed, feed.c.id == row.feed_id)
        .where(
            row.timeliness == "AT_RISK",
            row.next_change_at.is_not(None),
            row.late_at >= now,
            row.notifies.is_(True),
        )
        .order_by(row.due_at, feed.c.name, row.period)
        .limit(limit)
    )
    return [read_row(ExpectedDelivery, found) for found in tx.execute(query)]
