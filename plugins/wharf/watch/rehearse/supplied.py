"""What suppliers did, ready to be seen: each line of the past as the arrival a look would make."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from wharf.contracts import Feed, Period
from wharf.errors import ArrivalsError, PeriodError
from wharf.ledger.rows import Arrival
from wharf.timeliness import matching
from wharf.watch.rehearse.past import SHOWN, Line, Past, shorten


@dataclass(frozen=True)
class Event:
    """One line, with the contract and the period it belongs to."""

    line: Line
    feed: Feed
    period: Period
    part: str = ""
    is_done_flag: bool = False
    is_named_so: bool = True
    """Whether the contract's path names such a file; a look would not have found another."""

    @property
    def is_seen(self) -> bool:
        """Whether a look tells of it; that a file is gone only where the contract says so."""
        return not self.line.withdrawn or self.feed.source.absence == "withdrawn"

    @property
    def at(self) -> datetime:
        """When it could be seen."""
        return self.line.arrived_at

    @property
    def key(self) -> tuple[str, str]:
        """Feed and period."""
        return self.feed.feed, self.period.key

    def as_arrival(self) -> Arrival:
        """The arrival as a look writes it; a file of unknown size counts as big enough."""
        line, size = self.line, self.line.size
        if size is None:
            size = 0 if line.withdrawn else max(self.feed.source.min_bytes, 1)
        told = f"{line.arrived_at.isoformat()} {size} {line.sha256}"
        return Arrival(
            feed=self.feed.feed,
            period=self.period.key,
            part=self.part,
            path=line.file,
            size=size,
            source_ts=line.submitted_at,
            first_seen=line.arrived_at,
            fingerprint="withdrawn" if line.withdrawn else told,
            is_done_flag=self.is_done_flag,
            withdrawn=line.withdrawn,
        )


@dataclass(frozen=True)
class Stray:
    """A line that belongs to no expected delivery, and why."""

    line: Line
    kind: str
    """In a few words, the same for all of a kind."""
    why: str = ""


@dataclass(frozen=True)
class Supplied:
    """The past sorted out by contract."""

    events: tuple[Event, ...]
    strays: tuple[Stray, ...]


def sort_out(past: Past, feeds: Mapping[str, Feed], until: datetime, name: str) -> Supplied:
    """Find the contract and the period of every line.

    Args:
        past: What was read.
        feeds: Contracts, by name.
        until: Lines after it are strays.
        name: The file's name, for messages.

    Raises:
        ArrivalsError: A period cannot be read, or no line is of any feed here.
    """
    known = {old: feed for feed in feeds.values() for old in feed.formerly} | dict(feeds)
    others = {line.feed: _did_you_mean(line.feed, feeds) for line in past.lines}
    if past.lines and not known.keys() & others.keys():
        raise ArrivalsError(name, [_no_feed(sorted(others), sorted(feeds))])
    events: list[Event] = []
    strays: list[Stray] = []
    problems: list[str] = []
    for line in past.lines:
        feed = known.get(line.feed)
        if feed is None:
            strays.append(Stray(line, "no contract for the feed", others[line.feed]))
            continue
        try:
            told = _event(line, feed, until)
        except (PeriodError, OverflowError) as error:
            problems.append(f"line {line.number}: period: {error}")
            continue
        strays += [told] if isinstance(told, Stray) else []
        events += [told] if isinstance(told, Event) else []
    if problems:
        raise ArrivalsError(name, shorten(problems))
    return Supplied(tuple(events), tuple(strays))


def _event(line: Line, feed: Feed, until: datetime) -> Event | Stray:
    period = feed.parse_period(line.period)
    if line.arrived_at > until:
        told = f"it arrived after {until:%Y-%m-%d %H:%M}Z"
        return Stray(line, "after the rehearsal's end", told)
    match = matching.match(feed, line.file)
    if match is not None:
        return Event(line, feed, period, match.part, match.is_done_flag)
    if feed.source.parts or feed.source.done_flag:
        told = f"its name fits neither source.path nor a done-flag: {feed.source.path}"
        return Stray(line, "names that fit no part", told)
    return Event(line, feed, period, is_named_so=False)


def _did_you_mean(given: str, feeds: Mapping[str, Feed]) -> str:
    if given in feeds:
        return ""
    close = difflib.get_close_matches(given, feeds, n=1)
    return f"no contract is for it; did you mean {close[0]}?" if close else "no contract is for it"


def _no_feed(given: Sequence[str], choices: Sequence[str]) -> str:
    return (
        f"no line is of a feed here; it has {_some(given)}; the contracts are for {_some(choices)}"
    )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(repr(name) for name in names[:SHOWN]) + more
