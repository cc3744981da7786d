"""Expected deliveries: one row for each feed and period, and the history of its state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, insert, select, update

from wharf.ledger.feeds import feed_id
from wharf.ledger.rows import ExpectedDelivery, StateEvent, read_row
from wharf.ledger.schema import expected_delivery as table
from wharf.ledger.schema import expected_delivery_event as event
from wharf.ledger.schema import feed

TERMS = (
    "contract", "expected", "closed_because", "notifies", "judge_by",
    "opens_at", "warn_at", "due_at", "late_at", "cutoff_at",
)  # fmt: skip
STATE = (
    "timeliness", "delivery", "reason", "late_by_s", "late_by_submitted_s", "late_by_arrived_s",
    "complete_at", "submitted_at", "batch_id",
)  # fmt: skip


def ensure_expected(tx: Connection, rows: Iterable[ExpectedDelivery], now: datetime) -> int:
    """Make the rows that are missing, and re-time those not yet due whose terms changed.

    Returns:
        How many rows were made or re-timed.
    """
    changed = 0
    known: dict[str, dict[str, ExpectedDelivery]] = {}
    for row in rows:
        if row.feed not in known:
            known[row.feed] = {each.period: each for each in expected_of(tx, row.feed)}
        stands = known[row.feed].get(row.period)
        if stands is None:
            values = {name: getattr(row, name) for name in ("period", "period_first", *TERMS)}
            tx.execute(
                insert(table).values(feed_id=feed_id(tx, row.feed), next_change_at=now, **values)
            )
            changed += 1
        elif stands.contract != row.contract and now < stands.due_at:
            values = {name: getattr(row, name) for name in TERMS}
            if any(
                getattr(stands, name) != value
                for name, value in values.items()
                if name != "contract"
            ):
                tx.execute(
                    update(table)
                    .where(table.c.id == stands.id)
                    .values(next_change_at=now, **values)
                )
                _append_event(
                    tx,
                    stands.id,
                    now,
                    {"due_at": stands.due_at.isoformat()},
                    {"due_at": row.due_at.isoformat()},
                    "the contract changed",
                )
                changed += 1
    return changed


def find_expected(tx: Connection, feed_name: str, period: str) -> ExpectedDelivery | None:
    """The row of one feed and period."""
    query = _select().where(feed.c.name == feed_name, table.c.period == period)
    row = tx.execute(query).first()
    return read_row(ExpectedDelivery, row) if row else None


def expected_by_id(tx: Connection, row_id: int) -> ExpectedDelivery | None:
    """The row with an id."""
    row = tx.execute(_select().where(table.c.id == row_id)).first()
    return read_row(ExpectedDelivery, row) if row else None


def expected_of(tx: Connection, feed_name: str) -> list[ExpectedDelivery]:
    """All rows of one feed, oldest period first."""
    query = _select().where(feed.c.name == feed_name).order_by(table.c.period_first)
    return [read_row(ExpectedDelivery, row) for row in tx.execute(query)]


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


def open_rows(tx: Connection, now: datetime) -> list[ExpectedDelivery]:
    """Rows that have opened and are expected, that is, for which a run may be wanted."""
    query = _select().where(table.c.opens_at <= now, table.c.expected.is_(True))
    return [read_row(ExpectedDelivery, row) for row in tx.execute(query.order_by(table.c.opens_at))]


def in_horizon(tx: Connection, since: datetime) -> list[ExpectedDelivery]:
    """Rows whose cut-off is not before an instant: those a look asks for."""
    query = _select().where(table.c.cutoff_at >= since).order_by(feed.c.name, table.c.period_first)
    return [read_row(ExpectedDelivery, row) for row in tx.execute(query)]


def make_due(tx: Connection, feed_name: str, periods: Sequence[str], now: datetime) -> None:
    """Have the next evaluation look at these rows again."""
    for period in periods:
        tx.execute(
            update(table)
            .where(table.c.feed_id == feed_id(tx, feed_name), table.c.period == period)
            .values(next_change_at=now)
        )


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
    was = {"timeliness": row.timeliness, "delivery": row.delivery}
    is_ = {name: state[name] for name in was}
    tx.execute(
        update(table)
        .where(table.c.id == row.id)
        .values(
            evaluated_at=now,
            next_change_at=next_change_at,
            **{n: state[n] for n in STATE},
        )
    )
    if was == is_:
        return False
    _append_event(tx, row.id, now, was, is_, str(state["reason"]))
    return True


def events_of(tx: Connection, row_id: int) -> list[StateEvent]:
    """The history of one row, oldest first."""
    query = select(event).where(event.c.expected_id == row_id).order_by(event.c.seq)
    return [
        StateEvent(r.expected_id, r.at, r._mapping["was"], r._mapping["is"], r.why, r.seq)
        for r in tx.execute(query)
    ]


def _append_event(
    tx: Connection,
    row_id: int,
    at: datetime,
    was: dict[str, Any],
    is_: dict[str, Any],
    why: str,
) -> None:
    tx.execute(
        insert(event).values({"expected_id": row_id, "at": at, "was": was, "is": is_, "why": why})
    )


def _select() -> Select[Any]:
    return select(table, feed.c.name.label("feed")).join(feed, feed.c.id == table.c.feed_id)
