"""What should come, kept in step with contract and calendar, and how far that was done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from wharf.ledger.feeds import feed_id
from wharf.ledger.rows import ExpectedDelivery, ProductPeriod, read_row
from wharf.ledger.schema import expected_delivery as table
from wharf.ledger.schema import expected_delivery_event as event
from wharf.ledger.schema import feed, horizon, product_period

VERSIONS = ("contract", "calendar", "stratum")
TIMES = (
    "expected", "closed_because", "notifies", "judge_by",
    "opens_at", "expected_at", "warn_at", "due_at", "late_at", "cutoff_at",
)  # fmt: skip


def remembered(tx: Connection) -> dict[str, str]:
    """From what the rows of each feed and product were last made, by name."""
    return {row.name: row.key for row in tx.execute(select(horizon.c.name, horizon.c.key))}


def remember(tx: Connection, keys: Mapping[str, str], now: datetime) -> None:
    """Note from what rows were made; the same again needs no look at them."""
    if keys:
        rows = [{"name": name, "key": key, "at": now} for name, key in keys.items()]
        tx.execute(delete(horizon).where(horizon.c.name == bindparam("name")), rows)
        tx.execute(insert(horizon), rows)


def rows_from(tx: Connection, feed_name: str, period: str) -> list[ExpectedDelivery]:
    """The rows of a feed whose period key is not before another."""
    query = (
        select(table, feed.c.name.label("feed"))
        .join(feed, feed.c.id == table.c.feed_id)
        .where(feed.c.name == feed_name, table.c.period >= period)
        .order_by(table.c.period)
    )
    return [read_row(ExpectedDelivery, row) for row in tx.execute(query)]


def add_missing(tx: Connection, row: ExpectedDelivery, now: datetime) -> None:
    """Make one row unless it stands; one that stands keeps its times."""
    one = select(table.c.id).where(
        table.c.feed_id == feed_id(tx, row.feed), table.c.period == row.period
    )
    if tx.execute(one).first() is None:
        tx.execute(insert(table), [_new(row, feed_id(tx, row.feed), now)])


def ensure_expected(tx: Connection, rows: Iterable[ExpectedDelivery], now: datetime) -> int:
    """Make the rows that are missing, and re-time those not yet due whose terms changed.

    A row is due by the terms it was made with; it never becomes due, or late, by terms written
    afterwards.

    Returns:
        How many rows were made or re-timed.
    """
    changed = 0
    for name, group in groupby(sorted(rows, key=lambda row: row.feed), lambda row: row.feed):
        wanted = list(group)
        standing = rows_from(tx, name, min(row.period for row in wanted))
        changed += ensure_feed(tx, name, wanted, standing, now)
    return changed


def ensure_feed(
    tx: Connection,
    name: str,
    wanted: Sequence[ExpectedDelivery],
    standing: Iterable[ExpectedDelivery],
    now: datetime,
) -> int:
    """The same for one feed, whose rows that stand were read already."""
    known = {row.period: row for row in standing}
    new = [row for row in wanted if row.period not in known]
    changed = [
        (known[row.period], row)
        for row in wanted
        if row.period in known and _may_change(known[row.period], row, now)
    ]
    if new:
        number = feed_id(tx, name)
        tx.execute(insert(table), [_new(row, number, now) for row in new])
    _retime(tx, changed, now)
    return len(new) + len(changed)


def retime_products(tx: Connection, rows: Iterable[ProductPeriod], now: datetime) -> int:
    """Re-time the product periods that are not decided yet, by their old and their new terms.

    Returns:
        How many were re-timed.
    """
    names = ("opens_at", "decide_at", "due_at", "cutoff_at")
    query = select(product_period).where(product_period.c.decide_at > now)
    ahead = {(row.product, row.period): row for row in tx.execute(query)}
    changed = 0
    for row in rows:
        stands = ahead.get((row.product, row.period))
        values = {name: getattr(row, name) for name in names}
        if stands and now < row.decide_at and values != {n: getattr(stands, n) for n in names}:
            which = product_period.c.id == stands.id
            tx.execute(update(product_period).where(which).values(**values))
            changed += 1
    return changed


def _new(row: ExpectedDelivery, number: int, now: datetime) -> dict[str, Any]:
    names = ("period", "period_first", *VERSIONS, *TIMES)
    return {
        "feed_id": number,
        "next_change_at": now,
        **{name: getattr(row, name) for name in names},
    }


def _may_change(stands: ExpectedDelivery, row: ExpectedDelivery, now: datetime) -> bool:
    differs = any(getattr(stands, name) != getattr(row, name) for name in TIMES)
    return differs and now < stands.due_at and (now < row.due_at or not row.expected)


def _retime(
    tx: Connection, changed: list[tuple[ExpectedDelivery, ExpectedDelivery]], now: datetime
) -> None:
    if not changed:
        return
    names = (*VERSIONS, *TIMES)
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
    statement = update(table).where(table.c.id == bindparam("row_id"))
    tx.execute(
        statement.values(next_change_at=now, **values),
        [
            {"row_id": old.id, **{f"new_{name}": getattr(new, name) for name in names}}
            for old, new in changed
        ],
    )
    append_events(tx, [(old, new, _why(old, new)) for old, new in changed], now)


def append_events(
    tx: Connection,
    changes: Iterable[tuple[ExpectedDelivery, ExpectedDelivery, str]],
    now: datetime,
) -> None:
    """Write down what of each row was and is, and why it changed."""
    rows = []
    for old, new, why in changes:
        names = [n for n in (*VERSIONS, *TIMES) if getattr(old, n) != getattr(new, n)]
        rows.append(
            {
                "expected_id": old.id,
                "at": now,
                "was": {name: _word(getattr(old, name)) for name in names},
                "is": {name: _word(getattr(new, name)) for name in names},
                "why": why,
            }
        )
    if rows:
        tx.execute(insert(event), rows)


def _why(old: ExpectedDelivery, new: ExpectedDelivery) -> str:
    told = [
        f"{what} changed from {_short(getattr(old, what))} to {_short(getattr(new, what))}"
        for what in ("contract", "calendar")
        if getattr(old, what) != getattr(new, what)
    ]
    return "; ".join(told) or "the terms give other times than before"


def _short(version: str) -> str:
    name, at, digest = version.rpartition("@")
    return f"{name}{at}{digest[:8]}" if version else "none"


def _word(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
