"""What suppliers may have to be written about: late deliveries, and what was made of those sent."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, and_, or_, select

from wharf.ledger.chunks import chunks
from wharf.ledger.rows import BatchRow, Delivery, Incident, read_row
from wharf.ledger.schema import batch, delivery, expected_delivery, feed, incident, outbox
from wharf.ledger.schema import transition as step


def late_since(tx: Connection, since: datetime) -> list[Incident]:
    """Open incidents of lateness that opened or grew louder since an instant, and speak.

    What waits to be grouped, belongs to a summary of old news, or is told of by an incident of ours
    (a connection that cannot be looked at) is left out.
    """
    parent = incident.alias()
    recent = select(step.c.incident_id).where(
        step.c.at >= since, step.c.kind.in_(["open", "raise"])
    )
    told = or_(incident.c.parent_id.is_(None), parent.c.kind == "supplier")
    query = (
        select(incident, feed.c.name.label("feed"))
        .join(feed, feed.c.id == incident.c.feed_id)
        .outerjoin(parent, parent.c.id == incident.c.parent_id)
        .where(
            incident.c.id.in_(recent),
            incident.c.kind == "late",
            incident.c.resolved_at.is_(None),
            incident.c.summary.is_(False),
            told,
        )
        .order_by(incident.c.id)
    )
    found = [read_row(Incident, row) for row in tx.execute(query)]
    return [each for each in found if not each.detail.get("waits")]


def judged_since(
    tx: Connection, since: datetime, status: str, feeds: Iterable[str]
) -> list[BatchRow]:
    """Batches of some feeds that came to be of a status since an instant."""
    found: list[BatchRow] = []
    for some in chunks(sorted(set(feeds))):
        query = select(batch).where(
            batch.c.status_at >= since, batch.c.status == status, batch.c.subject.in_(some)
        )
        found += [read_row(BatchRow, row) for row in tx.execute(query.order_by(batch.c.seq))]
    return found


def refused_since(tx: Connection, since: datetime, feeds: Iterable[str]) -> list[Delivery]:
    """Deliveries of feeds that could not be read, landed since an instant."""
    wanted = set(feeds)
    query = (
        select(delivery, feed.c.name.label("feed"))
        .join(feed, feed.c.id == delivery.c.feed_id)
        .where(delivery.c.landed_at >= since, delivery.c.outcome == "refused")
        .order_by(delivery.c.seq)
    )
    found = [read_row(Delivery, row) for row in tx.execute(query)]
    return [each for each in found if each.feed in wanted]


def keys_queued(tx: Connection, keys: Iterable[str]) -> set[str]:
    """Those of some keys under which a message was ever queued."""
    found: set[str] = set()
    for some in chunks(sorted(set(keys))):
        found |= set(tx.execute(select(outbox.c.key).where(outbox.c.key.in_(some))).scalars())
    return found


def last_published(tx: Connection, feed_name: str, before: str) -> str:
    """The period of a feed's last published delivery before a day; empty when there is none."""
    table = expected_delivery
    query = (
        select(table.c.period)
        .join(feed, feed.c.id == table.c.feed_id)
        .where(
            and_(
                feed.c.name == feed_name,
                table.c.delivery == "PUBLISHED",
                table.c.period_first < before,
            )
        )
        .order_by(table.c.period_first.desc())
        .limit(1)
    )
    return tx.execute(query).scalar() or ""
