"""What a daily digest lists: what is still open, and what may become late."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, select

from wharf.ledger.rows import ExpectedDelivery, Incident, read_row
from wharf.ledger.schema import expected_delivery, feed, incident


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
