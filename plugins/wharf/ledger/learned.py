"""Learned arrival times as the ledger keeps them, and the past that they are learned from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from wharf.ledger.chunks import chunks
from wharf.ledger.feeds import feed_ids, find_feed
from wharf.ledger.rows import ExpectedDelivery, read_row
from wharf.ledger.schema import (
    bookmark,
    expected_delivery_event,
    feed,
    past_arrival,
    poll,
    usual_arrival,
)
from wharf.ledger.schema import delivery as landed
from wharf.ledger.schema import expected_delivery as expected
from wharf.timeliness.learned import ALL, Usual, usual_for

BOOKMARK = "learned"
DECIDED = ("ON_TIME", "LATE_ARRIVED")
_OPEN = frozenset({"DUE", "AT_RISK", "LATE", "MISSING"})


@dataclass(frozen=True)
class Observed:
    """A complete delivery of the past, imported or seen by us."""

    period: str
    arrived_at: datetime
    is_restated: bool = False
    not_usual_because: str = ""
    is_imported: bool = False


@dataclass(frozen=True)
class PastOutcome:
    """What became of one period that was expected, or of one that was imported."""

    period: str
    due_at: datetime | None
    """None of an imported one: the contract says when it was due."""
    arrived_at: datetime | None
    submitted_at: datetime | None


@dataclass(frozen=True)
class Decided:
    """Rows whose timeliness was decided since the bookmark, by feed."""

    rows: Mapping[str, Sequence[ExpectedDelivery]]
    through: int
    """The last event read."""
    read: int
    """How many events were read."""


def usuals(tx: Connection, feed_ids: Iterable[int]) -> dict[int, dict[str, Usual]]:
    """What was learned of some feeds: by the feed's id and stratum, in one query for 500 feeds."""
    found: dict[int, dict[str, Usual]] = {}
    for some in chunks(sorted(set(feed_ids))):
        for row in tx.execute(select(usual_arrival).where(usual_arrival.c.feed_id.in_(some))):
            found.setdefault(row.feed_id, {})[row.stratum] = _usual(row)
    return found


def usual_of(tx: Connection, feed_name: str, stratum: str = ALL) -> Usual | None:
    """What was learned of one feed for a stratum, else for the whole feed."""
    return usual_for(all_usuals_of(tx, feed_name), stratum)


def all_usuals_of(tx: Connection, feed_name: str) -> dict[str, Usual]:
    """What was learned of one feed, by stratum."""
    key = find_feed(tx, feed_name)
    return usuals(tx, [key]).get(key, {}) if key is not None else {}


def store_usuals(
    tx: Connection, feed_name: str, learned: Mapping[str, Usual], through: str, now: datetime
) -> None:
    """Replace what is known of a feed; open rows that another time now warns are due at once.

    Args:
        tx: A writing transaction.
        feed_name: The feed.
        learned: By stratum.
        through: The newest period learned from.
        now: When it was learned.
    """
    [key] = feed_ids(tx, [feed_name]).values()
    was = usuals(tx, [key]).get(key, {})
    tx.execute(delete(usual_arrival).where(usual_arrival.c.feed_id == key))
    rows = [_values(key, each, through, now) for each in learned.values()]
    if rows:
        tx.execute(insert(usual_arrival), rows)
    if {name: each.p95 for name, each in was.items()} != {
        name: each.p95 for name, each in learned.items()
    }:
        waiting = update(expected).where(
            expected.c.feed_id == key, expected.c.timeliness.in_(("DUE", "AT_RISK"))
        )
        tx.execute(waiting.where(expected.c.next_change_at > now).values(next_change_at=now))


def observed(tx: Connection, feed_name: str, limit: int) -> list[Observed]:
    """The newest complete deliveries of a feed, seen by us or imported, oldest first.

    A period that we saw ourselves counts as we saw it.

    Args:
        tx: A transaction.
        feed_name: The feed.
        limit: How many of either origin at most.
    """
    key = find_feed(tx, feed_name)
    if key is None:
        return []
    past = select(past_arrival.c.period, past_arrival.c.arrived_at).where(
        past_arrival.c.feed_id == key
    )
    found = {
        row.period: Observed(row.period, row.arrived_at, is_imported=True)
        for row in tx.execute(past.order_by(past_arrival.c.period.desc()).limit(limit))
    }
    seen = select(expected.c.period, expected.c.complete_at, expected.c.not_usual_because).where(
        expected.c.feed_id == key,
        expected.c.timeliness.in_(DECIDED),
        expected.c.complete_at.is_not(None),
    )
    rows = tx.execute(seen.order_by(expected.c.period_first.desc()).limit(limit)).all()
    restated = _restated(tx, key, [row.period for row in rows])
    for row in rows:
        found[row.period] = Observed(
            row.period, row.complete_at, row.period in restated, row.not_usual_because
        )
    return sorted(found.values(), key=lambda each: each.period)


def outcomes_of(tx: Connection, feed_name: str) -> list[PastOutcome]:
    """Everything decided of a feed, imported or seen by us: what came when, what never came."""
    key = find_feed(tx, feed_name)
    found = {
        row.period: PastOutcome(row.period, None, row.arrived_at, row.submitted_at)
        for row in tx.execute(select(past_arrival).where(past_arrival.c.feed_id == key))
    }
    names = ("period", "due_at", "complete_at", "submitted_at")
    query = select(*(expected.c[name] for name in names)).where(
        expected.c.feed_id == key,
        expected.c.timeliness.in_((*DECIDED, "MISSING")),
        expected.c.not_usual_because == "",
    )
    found |= {row.period: PastOutcome(*row) for row in tx.execute(query)}
    return sorted(found.values(), key=lambda each: each.period)


def decided_since_bookmark(tx: Connection, events: int, feeds: int) -> Decided:
    """Rows newly decided, as far as one step may go.

    Args:
        tx: A transaction.
        events: How many events to read at most.
        feeds: Of how many feeds to take rows at most.
    """
    start = tx.execute(select(bookmark.c.seq).where(bookmark.c.name == BOOKMARK)).scalar() or 0
    event = expected_delivery_event
    query = select(event).where(event.c.seq > start).order_by(event.c.seq).limit(events)
    names = _feed_of(tx, rows := tx.execute(query).all())
    found: dict[str, set[int]] = {}
    through = start
    for row in rows:
        if _decides(row._mapping["was"], row._mapping["is"]):
            if names[row.expected_id] not in found and len(found) == feeds:
                break
            found.setdefault(names[row.expected_id], set()).add(row.expected_id)
        through = row.seq
    known = _rows(tx, {each for ids in found.values() for each in ids})
    return Decided(
        {name: [known[each] for each in sorted(ids)] for name, ids in found.items()},
        through,
        len(rows),
    )


def set_bookmark(tx: Connection, seq: int) -> None:
    """Note how far the events were read."""
    moved = update(bookmark).where(bookmark.c.name == BOOKMARK).values(seq=seq)
    if not tx.execute(moved).rowcount:
        tx.execute(insert(bookmark).values(name=BOOKMARK, seq=seq))


def mark_not_usual(tx: Connection, reasons: Mapping[int, str]) -> None:
    """Note at rows, by their ids, why nothing is learned from them; empty where it is."""
    if reasons:
        tx.execute(
            update(expected)
            .where(expected.c.id == bindparam("row_id"))
            .values(not_usual_because=bindparam("why")),
            [{"row_id": key, "why": why} for key, why in reasons.items()],
        )


def states_before(tx: Connection, row_ids: Iterable[int]) -> dict[int, list[tuple[datetime, str]]]:
    """When rows came into each state that was recorded of them, oldest first."""
    event = expected_delivery_event
    found: dict[int, list[tuple[datetime, str]]] = {}
    for some in chunks(sorted(set(row_ids))):
        query = select(event).where(event.c.expected_id.in_(some)).order_by(event.c.seq)
        for row in tx.execute(query):
            state = row._mapping["is"].get("timeliness")
            if state:
                found.setdefault(row.expected_id, []).append((row.at, state))
    return found


def last_good_look(tx: Connection, connection: str, before: datetime) -> datetime | None:
    """The last good look at a connection before an instant, None when there was none."""
    query = (
        select(poll.c.at)
        .where(poll.c.connection == connection, poll.c.ok.is_(True), poll.c.at < before)
        .order_by(poll.c.seq.desc())
        .limit(1)
    )
    found: datetime | None = tx.execute(query).scalar()
    return found


def _values(key: int, usual: Usual, through: str, now: datetime) -> dict[str, Any]:
    return {
        "feed_id": key,
        "stratum": usual.stratum,
        "n": usual.n,
        "p50_s": usual.p50.total_seconds(),
        "p95_s": usual.p95.total_seconds(),
        "mad_s": usual.mad.total_seconds(),
        "through": through,
        "computed_at": now,
    }


def _usual(row: Any) -> Usual:
    p50, p95, mad = (timedelta(seconds=each) for each in (row.p50_s, row.p95_s, row.mad_s))
    return Usual(row.n, p50, p95, mad, row.stratum)


def _restated(tx: Connection, key: int, periods: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for some in chunks(periods):
        query = select(landed.c.period).where(
            landed.c.feed_id == key,
            landed.c.period.in_(some),
            landed.c.verdict == "RESTATEMENT",
        )
        found |= set(tx.execute(query).scalars())
    return found


def _decides(was: Mapping[str, Any], is_: Mapping[str, Any]) -> bool:
    """Whether a change of state decided a row's timeliness, or took that back."""
    return (was.get("timeliness") in DECIDED) is not (is_.get("timeliness") in DECIDED)


def _feed_of(tx: Connection, events: Sequence[Any]) -> dict[int, str]:
    found: dict[int, str] = {}
    for some in chunks(sorted({row.expected_id for row in events})):
        query = select(expected.c.id, feed.c.name).join(feed, feed.c.id == expected.c.feed_id)
        found |= {row.id: row.name for row in tx.execute(query.where(expected.c.id.in_(some)))}
    return found


def _rows(tx: Connection, ids: Iterable[int]) -> dict[int, ExpectedDelivery]:
    found: dict[int, ExpectedDelivery] = {}
    for some in chunks(sorted(ids)):
        query = select(expected, feed.c.name.label("feed")).join(
            feed, feed.c.id == expected.c.feed_id
        )
        for row in tx.execute(query.where(expected.c.id.in_(some))):
            found[row.id] = read_row(ExpectedDelivery, row)
    return found
