"""The figures of a rehearsal: what the page and the terminal say, counted once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from wharf.timeliness.quantiles import quantile
from wharf.watch.rehearse.outcome import Expected, Outcome

CLOSED = "NOT_EXPECTED"
TOGETHER = 10
"""So many periods are named: those in which the most feeds were late together."""
_MONTHS = 240
Counts = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Tally:
    """Deliveries of one feed, of one period or all of them, counted."""

    name: str
    expected: int
    on_time: int
    came_late: int
    missing: int
    waiting: int
    """Not decided at the end: not due yet, or late and not past the cut-off."""
    late_by_submission: int
    late_by_arrival: int
    p50: timedelta | None
    p95: timedelta | None
    worst: timedelta | None
    """Arrived minus due: of half of what came, of 19 in 20, of the latest; negative is early."""

    @property
    def bad(self) -> int:
        """How many came late or not at all."""
        return self.came_late + self.missing

    @property
    def share_on_time(self) -> float | None:
        """On time, of all that were decided; None where nothing was."""
        decided = self.on_time + self.bad
        return self.on_time / decided if decided else None


@dataclass(frozen=True)
class Figures:
    """Everything counted."""

    all: Tally
    feeds: tuple[Tally, ...]
    periods: tuple[Tally, ...]
    closed: int
    came_on_closed: int
    incidents: int
    """About one delivery each."""
    unresolved: int
    groups: int
    """Incidents that told of many at once: of a supplier, a connection, an outage."""
    messages: int
    by_month: Counts
    by_level: Counts
    by_action: Counts
    by_feed: Counter[str]
    """Messages about each feed alone; those about a supplier's many stand under no feed."""
    strays: Counts
    hints: tuple[str, ...]


def count(outcome: Outcome) -> Figures:
    """Count an outcome."""
    wanted = [each for each in outcome.expected if each.row.timeliness != CLOSED]
    closed = [each for each in outcome.expected if each.row.timeliness == CLOSED]
    periods = [tally for tally in _tallies(wanted, lambda each: each.row.period) if tally.bad]
    single = [each for each in outcome.incidents if each.kind in {"late", "quality"}]
    notices = [message.notice for message in outcome.messages]
    return Figures(
        all=_tally("all", wanted),
        feeds=tuple(sorted(_tallies(wanted, lambda each: each.row.feed), key=_worst_first)),
        periods=tuple(sorted(periods, key=_worst_first)[:TOGETHER]),
        closed=len(closed),
        came_on_closed=sum(each.versions > 0 for each in closed),
        incidents=len(single),
        unresolved=sum(each.resolved_at is None for each in single),
        groups=len(outcome.incidents) - len(single),
        messages=len(outcome.messages),
        by_month=_months(outcome),
        by_level=tuple(sorted(Counter(str(each.get("level")) for each in notices).items())),
        by_action=tuple(Counter(str(each.get("action")) for each in notices).most_common()),
        by_feed=Counter(str(each.get("feed")) for each in notices),
        strays=tuple(Counter(stray.kind for stray in outcome.strays).most_common()),
        hints=tuple(_hints(outcome, wanted)),
    )


def _tallies(rows: Iterable[Expected], name: Callable[[Expected], str]) -> list[Tally]:
    groups: dict[str, list[Expected]] = defaultdict(list)
    for row in rows:
        groups[name(row)].append(row)
    return [_tally(key, group) for key, group in groups.items()]


def _tally(name: str, rows: Sequence[Expected]) -> Tally:
    states = Counter(each.row.timeliness for each in rows)
    known = (each.row.late_by_arrived_s for each in rows)
    spans = [timedelta(seconds=each) for each in known if each is not None]
    on_time, late, missing = (states[s] for s in ("ON_TIME", "LATE_ARRIVED", "MISSING"))
    return Tally(
        name=name,
        expected=len(rows),
        on_time=on_time,
        came_late=late,
        missing=missing,
        waiting=len(rows) - on_time - late - missing,
        late_by_submission=sum(bool(each.is_late_by_submission) for each in rows),
        late_by_arrival=sum(bool(each.is_late_by_arrival) for each in rows),
        p50=quantile(spans, 0.5),
        p95=quantile(spans, 0.95),
        worst=max(spans, default=None),
    )


def _worst_first(tally: Tally) -> tuple[int, str]:
    return -tally.bad, tally.name


def _months(outcome: Outcome) -> Counts:
    """Messages by month, months without any among them."""
    found = Counter(f"{each.queued_at:%Y-%m}" for each in outcome.messages)
    if not found:
        return ()
    year, month = map(int, min(found).split("-"))
    names: list[str] = []
    while (name := f"{year:04d}-{month:02d}") <= max(found) and len(names) < _MONTHS:
        names.append(name)
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return tuple((name, found[name]) for name in names)


def _hints(outcome: Outcome, wanted: Sequence[Expected]) -> Iterator[str]:
    """What may make the figures say less than they seem to."""
    first, last = outcome.first_line_at, outcome.last_line_at
    absent = [each.row for each in wanted if each.row.timeliness in {"LATE", "MISSING"}]
    if first and (early := sum(row.due_at < first for row in absent)):
        yield (
            f"{early:,} of the deliveries that did not come were due before the first line, "
            f"{first:%Y-%m-%d}: where the record only begins then, say --since {first:%Y-%m-%d}"
        )
    if last and (after := sum(row.due_at > last for row in absent)):
        yield (
            f"{after:,} of the deliveries that did not come were due after the last line, "
            f"{last:%Y-%m-%d}: where the record ends then, say --until {last:%Y-%m-%d}"
        )
    came = {each.row.feed for each in wanted if each.versions}
    if silent := sorted({each.row.feed for each in wanted} - came):
        yield f"no line is of {_some(silent)}"
    if outcome.unlike:
        yield (
            f"{outcome.unlike:,} lines name files that source.path would not find; "
            "they count all the same"
        )
    if trial := sorted(feed.feed for feed in outcome.feeds if feed.active.trial):
        yield f"on trial, so nobody is told: {_some(trial)}"
    if outcome.duplicates:
        yield f"{outcome.duplicates:,} lines repeat an earlier one word for word"
    if outcome.has_no_channels:
        yield (
            "there is no routing (alerts.yaml), so messages are counted as if one channel "
            "heard of everything"
        )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more
