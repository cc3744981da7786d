"""Incidents and their transitions. What is said about them waits in `outbox`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    func,
    insert,
    or_,
    select,
    update,
)

from wharf.ledger.chunks import chunks
from wharf.ledger.feeds import feed_ids
from wharf.ledger.outbox import messages, next_try, queue_message
from wharf.ledger.rows import Incident, Transition, read_row
from wharf.ledger.schema import decision, feed, incident, transition

_PUT_OFF_BY = ("ack", "snooze")


def open_incident(tx: Connection, row: Incident) -> Incident:
    """Append an incident; returns it with its id."""
    return open_all(tx, [row])[0]


def open_all(tx: Connection, rows: Sequence[Incident]) -> list[Incident]:
    """Append incidents in one statement; returns them with their ids, in the same order."""
    ids = feed_ids(tx, {row.feed for row in rows if row.feed})
    made: list[Incident] = []
    for some in chunks(rows):
        values: list[dict[str, Any]] = []
        for row in some:
            value = dict(vars(row))
            value.pop("id")
            value["feed_id"] = ids.get(value.pop("feed"))
            values.append(value)
        query = insert(incident).returning(incident.c.id, sort_by_parameter_order=True)
        found = tx.execute(query, values).scalars().all()
        made += [replace(row, id=key) for row, key in zip(some, found, strict=True)]
    return made


def change_incident(tx: Connection, incident_id: int, **values: Any) -> None:
    """Change the level, text, detail, parent, waking or resolved_at of an incident."""
    tx.execute(update(incident).where(incident.c.id == incident_id).values(**values))


def change_all(tx: Connection, incident_ids: Iterable[int], **values: Any) -> None:
    """Change many incidents alike."""
    for some in chunks(sorted(set(incident_ids))):
        tx.execute(update(incident).where(incident.c.id.in_(some)).values(**values))


def change_each(tx: Connection, changes: Mapping[int, Mapping[str, Any]]) -> None:
    """Change many incidents, each in its own way, in few statements.

    Args:
        tx: A writing transaction.
        changes: New values by the incident's id.
    """
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for key, values in changes.items():
        row = {"which": key, **{f"new_{name}": value for name, value in values.items()}}
        alike.setdefault(tuple(sorted(values)), []).append(row)
    for names, many in alike.items():
        query = update(incident).where(incident.c.id == bindparam("which"))
        tx.execute(query.values({name: bindparam(f"new_{name}") for name in names}), many)


def open_incidents(tx: Connection) -> list[Incident]:
    """Incidents that are not resolved, oldest first."""
    return _read(tx, incident.c.resolved_at.is_(None))


def incidents_of(tx: Connection, feed_name: str, period: str | None = None) -> list[Incident]:
    """All incidents of a feed, and of one period when given, oldest first."""
    if period is None:
        return _read(tx, feed.c.name == feed_name)
    return _read(tx, feed.c.name == feed_name, incident.c.period == period)


def incidents_for(tx: Connection, pairs: Iterable[tuple[str, str]]) -> list[Incident]:
    """All incidents of many expected deliveries, open and resolved, oldest first.

    Args:
        tx: A transaction.
        pairs: Feed names and period keys.
    """
    wanted = set(pairs)
    ids = select(feed.c.id).where(feed.c.name.in_({name for name, _ in wanted}))
    keys = list(tx.execute(ids).scalars())
    found: list[Incident] = []
    for some in chunks(sorted({period for _, period in wanted})):
        found += _read(tx, incident.c.feed_id.in_(keys), incident.c.period.in_(some))
    return sorted(
        (each for each in found if (each.feed, each.period) in wanted), key=lambda each: each.id
    )


def incidents_by_id(tx: Connection, ids: Iterable[int]) -> dict[int, Incident]:
    """Incidents by their ids."""
    found: dict[int, Incident] = {}
    for some in chunks(sorted(set(ids))):
        found |= {each.id: each for each in _read(tx, incident.c.id.in_(some))}
    return found


def last_incident(tx: Connection, key: str) -> Incident | None:
    """The newest incident of a key, open or resolved."""
    found = _read(tx, incident.c.dedup_key == key)
    return found[-1] if found else None


def open_of_kind(tx: Connection, kind: str, since: datetime | None = None) -> list[Incident]:
    """Open incidents of one kind, opened since an instant, oldest first."""
    recent = () if since is None else (incident.c.opened_at >= since,)
    return _read(tx, incident.c.resolved_at.is_(None), incident.c.kind == kind, *recent)


def open_of_suppliers(tx: Connection, suppliers: Iterable[str], since: datetime) -> list[Incident]:
    """Open incidents of suppliers, and their groups, opened since an instant, oldest first."""
    found: list[Incident] = []
    for some in chunks(sorted(set(suppliers))):
        recent = (incident.c.supplier.in_(some), incident.c.opened_at >= since)
        found += _read(tx, incident.c.resolved_at.is_(None), *recent)
    return found


def children_of(tx: Connection, parent_ids: Iterable[int]) -> dict[int, list[Incident]]:
    """The members of groups, resolved ones too, oldest first."""
    found: dict[int, list[Incident]] = {key: [] for key in parent_ids}
    for some in chunks(sorted(found)):
        for each in _read(tx, incident.c.parent_id.in_(some)):
            assert each.parent_id is not None
            found[each.parent_id].append(each)
    return found


def awake(tx: Connection, now: datetime, limit: int = 5000) -> list[Incident]:
    """Open incidents that the watch should look at by now, oldest first."""
    query = _select().where(incident.c.wakes_at <= now, incident.c.resolved_at.is_(None))
    return [
        read_row(Incident, row) for row in tx.execute(query.order_by(incident.c.id).limit(limit))
    ]


def next_wake(tx: Connection) -> datetime | None:
    """When the watch should look at an incident next."""
    query = select(func.min(incident.c.wakes_at)).where(incident.c.wakes_at.is_not(None))
    found: datetime | None = tx.execute(query).scalar()
    return found


def put_off_until(tx: Connection, ids: Iterable[int], now: datetime) -> dict[int, datetime]:
    """Until when people asked not to be reminded, by acknowledging or snoozing.

    Args:
        tx: A transaction.
        ids: Incidents about one delivery each.
        now: The instant; what has expired by then counts no more.
    """
    found: dict[int, datetime] = {}
    about = or_(decision.c.period == incident.c.period, decision.c.period.is_(None))
    for some in chunks(sorted(set(ids))):
        query = (
            select(incident.c.id, func.max(decision.c.until).label("until"))
            .join(decision, (decision.c.feed_id == incident.c.feed_id) & about)
            .where(
                incident.c.id.in_(some),
                decision.c.kind.in_(_PUT_OFF_BY),
                decision.c.first.is_(None),
                decision.c.until > now,
                decision.c.revoked_at.is_(None),
            )
            .group_by(incident.c.id)
        )
        found |= {row.id: row.until for row in tx.execute(query)}
    return found


def append_transition(tx: Connection, row: Transition) -> Transition:
    """Append the next transition of an incident, numbering it."""
    return append_transitions(tx, [row])[0]


def append_transitions(tx: Connection, rows: Sequence[Transition]) -> list[Transition]:
    """Append transitions, numbering those of each incident on; returned in the same order."""
    numbers: dict[int, int] = {}
    for some in chunks(sorted({row.incident_id for row in rows})):
        last = (
            select(transition.c.incident_id, func.max(transition.c.number).label("number"))
            .where(transition.c.incident_id.in_(some))
            .group_by(transition.c.incident_id)
        )
        numbers |= {row.incident_id: row.number for row in tx.execute(last)}
    numbered: list[Transition] = []
    for row in rows:
        numbers[row.incident_id] = numbers.get(row.incident_id, 0) + 1
        numbered.append(replace(row, number=numbers[row.incident_id]))
    made: list[Transition] = []
    for part in chunks(numbered):
        values = [{k: v for k, v in vars(row).items() if k != "seq"} for row in part]
        query = insert(transition).returning(transition.c.seq, sort_by_parameter_order=True)
        found = tx.execute(query, values).scalars().all()
        made += [replace(row, seq=seq) for row, seq in zip(part, found, strict=True)]
    return made


def transitions_of(tx: Connection, incident_id: int) -> list[Transition]:
    """The life of one incident, oldest first."""
    query = select(transition).where(transition.c.incident_id == incident_id)
    return [read_row(Transition, row) for row in tx.execute(query.order_by(transition.c.seq))]


def _read(tx: Connection, *where: ColumnElement[bool]) -> list[Incident]:
    query = _select().where(*where).order_by(incident.c.id)
    return [read_row(Incident, row) for row in tx.execute(query)]


def _select() -> Select[Any]:
    about = func.coalesce(feed.c.name, "").label("feed")
    return select(incident, about).outerjoin(feed, feed.c.id == incident.c.feed_id)


__all__ = [
    "append_transition",
    "append_transitions",
    "awake",
    "change_all",
    "change_each",
    "change_incident",
    "children_of",
    "incidents_by_id",
    "incidents_for",
    "incidents_of",
    "last_incident",
    "messages",
    "next_try",
    "next_wake",
    "open_all",
    "open_incident",
    "open_incidents",
    "open_of_kind",
    "open_of_suppliers",
    "put_off_until",
    "queue_message",
    "transitions_of",
]
