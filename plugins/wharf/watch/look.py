"""Looking at the sources: one listing a connection, whatever its feeds; nothing is fetched."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

from wharf.contracts import Feed, Period
from wharf.errors import PeriodError
from wharf.intake import HANDED_IN, Intake
from wharf.ledger import Transaction, arrivals, decisions, expected, facts, wants
from wharf.ledger.rows import Arrival, Poll, Tick
from wharf.ledger.wants import AskedFor
from wharf.sources import Refused, Seen, Source, open_source
from wharf.timeliness.facts import PollFact
from wharf.timeliness.path_index import PathIndex
from wharf.timeliness.states import blind_since
from wharf.watch.listing import FAULTS, Asked, list_all

LOOKED_BACK = timedelta(days=35)
SHOWN = 5
# So long nobody looked is said at the rows it concerns, and taken back after the next look.
SILENCE = timedelta(minutes=10)
UNDECIDED = {"DUE", "AT_RISK", "LATE", "MISSING", "UNKNOWN"}


@dataclass(frozen=True)
class Looked:
    """What one look found."""

    polls: int
    failed: tuple[str, ...]
    arrived: tuple[Arrival, ...]
    not_followed: tuple[str, ...] = ()
    """What lies at a source under a wanted name and must not be read, such as a link out of it."""

    def __str__(self) -> str:
        failed = f", failed: {'; '.join(self.failed)}" if self.failed else ""
        odd = f", not followed: {'; '.join(self.not_followed)}" if self.not_followed else ""
        return f"{self.polls} listings, {len(self.arrived)} arrivals{failed}{odd}"


@dataclass(frozen=True)
class Look:
    """One expected delivery to look for."""

    feed: Feed
    period: Period
    row: AskedFor


def look(ctx: Intake, feeds: Mapping[str, Feed], now: datetime) -> Looked:
    """Look once at every connection that has open rows.

    Args:
        ctx: The installation.
        feeds: Contracts in force, by name.
        now: The instant that arrivals are first seen at.
    """
    with ctx.ledger.read() as tx:
        rows = wants.asked_for(tx, now - LOOKED_BACK, now)
    wanted: dict[str, list[Look]] = defaultdict(list)
    for row in rows:
        feed = feeds.get(row.feed)
        if feed is None or not _is_asked(feed, row):
            continue
        if (period := _period(feed.period.kind, row.period)) is not None:
            one = Look(feed, period, row)
            wanted[feed.source.connection].append(one)
    looked = _look_at(ctx, wanted, now)
    with ctx.ledger.write() as tx:
        decisions.record_tick(tx, Tick("look", now, note=str(looked)))
    return looked


def look_for(ctx: Intake, feed: Feed, period: Period, now: datetime) -> Looked:
    """Look for the files of one feed and period, also outside the horizon."""
    with ctx.ledger.read() as tx:
        row = expected.find_expected(tx, feed.feed, period.key)
    asked = AskedFor(row.id if row else 0, feed.feed, period.key, "", "", is_open=True)
    return _look_at(ctx, {feed.source.connection: [Look(feed, period, asked)]}, now)


@lru_cache(maxsize=10_000)
def _period(kind: str, key: str) -> Period | None:
    """The period of a key; None for one of a kind that the contract had before."""
    try:
        return Period.parse(kind, key)
    except PeriodError:
        return None


def _is_asked(feed: Feed, row: AskedFor) -> bool:
    """A web server without an index is asked for each path: only for what is still to come."""
    if feed.source.kind != "http" or feed.source.index is not None:
        return True
    return row.is_open or row.timeliness in UNDECIDED


def _look_at(ctx: Intake, wanted: Mapping[str, Sequence[Look]], now: datetime) -> Looked:
    failed: dict[str, str] = {}
    not_followed: dict[str, str] = {}
    arrived: dict[str, list[Arrival]] = {}
    indexes, asked = {}, {}
    for name, looks in sorted(wanted.items()):
        indexes[name] = PathIndex((each.feed, each.period) for each in looks)
        try:
            asked[name] = Asked(_source(ctx, name, looks), indexes[name].patterns)
        except FAULTS as error:
            failed[name] = str(error)
            _record_failure(ctx, name, looks, failed[name], now)
    for name, seen in list_all(asked):
        if isinstance(seen, FAULTS):
            failed[name] = str(seen)
            _record_failure(ctx, name, wanted[name], failed[name], now)
            continue
        if odd := _told(asked[name].source.refused):
            not_followed[name] = odd
        poll = Poll(name, now, ok=True, listed=len(seen), error=odd)
        arrived[name] = _record_seen(ctx, poll, wanted[name], indexes[name], seen)
    return Looked(
        len(wanted),
        tuple(f"{name}: {failed[name]}" for name in sorted(failed)),
        tuple(each for name in sorted(arrived) for each in arrived[name]),
        tuple(f"{name}: {not_followed[name]}" for name in sorted(not_followed)),
    )


def _record_failure(
    ctx: Intake, name: str, looks: Sequence[Look], error: str, now: datetime
) -> None:
    with ctx.ledger.write() as tx:
        poll = Poll(name, now, ok=False, error=error)
        _append_poll(tx, poll, looks, ctx.settings.look_every)


def _record_seen(
    ctx: Intake, poll: Poll, looks: Sequence[Look], index: PathIndex, seen: Sequence[Seen]
) -> list[Arrival]:
    found = list(_arrivals(index, seen, poll.at))
    rows = {(each.feed.feed, each.period.key): each.row.id for each in looks}
    with ctx.ledger.write() as tx:
        _append_poll(tx, poll, looks, ctx.settings.look_every)
        found += _withdrawn(tx, looks, seen, poll.at)
        new = arrivals.append_arrivals(tx, found)
        ids = {rows[each.feed, each.period] for each in new} - {0}
        expected.make_rows_due(tx, sorted(ids), poll.at)
    return new


def _append_poll(tx: Transaction, poll: Poll, looks: Sequence[Look], every: timedelta) -> None:
    """Append a look, and have the rows evaluated again that it means something for."""
    before = _facts(tx, poll.connection)
    arrivals.append_poll(tx, poll)
    after = _facts(tx, poll.connection)
    due = [each.row.id for each in looks if _waits_for_a_look(each)] if poll.ok else []
    was_silent = not before or poll.at - before[-1].at > max(2 * every, SILENCE)
    if was_silent or blind_since(before, every) != blind_since(after, every):
        due += [each.row.id for each in looks if each.row.timeliness in UNDECIDED]
    expected.make_rows_due(tx, sorted({*due} - {0}), poll.at)


def _facts(tx: Transaction, connection: str) -> list[PollFact]:
    found = facts.last_polls(tx, connection)
    return [PollFact(each.at, each.ok) for each in found]


def _waits_for_a_look(one: Look) -> bool:
    """Whether a file may count now that a second look shows it unchanged."""
    return bool(one.feed.source.stable_for) and one.row.delivery in {"SEEN", "PARTIAL"}


def _told(refused: Sequence[Refused]) -> str:
    """What was not followed at one connection, and what to do about it."""
    if not refused:
        return ""
    names = "; ".join(f"{one.path} ({one.reason})" for one in refused[:SHOWN])
    more = f" and {len(refused) - SHOWN} more" if len(refused) > SHOWN else ""
    return f"{names}{more}; ask the supplier for plain files in their place"


def _source(ctx: Intake, connection: str, looks: Sequence[Look]) -> Source:
    indexes = [str(i) for one in looks if (i := getattr(one.feed.source, "index", None))]
    return open_source(ctx.resolve(connection), index=min(indexes, default=None))


def _arrivals(index: PathIndex, seen: Iterable[Seen], now: datetime) -> Iterator[Arrival]:
    for each in sorted(seen, key=lambda one: (one.source_ts or now, one.path)):
        for feed, match in index.find(each.path):
            yield Arrival(
                feed=feed.feed,
                period=match.period_key,
                part=match.part,
                path=each.path,
                size=each.size,
                source_ts=each.source_ts,
                first_seen=now,
                fingerprint=each.fingerprint,
                is_done_flag=match.is_done_flag,
            )


def _withdrawn(
    tx: Transaction, looks: Sequence[Look], seen: Iterable[Seen], now: datetime
) -> list[Arrival]:
    """Files that were there and are not any more, where the contract gives that a meaning."""
    ids = [one.row.id for one in looks if one.feed.source.absence == "withdrawn"]
    listed = {each.path for each in seen}
    gone: list[Arrival] = []
    for known in arrivals.arrivals_for(tx, ids).values():
        last = {each.path: each for each in known}
        gone += [
            replace(each, first_seen=now, fingerprint="withdrawn", withdrawn=True)
            for path, each in last.items()
            if path not in listed and not each.withdrawn and not path.startswith(HANDED_IN)
        ]
    return gone
