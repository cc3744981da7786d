"""Expected deliveries: one row for each feed and period, and the history of its state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    func,
    insert,
    or_,
    select,
    update,
)

from wharf.ledger.chunks import chunks
from wharf.ledger.rows import ExpectedDelivery, StateEvent, read_row
from wharf.ledger.schema import expected_delivery as table
from wharf.ledger.schema import expected_delivery_event as event
from wharf.ledger.schema import feed

ALARMING = ("LATE", "MISSING", "LATE_ARRIVED", "UNKNOWN")
STATE = (
    "timeliness", "delivery", "reason", "late_by_s", "late_by_submitted_s", "late_by_arrived_s",
    "complete_at", "submitted_at", "batch_id",
)  # fmt: skip


def find_expected(tx: Connection, feed_name: str, period: str) -> ExpectedDelivery | None:
    """The row of one feed and period."""
    query = _select().where(feed.c.name == feed_name, table.c.period == period)
    row = tx.execute(query).first()
    return read_row(ExpectedDelivery, row) if row else None


def expected_of(tx: Connection, feed_name: str) -> list[ExpectedDelivery]:
    """All rows of one feed, oldest period first."""
    query = _select().where(feed.c.name == feed_name).order_by(table.c.period_first)
    return [read_row(ExpectedDelivery, row) for row in tx.execute(query)]


def states_of(
    tx: Connection, feed_name: str, since: str, until: str
) -> list[tuple[str, str, str, datetime]]:
    """Period, timeliness, delivery and due time of a feed's rows between two keys, included."""
    query = (
        select(table.c.period, table.c.timeliness, table.c.delivery, table.c.due_at)
        .join(feed, feed.c.id == table.c.feed_id)
        .where(feed.c.name == feed_name, table.c.period.between(since, until))
        .order_by(table.c.period)
    )
    return [(row.period, row.timeliness, row.delivery, row.due_at) for row in tx.execute(query)]


def expected_between(tx: Connection, first: str, last: str) -> list[ExpectedDelivery]:
    """Rows whose period's first day lies between two ISO days, both included."""
    query = _select().where(table.c.period_first.between(first, last))
    return [
        read_row(ExpectedDelivery, row)
        for row in tx.execute(query.order_by(feed.c.name, table.c.period_first))
    ]


def due_for_evaluation(tx: Connection, now: datetime, limit: int = 5000) -> list[ExpectedDelivery]:
    """Rows that may have changed by now, oldest change first."""
    query = (
        _select().where(table.c.next_change_at <= now).order_by(table.c.next_change_at).limit(limit)
    )
    return [read_row(ExpectedDelivery, row) for row in tx.execute(query)]


def due_ids(tx: Connection, now: datetime) -> list[int]:
    """Ids of all rows that may have changed by now, oldest change first."""
    query = select(table.c.id).where(table.c.next_change_at <= now)
    return list(tx.execute(query.order_by(table.c.next_change_at, table.c.id)).scalars())


def feeds_due(tx: Connection, now: datetime) -> set[str]:
    """Names of the feeds with rows that may have changed by now."""
    due = select(table.c.feed_id).where(table.c.next_change_at <= now).distinct()
    return set(tx.execute(select(feed.c.name).where(feed.c.id.in_(due))).scalars())


def rows_by_id(
    tx: Connection, ids: Sequence[int], due_by: datetime | None = None
) -> list[ExpectedDelivery]:
    """Some rows; of those that must be due by an instant, what nobody evaluated meanwhile."""
    query = _select().where(table.c.id.in_(ids))
    if due_by is not None:
        query = query.where(table.c.next_change_at <= due_by)
    return [
        read_row(ExpectedDelivery, row)
        for row in tx.execute(query.order_by(table.c.next_change_at, table.c.id))
    ]


def late_among(tx: Connection, ids: Sequence[int], now: datetime) -> list[ExpectedDelivery]:
    """Those of some rows that are late or may be by now, as far as can be seen without facts."""
    query = _select().where(
        table.c.id.in_(ids),
        or_(
            table.c.timeliness.in_(ALARMING),
            and_(table.c.complete_at.is_(None), table.c.late_at <= now),
        ),
    )
    return [read_row(ExpectedDelivery, row) for row in tx.execute(query.order_by(table.c.id))]


def next_change(tx: Connection) -> datetime | None:
    """The earliest instant at which a row may change; None when only new facts change any."""
    found: datetime | None = tx.execute(select(func.min(table.c.next_change_at))).scalar()
    return found


def in_horizon(tx: Connection, since: datetime) -> list[ExpectedDelivery]:
    """Rows whose cut-off is not before an instant."""
    query = _select().where(table.c.cutoff_at >= since).order_by(feed.c.name, table.c.period_first)
    return [read_row(ExpectedDelivery, row) for row in tx.execute(query)]


def make_due(tx: Connection, feed_name: str, periods: Sequence[str], now: datetime) -> None:
    """Have the next evaluation look at these rows again."""
    mine = select(feed.c.id).where(feed.c.name == feed_name).scalar_subquery()
    for some in chunks(periods):
        query = update(table).where(table.c.feed_id == mine, table.c.period.in_(some))
        tx.execute(query.where(_is_not_due(now)).values(next_change_at=now))


def make_rows_due(tx: Connection, ids: Sequence[int], now: datetime) -> None:
    """The same for rows by their ids."""
    for some in chunks(ids):
        query = update(table).where(table.c.id.in_(some), _is_not_due(now))
        tx.execute(query.values(next_change_at=now))


def _is_not_due(now: datetime) -> ColumnElement[bool]:
    """What is due already stays due since then: how long it waits for a first look counts."""
    return or_(table.c.next_change_at.is_(None), table.c.next_change_at > now)


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation made of one row."""

    row: ExpectedDelivery
    """As it was read, in the same transaction."""
    state: Mapping[str, Any]
    """Values for the names in `STATE`."""
    next_change_at: datetime | None
    """When the row may change again; None when only new facts can."""
    fresh_seq: int | None = None
    """The last arrival that nothing has landed yet."""


def record_states(tx: Connection, done: Sequence[Evaluation], now: datetime) -> int:
    """Store evaluated states; append an event for each row of which a visible field changed.

    Returns:
        Of how many rows timeliness or delivery changed.
    """
    if not done:
        return 0
    names = ("evaluated_at", "next_change_at", "fresh_seq", *STATE)
    stored = update(table).where(table.c.id == bindparam("row_id"))
    tx.execute(
        stored.values({name: bindparam(name) for name in names}),
        [
            {
                "row_id": each.row.id,
                "evaluated_at": now,
                "next_change_at": each.next_change_at,
                "fresh_seq": each.fresh_seq,
                **{name: each.state[name] for name in STATE},
            }
            for each in done
        ],
    )
    events = [event for each in done if (event := _change(each, now)) is not None]
    _append_events(tx, events)
    return len(events)


def _change(each: Evaluation, now: datetime) -> dict[str, Any] | None:
    was = {"timeliness": each.row.timeliness, "delivery": each.row.delivery}
    is_ = {name: each.state[name] for name in was}
    return None if was == is_ else _event(each.row.id, now, was, is_, str(each.state["reason"]))


def record_state(
    tx: Connection,
    row: ExpectedDelivery,
    state: dict[str, Any],
    now: datetime,
    next_change_at: datetime | None,
) -> bool:
    """Store an evaluated state; append an event when a visible field changed.

    Args:
        tx: A writing transaction.
        row: The row as it was read.
        state: Values for the names in `STATE`.
        now: The instant of the evaluation.
        next_change_at: When the row may change again; None when only new facts can.

    Returns:
        Whether timeliness or delivery changed.
    """
    return record_states(tx, [Evaluation(row, state, next_change_at)], now) > 0


def events_of(tx: Connection, row_id: int) -> list[StateEvent]:
    """The history of one row, oldest first."""
    query = select(event).where(event.c.expected_id == row_id).order_by(event.c.seq)
    return [
        StateEvent(r.expected_id, r.at, r._mapping["was"], r._mapping["is"], r.why, r.seq)
        for r in tx.execute(query)
    ]


def _event(
    row_id: int, at: datetime, was: Mapping[str, Any], is_: Mapping[str, Any], why: str
) -> dict[str, Any]:
    return {"expected_id": row_id, "at": at, "was": was, "is": is_, "why": why}


def _append_events(tx: Connection, events: Iterable[Mapping[str, Any]]) -> None:
    if made := list(events):
        tx.execute(insert(event), made)


def _select() -> Select[Any]:
    return select(table, feed.c.name.label("feed")).join(feed, feed.c.id == table.c.feed_id)
