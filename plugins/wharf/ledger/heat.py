"""Many expected deliveries at once, as few bytes: what a heat map and its lists are drawn from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    tuple_,
)

from wharf.ledger.rows import ExpectedDelivery, read_row
from wharf.ledger.schema import expected_delivery as table
from wharf.ledger.schema import feed

MARKS = {
    "ON_TIME": "o", "LATE_ARRIVED": "c", "AT_RISK": "r", "LATE": "l", "MISSING": "m",
    "UNKNOWN": "u", "NOT_EXPECTED": "n", "DUE": "d", "SCHEDULED": "s",
}  # fmt: skip
"""A timeliness as one letter; `q` behind it says in quarantine, `x` that the calendar is closed."""
OPEN = ("DUE", "AT_RISK", "LATE", "UNKNOWN")
BLIND_FOR = timedelta(days=7)
"""How long after its cut-off a row that we were blind for is asked about again."""


@dataclass(frozen=True)
class Marked:
    """One row of a feed whose periods are no days, as last recorded."""

    feed: str
    period: str
    period_first: str
    due_at: datetime
    mark: str


def marks_by_feed(
    tx: Connection, since: datetime, now: datetime, but: Collection[str] = ()
) -> dict[str, list[str]]:
    """What is recorded of every row opened by now whose cut-off is not before an instant, by feed.

    The database joins the rows of a feed to one text: 45,000 rows as rows take four times as long.

    Args:
        tx: A reading transaction.
        since: The earliest cut-off.
        now: Rows that open later are left out.
        but: Feeds to leave out.

    Returns:
        Texts such as `2026-11-20o`: the period's first day and its mark, in no order.
    """
    texts = func.aggregate_strings(table.c.period_first.concat(_mark()), ",")
    query = (
        select(feed.c.name, texts)
        .join(feed, feed.c.id == table.c.feed_id)
        .where(table.c.cutoff_at >= since, table.c.opens_at <= now, feed.c.name.not_in(sorted(but)))
        # Of what is older than the days asked for only what is still waited for is shown.
        .where(or_(table.c.period_first >= since.date().isoformat(), *_waited_for()))
        .group_by(feed.c.name)
    )
    return {name: text.split(",") for name, text in tx.execute(query)}


def marked_rows(
    tx: Connection, names: Collection[str], since: datetime, now: datetime
) -> list[Marked]:
    """The same for some feeds, with the period and its due time."""
    query = (
        select(feed.c.name, table.c.period, table.c.period_first, table.c.due_at, _mark())
        .join(feed, feed.c.id == table.c.feed_id)
        .where(table.c.cutoff_at >= since, table.c.opens_at <= now, feed.c.name.in_(sorted(names)))
        .order_by(table.c.period_first, table.c.period)
    )
    return [Marked(*row) for row in tx.execute(query)] if names else []


def unsure(
    tx: Connection, blind: Collection[str], now: datetime, limit: int = 5000
) -> list[ExpectedDelivery]:
    """Opened rows whose recorded state may not be the one of now.

    Args:
        tx: A reading transaction.
        blind: Feeds whose source cannot be looked at now.
        now: The instant.
        limit: How many at most of those that should have been evaluated by now.
    """
    due = _select().where(table.c.next_change_at <= now, table.c.opens_at <= now)
    found = _read(tx, due.order_by(table.c.next_change_at).limit(limit))
    lately = _select().where(table.c.cutoff_at >= now - BLIND_FOR, table.c.opens_at <= now)
    found += _read(tx, lately.where(table.c.timeliness == "UNKNOWN"))
    if blind:
        waits = and_(table.c.timeliness.in_(OPEN), feed.c.name.in_(sorted(blind)))
        found += _read(tx, lately.where(waits))
    return list({row.id: row for row in found}.values())


def worst_open(tx: Connection, weights: Mapping[str, int], now: datetime) -> list[ExpectedDelivery]:
    """Of each feed the worst row before its cut-off as recorded, of those the last to open.

    Args:
        tx: A reading transaction.
        weights: How bad a timeliness is; what is not named is fine.
        now: The instant; rows that should have been evaluated by then are left out.
    """
    weight = case(*((table.c.timeliness == name, each) for name, each in weights.items()), else_=0)
    order = func.row_number().over(
        partition_by=table.c.feed_id, order_by=(weight.desc(), table.c.opens_at.desc())
    )
    known = or_(table.c.next_change_at.is_(None), table.c.next_change_at > now)
    ranked = (
        select(table.c.id, order.label("place"))
        .where(table.c.cutoff_at > now, table.c.opens_at <= now, known)
        .subquery()
    )
    first = select(ranked.c.id).where(ranked.c.place == 1)
    return _read(tx, _select().where(table.c.id.in_(first)))


def last_opened(
    tx: Connection, names: Collection[str], now: datetime, count: int
) -> list[ExpectedDelivery]:
    """The last rows that have opened, of each of some feeds."""
    newest = (
        select(table.c.id)
        .where(table.c.feed_id == feed.c.id, table.c.opens_at <= now)
        .order_by(table.c.period.desc())
        .correlate(feed)
        .limit(1)
    )
    found: list[ExpectedDelivery] = []
    for back in range(count if names else 0):
        last = newest.offset(back).scalar_subquery()
        ids = select(last).where(feed.c.name.in_(sorted(names)))
        found += _read(tx, _select().where(table.c.id.in_(ids)))
    return sorted(found, key=lambda row: row.opens_at)


def rows_at(tx: Connection, pairs: Sequence[tuple[str, str]]) -> list[ExpectedDelivery]:
    """The rows of these feeds and periods, in no order."""
    known = select(feed.c.name, feed.c.id).where(feed.c.name.in_({name for name, _ in pairs}))
    ids: dict[str, int] = {row.name: row.id for row in tx.execute(known)}
    by_period: dict[str, set[int]] = {}
    by_feed: dict[int, set[str]] = {}
    for name, period in pairs:
        if name in ids:
            by_period.setdefault(period, set()).add(ids[name])
            by_feed.setdefault(ids[name], set()).add(period)
    # Each branch is found by the unique index; pairs as row values make SQLite read every key.
    wanted = [
        and_(table.c.period == period, table.c.feed_id.in_(sorted(own)))
        for period, own in by_period.items()
    ]
    if len(by_feed) < len(by_period):
        wanted = [
            and_(table.c.feed_id == key, table.c.period.in_(sorted(own)))
            for key, own in by_feed.items()
        ]
    found: list[ExpectedDelivery] = []
    for start in range(0, len(wanted), 50):
        found += _read(tx, _select().where(or_(*wanted[start : start + 50])))
    return found


def neighbours(tx: Connection, row: ExpectedDelivery) -> tuple[str, str]:
    """The periods of a feed before and after one of them; empty where there is none."""
    own = select(table.c.period).where(table.c.feed_id == row.feed_id)
    place = tuple_(table.c.period_first, table.c.period)
    here = tuple_(literal(row.period_first), literal(row.period))
    before = own.where(place < here).order_by(table.c.period_first.desc(), table.c.period.desc())
    after = own.where(place > here).order_by(table.c.period_first, table.c.period)
    found = (tx.execute(query.limit(1)).scalar() for query in (before, after))
    first, last = (each or "" for each in found)
    return first, last


def last_complete(tx: Connection, since: datetime) -> dict[str, datetime]:
    """When each feed last delivered something whole, among rows with a cut-off since an instant."""
    query = (
        select(feed.c.name, func.max(table.c.complete_at).label("at"))
        .join(feed, feed.c.id == table.c.feed_id)
        .where(table.c.cutoff_at >= since, table.c.complete_at.is_not(None))
        .group_by(feed.c.name)
    )
    return {row.name: row.at for row in tx.execute(query)}


def _waited_for() -> tuple[ColumnElement[bool], ...]:
    return table.c.timeliness.in_(OPEN), table.c.delivery == "QUARANTINED"


def _mark() -> ColumnElement[str]:
    letter = case(*((table.c.timeliness == name, text) for name, text in MARKS.items()), else_="u")
    held = case((table.c.delivery == "QUARANTINED", "q"), else_="")
    closed = case((table.c.expected.is_(False), "x"), else_="")
    return letter.concat(held).concat(closed)


def _select() -> Select[Any]:
    return select(table, feed.c.name.label("feed")).join(feed, feed.c.id == table.c.feed_id)


def _read(tx: Connection, query: Select[Any]) -> list[ExpectedDelivery]:
    return [read_row(ExpectedDelivery, row) for row in tx.execute(query)]
