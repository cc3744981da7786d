"""What was seen at the sources: arrivals, and the looks that saw them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Select, func, insert, select

from wharf.ledger.feeds import feed_id
from wharf.ledger.rows import Arrival, Delivery, Poll, read_row
from wharf.ledger.schema import arrival, feed, poll


def append_arrivals(tx: Connection, rows: Iterable[Arrival]) -> list[Arrival]:
    """Append arrivals whose fingerprint differs from the last one of their path.

    Returns:
        The arrivals that were new, with their sequence numbers.
    """
    new: list[Arrival] = []
    known: dict[str, Mapping[tuple[str, str], str]] = {}
    for row in rows:
        if row.feed not in known:
            known[row.feed] = last_fingerprints(tx, row.feed)
        if known[row.feed].get((row.period, row.path)) == row.fingerprint:
            continue
        values = asdict(row)
        values["feed_id"] = feed_id(tx, values.pop("feed"))
        values.pop("seq")
        made = tx.execute(insert(arrival).values(**values)).inserted_primary_key
        assert made is not None
        new.append(Arrival(**{**asdict(row), "seq": int(made[0])}))
    return new


def last_fingerprints(tx: Connection, feed_name: str) -> dict[tuple[str, str], str]:
    """The last fingerprint of each (period, path) of a feed."""
    newest = (
        select(func.max(arrival.c.seq))
        .join(feed, feed.c.id == arrival.c.feed_id)
        .where(feed.c.name == feed_name)
        .group_by(arrival.c.period, arrival.c.path)
    )
    query = select(arrival.c.period, arrival.c.path, arrival.c.fingerprint)
    return {
        (r.period, r.path): r.fingerprint
        for r in tx.execute(query.where(arrival.c.seq.in_(newest)))
    }


def arrivals_of(tx: Connection, feed_name: str, period: str) -> list[Arrival]:
    """All arrivals of one feed and period, in the order seen."""
    query = _select().where(feed.c.name == feed_name, arrival.c.period == period)
    return [read_row(Arrival, row) for row in tx.execute(query.order_by(arrival.c.seq))]


def arrivals_by_period(tx: Connection, feed_name: str) -> dict[str, list[Arrival]]:
    """All arrivals of one feed by period, in the order seen."""
    found: dict[str, list[Arrival]] = {}
    for row in tx.execute(_select().where(feed.c.name == feed_name).order_by(arrival.c.seq)):
        found.setdefault(row.period, []).append(read_row(Arrival, row))
    return found


def not_landed(seen: Sequence[Arrival], landed: Sequence[Delivery]) -> list[Arrival]:
    """Arrivals to fetch: of each path the last one, unless that or a later one was landed."""
    done = {each.path: each.arrival_seq for each in landed}
    last = {each.path: each for each in seen if not each.is_done_flag}
    fresh = [
        each
        for each in last.values()
        if not each.withdrawn and each.size > 0 and done.get(each.path, 0) < each.seq
    ]
    return sorted(fresh, key=lambda each: each.seq)


def append_poll(tx: Connection, row: Poll) -> None:
    """Append the result of one look at a connection."""
    values: dict[str, Any] = asdict(row)
    values.pop("seq")
    tx.execute(insert(poll).values(**values))


def polls_of(tx: Connection, connection: str, limit: int = 200) -> list[Poll]:
    """The last looks at a connection, oldest first."""
    query = (
        select(poll).where(poll.c.connection == connection).order_by(poll.c.seq.desc()).limit(limit)
    )
    return [read_row(Poll, row) for row in tx.execute(query)][::-1]


def _select() -> Select[Any]:
    return select(arrival, feed.c.name.label("feed")).join(feed, feed.c.id == arrival.c.feed_id)
