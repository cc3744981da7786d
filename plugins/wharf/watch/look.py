"""Looking at the sources: one listing a connection, whatever its feeds; nothing is fetched."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from wharf.contracts import Feed, Period
from wharf.errors import SettingsError, SourceError, UnsafePath
from wharf.intake import Intake
from wharf.ledger import Transaction, arrivals, decisions, expected
from wharf.ledger.rows import Arrival, Poll, Tick
from wharf.sources import Refused, Seen, Source, open_source
from wharf.timeliness import matching

LOOKED_BACK = timedelta(days=35)
SHOWN = 5


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


def look(ctx: Intake, feeds: Mapping[str, Feed], now: datetime) -> Looked:
    """Look once at every connection that has open rows.

    Args:
        ctx: The installation.
        feeds: Contracts in force, by name.
        now: The instant that arrivals are first seen at.
    """
    with ctx.ledger.read() as tx:
        rows = expected.in_horizon(tx, now - LOOKED_BACK)
    wanted: dict[str, list[tuple[Feed, Period]]] = defaultdict(list)
    for row in rows:
        feed = feeds.get(row.feed)
        if feed is not None:
            wanted[feed.source.connection].append((feed, feed.parse_period(row.period)))
    looked = _look_at(ctx, wanted, now)
    with ctx.ledger.write() as tx:
        decisions.record_tick(tx, Tick("look", now, note=str(looked)))
    return looked


def look_for(ctx: Intake, feed: Feed, period: Period, now: datetime) -> Looked:
    """Look for the files of one feed and period, also outside the horizon."""
    return _look_at(ctx, {feed.source.connection: [(feed, period)]}, now)


def _look_at(
    ctx: Intake, wanted: Mapping[str, Sequence[tuple[Feed, Period]]], now: datetime
) -> Looked:
    failed: list[str] = []
    not_followed: list[str] = []
    arrived: list[Arrival] = []
    for connection, pairs in sorted(wanted.items()):
        try:
            source = _source(ctx, connection, pairs)
            seen = source.list(_patterns(pairs))
        except (SourceError, SettingsError, UnsafePath) as error:
            failed.append(f"{connection}: {error}")
            with ctx.ledger.write() as tx:
                arrivals.append_poll(tx, Poll(connection, now, ok=False, error=str(error)))
            continue
        found = _arrivals(pairs, seen, now)
        odd = _told(source.refused)
        not_followed += [f"{connection}: {odd}"] * bool(odd)
        with ctx.ledger.write() as tx:
            poll = Poll(connection, now, ok=True, listed=len(seen), error=odd)
            arrivals.append_poll(tx, poll)
            found += _withdrawn(tx, pairs, seen, now)
            new = arrivals.append_arrivals(tx, found)
            for each in new:
                expected.make_due(tx, each.feed, [each.period], now)
        arrived += new
    return Looked(len(wanted), tuple(failed), tuple(arrived), tuple(not_followed))


def _told(refused: Sequence[Refused]) -> str:
    """What was not followed at one connection, and what to do about it."""
    if not refused:
        return ""
    names = "; ".join(f"{one.path} ({one.reason})" for one in refused[:SHOWN])
    more = f" and {len(refused) - SHOWN} more" if len(refused) > SHOWN else ""
    return f"{names}{more}; ask the supplier for plain files in their place"


def _source(ctx: Intake, connection: str, pairs: Sequence[tuple[Feed, Period]]) -> Source:
    indexes = [str(i) for feed, _ in pairs if (i := getattr(feed.source, "index", None))]
    return open_source(ctx.resolve(connection), index=min(indexes, default=None))


def _patterns(pairs: Iterable[tuple[Feed, Period]]) -> list[str]:
    return sorted(
        {
            pattern
            for feed, period in pairs
            for pattern in matching.expected_paths(feed, period).values()
        }
    )


def _arrivals(
    pairs: Sequence[tuple[Feed, Period]], seen: Iterable[Seen], now: datetime
) -> list[Arrival]:
    feeds = {feed.feed: feed for feed, _ in pairs}
    periods = {(feed.feed, period.key) for feed, period in pairs}
    found: list[Arrival] = []
    for each in sorted(seen, key=lambda one: (one.source_ts or now, one.path)):
        for feed in feeds.values():
            match = matching.match(feed, each.path)
            if match and (feed.feed, match.period_key) in periods:
                found.append(
                    Arrival(
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
                )
    return found


def _withdrawn(
    tx: Transaction, pairs: Sequence[tuple[Feed, Period]], seen: Iterable[Seen], now: datetime
) -> list[Arrival]:
    """Files that were there and are not any more, where the contract gives that a meaning."""
    listed = {each.path for each in seen}
    gone: list[Arrival] = []
    for feed, period in pairs:
        if feed.source.absence != "withdrawn":
            continue
        last = {each.path: each for each in arrivals.arrivals_of(tx, feed.feed, period.key)}
        gone += [
            replace(each, first_seen=now, fingerprint="withdrawn", withdrawn=True)
            for path, each in last.items()
            if path not in listed and not each.withdrawn
        ]
    return gone
