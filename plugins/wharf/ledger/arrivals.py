"""What was seen at the sources: arrivals, and the looks that saw them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, delete, func, insert, select

from wharf.ledger.chunks import chunks
from wharf.ledger.feeds import feed_ids
from wharf.ledger.rows import Arrival, Delivery, Poll, read_row
from wharf.ledger.schema import arrival, expected_delivery, feed, poll


def append_arrivals(tx: Connection, rows: Iterable[Arrival]) -> list[Arrival]:
    """Append arrivals whose fingerprint differs from the last one of their path.

    Returns:
        The arrivals that were new, with their sequence numbers.
    """
    given = list(rows)
    known = _last_fingerprints(tx, given)
    new: list[Arrival] = []
    for row in given:
        place = (row.feed, row.period, row.path)
        if known.get(place) != row.fingerprint:
            known[place] = row.fingerprint
            new.append(row)
    if not new:
        return []
    ids = feed_ids(tx, {row.feed for row in new})
    values = []
    for row in new:
        value = asdict(row)
        value["feed_id"] = ids[value.pop("feed")]
        value.pop("seq")
        values.append(value)
    made = tx.execute(
        insert(arrival).returning(arrival.c.seq, sort_by_parameter_order=True), values
    )
    return [replace(row, seq=seq) for row, seq in zip(new, made.scalars(), strict=True)]


def _last_fingerprints(tx: Connection, rows: Sequence[Arrival]) -> dict[tuple[str, str, str], str]:
    """The last fingerprint of each (feed, period, path) among those periods of those feeds."""
    found: dict[tuple[str, str, str], str] = {}
    names = {row.feed for row in rows}
    ids = {row.name: row.id for row in tx.execute(select(feed.c.name, feed.c.id))}
    known = {ids[name]: name for name in names if name in ids}
    periods = sorted({row.period for row in rows})
    for feeds in chunks(sorted(known)):
        for some in chunks(periods):
            query = (
                select(arrival.c.feed_id, arrival.c.period, arrival.c.path, arrival.c.fingerprint)
                .where(arrival.c.feed_id.in_(feeds), arrival.c.period.in_(some))
                .order_by(arrival.c.seq)
            )
            for row in tx.execute(query):
                found[known[row.feed_id], row.period, row.path] = row.fingerprint
    return found


def arrivals_of(tx: Connection, feed_name: str, period: str) -> list[Arrival]:
    """All arrivals of one feed and period, in the order seen."""
    query = _select().where(feed.c.name == feed_name, arrival.c.period == period)
    return [read_row(Arrival, row) for row in tx.execute(query.order_by(arrival.c.seq))]


def arrivals_for(tx: Connection, ids: Sequence[int]) -> dict[int, list[Arrival]]:
    """All arrivals of some expected deliveries, in the order seen, by the delivery's id."""
    found: dict[int, list[Arrival]] = {}
    for some in chunks(ids):
        query = (
            select(expected_delivery.c.id, feed.c.name.label("feed"), arrival)
            .join(
                arrival,
                and_(
                    arrival.c.feed_id == expected_delivery.c.feed_id,
                    arrival.c.period == expected_delivery.c.period,
                ),
            )
            .join(feed, feed.c.id == expected_delivery.c.feed_id)
            .where(expected_delivery.c.id.in_(some))
            .order_by(arrival.c.seq)
        )
        for row in tx.execute(query):
            found.setdefault(row.id, []).append(read_row(Arrival, row))
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


def trim_polls(tx: Connection, before: datetime, limit: int = 5000) -> int:
    """Forget good looks before an instant, but for those next to a failed one.

    The failed ones with their edges tell for how long a source could not be looked at.

    Returns:
        How many were forgotten; at most `limit`, so call it until it gives 0.
    """
    own, order = poll.c.connection, poll.c.seq
    sides = select(
        poll.c.seq,
        poll.c.ok,
        poll.c.at,
        func.lag(poll.c.ok).over(partition_by=own, order_by=order).label("before"),
        func.lead(poll.c.ok).over(partition_by=own, order_by=order).label("after"),
    ).subquery()
    dull = (
        select(sides.c.seq)
        .where(sides.c.at < before, sides.c.ok, sides.c.before, sides.c.after)
        .limit(limit)
    )
    gone = list(tx.execute(dull).scalars())
    for some in chunks(gone):
        tx.execute(delete(poll).where(poll.c.seq.in_(some)))
    return len(gone)


def polls_of(tx: Connection, connection: str, limit: int = 200) -> list[Poll]:
    """The last looks at a connection, oldest first."""
    query = (
        select(poll).where(poll.c.connection == connection).order_by(poll.c.seq.desc()).limit(limit)
    )
    return [read_row(Poll, row) for row in tx.execute(query)][::-1]


def _select() -> Select[Any]:
    return select(arrival, feed.c.name.label("feed")).join(feed, feed.c.id == arrival.c.feed_id)
