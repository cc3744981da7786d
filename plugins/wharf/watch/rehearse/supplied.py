"""What suppliers did, ready to be seen: each line of the past as the arrival a look would make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from wharf.contracts import Feed, Period
from wharf.errors import ArrivalsError, PeriodError
from wharf.ledger.rows import Arrival
from wharf.timeliness import matching
from wharf.watch.rehearse.past import SHOWN, Line, Past


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
    why: str


@dataclass
class Supplied:
    """The past sorted out by contract."""

    events: tuple[Event, ...] = ()
    strays: list[Stray] = field(default_factory=list)


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
    names = {old: feed.feed for feed in feeds.values() for old in feed.formerly}
    names |= {known: known for known in feeds}
    found = Supplied()
    events: list[Event] = []
    problems: list[str] = []
    for line in past.lines:
        feed = feeds.get(names.get(line.feed, ""))
        if feed is None:
            found.strays.append(Stray(line, "no contract for this feed"))
            continue
        try:
            period = feed.parse_period(line.period)
        except (PeriodError, OverflowError) as error:
            problems.append(f"line {line.number}: period: {error}")
            continue
        if line.arrived_at > until:
            found.strays.append(Stray(line, "after the rehearsal's end"))
            continue
        told = _event(line, feed, period)
        if isinstance(told, Stray):
            found.strays.append(told)
        else:
            events.append(told)
    if problems:
        raise ArrivalsError(name, problems[:SHOWN])
    if past.lines and all(line.feed not in names for line in past.lines):
        raise ArrivalsError(name, [_no_feed(past.lines, feeds)])
    found.events = tuple(events)
    return found


def _event(line: Line, feed: Feed, period: Period) -> Event | Stray:
    if line.withdrawn and feed.source.absence != "withdrawn":
        return Stray(line, "withdrawn, which the contract gives no meaning (source.absence)")
    match = matching.match(feed, line.file)
    if match is not None:
        return Event(line, feed, period, match.part, match.is_done_flag)
    if feed.source.parts or feed.source.done_flag:
        return Stray(line, "its name fits no part of source.path")
    return Event(line, feed, period, is_named_so=False)


def _no_feed(lines: Sequence[Line], feeds: Iterable[str]) -> str:
    given = ", ".join(sorted({line.feed for line in lines})[:5])
    choices = ", ".join(sorted(feeds)[:10])
    return f"no line is of a feed here; the file has {given}..., contracts are for {choices}"
