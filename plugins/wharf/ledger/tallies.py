"""Counts of what is open and unsent, for whoever watches the watcher."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, select

from wharf.ledger.schema import feed, incident, outbox

UNSENT = ("QUEUED", "SENDING", "HELD", "FAILED")


def incidents_by_level(tx: Connection) -> dict[tuple[str, str], int]:
    """How many incidents are open, by kind and level."""
    query = (
        select(incident.c.kind, incident.c.level, func.count())
        .where(incident.c.resolved_at.is_(None))
        .group_by(incident.c.kind, incident.c.level)
    )
    return {(kind, level): count for kind, level, count in tx.execute(query)}


def levels_by_feed(tx: Connection) -> dict[str, str]:
    """The highest level of each feed's open incidents."""
    query = (
        select(feed.c.name, func.max(incident.c.level).label("level"))
        .join(feed, feed.c.id == incident.c.feed_id)
        .where(incident.c.resolved_at.is_(None))
        .group_by(feed.c.name)
    )
    return {row.name: row.level for row in tx.execute(query)}


def unsent_messages(tx: Connection) -> dict[str, int]:
    """How many messages wait, are held back or failed for good, by status."""
    query = (
        select(outbox.c.status, func.count().label("messages"))
        .where(outbox.c.status.in_(UNSENT))
        .group_by(outbox.c.status)
    )
    return dict.fromkeys(UNSENT, 0) | {row.status: row.messages for row in tx.execute(query)}


def oldest_unsent(tx: Connection) -> datetime | None:
    """Since when the oldest message waits to be sent."""
    query = select(func.min(outbox.c.queued_at)).where(outbox.c.status.in_(("QUEUED", "SENDING")))
    found: datetime | None = tx.execute(query).scalar()
    return found
