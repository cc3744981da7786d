"""Incidents and their transitions, and the outbox of messages about them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, insert, or_, select, update

from wharf.ledger.feeds import feed_id
from wharf.ledger.rows import Incident, Outgoing, Transition, read_row
from wharf.ledger.schema import feed, incident, outbox, transition


def open_incident(tx: Connection, row: Incident) -> Incident:
    """Append an incident; returns it with its id."""
    values: dict[str, Any] = asdict(row)
    about = values.pop("feed")
    values["feed_id"] = feed_id(tx, about) if about else None
    values.pop("id")
    made = tx.execute(insert(incident).values(**values)).inserted_primary_key
    assert made is not None
    return Incident(**{**asdict(row), "id": int(made[0])})


def change_incident(tx: Connection, incident_id: int, **values: Any) -> None:
    """Change the level, text, detail or resolved_at of an incident."""
    tx.execute(update(incident).where(incident.c.id == incident_id).values(**values))


def open_incidents(tx: Connection) -> list[Incident]:
    """Incidents that are not resolved, oldest first."""
    query = _select().where(incident.c.resolved_at.is_(None)).order_by(incident.c.id)
    return [read_row(Incident, row) for row in tx.execute(query)]


def incidents_of(tx: Connection, feed_name: str, period: str | None = None) -> list[Incident]:
    """All incidents of a feed, and of one period when given, oldest first."""
    query = _select().where(feed.c.name == feed_name)
    if period is not None:
        query = query.where(incident.c.period == period)
    return [read_row(Incident, row) for row in tx.execute(query.order_by(incident.c.id))]


def append_transition(tx: Connection, row: Transition) -> Transition:
    """Append the next transition of an incident, numbering it."""
    last = tx.execute(
        select(func.max(transition.c.number)).where(transition.c.incident_id == row.incident_id)
    ).scalar()
    values: dict[str, Any] = {**asdict(row), "number": (last or 0) + 1}
    values.pop("seq")
    made = tx.execute(insert(transition).values(**values)).inserted_primary_key
    assert made is not None
    return Transition(**{**values, "seq": int(made[0])})


def transitions_of(tx: Connection, incident_id: int) -> list[Transition]:
    """The life of one incident, oldest first."""
    query = select(transition).where(transition.c.incident_id == incident_id)
    return [read_row(Transition, row) for row in tx.execute(query.order_by(transition.c.seq))]


def queue_message(tx: Connection, row: Outgoing) -> bool:
    """Put a message in the outbox; False when its key was queued before."""
    if tx.execute(select(outbox.c.seq).where(outbox.c.key == row.key)).first():
        return False
    values: dict[str, Any] = asdict(row)
    values.pop("seq")
    tx.execute(insert(outbox).values(**values))
    return True


def messages_to_send(tx: Connection, now: datetime, limit: int = 100) -> list[Outgoing]:
    """Messages whose next try has come, in the order queued."""
    ripe = or_(outbox.c.next_try_at.is_(None), outbox.c.next_try_at <= now)
    query = select(outbox).where(outbox.c.status == "QUEUED", ripe).order_by(outbox.c.seq)
    return [read_row(Outgoing, row) for row in tx.execute(query.limit(limit))]


def next_try(tx: Connection) -> datetime | None:
    """When the next queued message is to be sent; None when none is queued."""
    query = select(func.min(func.coalesce(outbox.c.next_try_at, outbox.c.queued_at)))
    found: datetime | None = tx.execute(query.where(outbox.c.status == "QUEUED")).scalar()
    return found


def change_message(tx: Connection, seq: int, **values: Any) -> None:
    """Record what became of a message: status, attempts, next_try_at, response_id, error."""
    tx.execute(update(outbox).where(outbox.c.seq == seq).values(**values))


def messages(tx: Connection, incident_id: int | None = None) -> list[Outgoing]:
    """Messages of one incident, or all, in the order queued."""
    query = select(outbox)
    if incident_id is not None:
        query = query.where(outbox.c.incident_id == incident_id)
    return [read_row(Outgoing, row) for row in tx.execute(query.order_by(outbox.c.seq))]


def _select() -> Select[Any]:
    about = func.coalesce(feed.c.name, "").label("feed")
    return select(incident, about).outerjoin(feed, feed.c.id == incident.c.feed_id)
