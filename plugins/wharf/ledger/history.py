"""The whole history at once, for a replay that has ended: every change, every incident's step."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, func, select

from wharf.ledger.rows import Incident, StateEvent, Transition, read_row
from wharf.ledger.schema import expected_delivery, expected_delivery_event, feed, incident
from wharf.ledger.schema import transition as step


def state_changes(tx: Connection) -> Iterator[tuple[str, str, StateEvent]]:
    """Every change of an expected delivery with its feed and period, in the order recorded."""
    event, row = expected_delivery_event, expected_delivery
    query = (
        select(event, feed.c.name.label("feed"), row.c.period)
        .join(row, row.c.id == event.c.expected_id)
        .join(feed, feed.c.id == row.c.feed_id)
        .order_by(event.c.seq)
    )
    for each in tx.execute(query):
        was, now = each._mapping["was"], each._mapping["is"]
        yield each.feed, each.period, StateEvent(each.expected_id, each.at, was, now, each.why)


def incident_steps(tx: Connection) -> Iterator[tuple[Incident, Transition]]:
    """Every step in the life of every incident, in the order recorded."""
    about = func.coalesce(feed.c.name, "").label("feed")
    query = select(incident, about).outerjoin(feed, feed.c.id == incident.c.feed_id)
    known = {each.id: read_row(Incident, each) for each in tx.execute(query)}
    for each in tx.execute(select(step).order_by(step.c.seq)):
        yield known[each.incident_id], read_row(Transition, each)
