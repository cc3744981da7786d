"""Deadlines: the due time that a past speaks for, with the figures. A proposal, never a change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from wharf.contracts import ClockPoint, Period, Terms
from wharf.timeliness.calendars import OpenDays
from wharf.timeliness.habits import MIN_N, MOVED, Came, turn_of
from wharf.timeliness.points import clock_points

AIM = 0.95
STEP = 15
"""Proposed times are whole quarters of an hour."""
LITTLE = timedelta(minutes=30)
"""A deadline later by less is not worth a change; an earlier one is from two hours on."""
Verdict = Literal["keep", "loosen", "tighten"]


@dataclass(frozen=True)
class TermsProposal:
    """A deadline that a past speaks for, with the figures."""

    verdict: Verdict
    due: ClockPoint
    """As the contract has it."""
    proposed: ClockPoint
    kept: float
    """Share of what came that was in time by `due`."""
    would_keep: float
    """The same by `proposed`."""
    usual: ClockPoint
    """By when half of it came."""
    n: int
    """How many deliveries this rests on."""
    missing: int
    """How many of the same time never came; no deadline helps those."""
    since: str = ""
    """The first of those periods, where the habit changed with it; else empty."""

    def __str__(self) -> str:
        figures = f"{self.n} came, half of them by {self.usual}"
        figures += f", {self.missing} never" if self.missing else ""
        if self.verdict == "keep":
            return f"keep due {self.due}: {self.kept:.0%} in time ({figures})"
        since = f" from {self.since} on" if self.since else ""
        instead = "still" if self.would_keep == self.kept else f"instead of {self.kept:.0%}"
        return (
            f"{self.verdict} due {self.due} to {self.proposed}{since}: "
            f"{self.would_keep:.0%} in time {instead} ({figures})"
        )


def suggest_terms(
    history: Iterable[Came],
    terms: Terms,
    days: OpenDays,
    *,
    on_holiday: str = "skip",
    aim: float = AIM,
) -> TermsProposal | None:
    """The deadline by which a share of what came would have been in time.

    It is counted as the contract counts: from its T or E, in calendar or open days. Periods
    before the terms hold are left out; where the supplier's habit changed for good, those before.

    Args:
        history: Expected deliveries, in any order.
        terms: What the contract says.
        days: Open days of the feed's calendar.
        on_holiday: What a closed due day does.
        aim: The share that should be in time.

    Returns:
        None when fewer than 14 deliveries came.
    """
    ordered = sorted((e for e in history if _holds(terms, e.period)), key=lambda each: each.period)
    arrived = [each for each in ordered if each.at is not None]
    if len(arrived) < MIN_N:
        return None
    since = turn_of(arrived, terms)
    start = since or arrived[0].period
    arrived = [each for each in arrived if each.period >= start]
    due = {p: clock_points(terms, p, days, on_holiday=on_holiday).due_at
           for p in {each.period for each in arrived}}  # fmt: skip
    points = sorted(_point(each, due[each.period], terms, days) for each in arrived)
    proposed = _clock(terms, _rounded(points[round(aim * (len(points) - 1))]))
    wanted = terms.model_copy(update={"due": proposed})
    then = {p: clock_points(wanted, p, days, on_holiday=on_holiday).due_at for p in due}
    kept, would_keep = _share(arrived, due), _share(arrived, then)
    return TermsProposal(
        verdict=_verdict(terms.due, proposed, kept, aim),
        due=terms.due,
        proposed=proposed,
        kept=kept,
        would_keep=would_keep,
        usual=_clock(terms, points[len(points) // 2]),
        n=len(points),
        missing=sum(each.at is None and each.period >= start for each in ordered),
        since=since.key if since else "",
    )


def _share(arrived: Sequence[Came], due: Mapping[Period, datetime]) -> float:
    """Share of deliveries that came by these due times."""
    came = sum(each.at is not None and each.at <= due[each.period] for each in arrived)
    return came / len(arrived)


def _holds(terms: Terms, period: Period) -> bool:
    start = terms.from_
    return start is None or Period.parse(period.kind, start).first <= period.first


def _point(each: Came, due_at: datetime, terms: Terms, days: OpenDays) -> tuple[int, int]:
    """When something came, as the contract counts: days from T or E, minute of the day.

    Counted from the day that was due, so that a holiday rule's moves drop out; a closed day stands
    for the begin of the next open one where open days count.
    """
    assert each.at is not None
    if each.period.kind == "hour":
        minutes = -((each.period.start - each.at) // timedelta(minutes=1))
        return divmod(minutes, 24 * 60)
    zone = ZoneInfo(terms.tz)
    wall, due = each.at.astimezone(zone), due_at.astimezone(zone).date()
    minute = wall.hour * 60 + wall.minute + (1 if wall.second or wall.microsecond else 0)
    day = wall.date()
    if terms.due.unit == "d":
        return terms.due.days + (day - due).days, minute
    if not days.is_open(day):
        day, minute = days.next_open(day), 0
    apart = days.between(due, day) if day >= due else -days.between(day, due)
    return terms.due.days + apart, minute


def _rounded(point: tuple[int, int]) -> tuple[int, int]:
    """The next quarter of an hour; the last one of a day is 23:59, as a day has no 24:00."""
    minute = -(-point[1] // STEP) * STEP
    return point[0], min(minute, 24 * 60 - 1)


def _clock(terms: Terms, point: tuple[int, int]) -> ClockPoint:
    hour, minute = divmod(min(point[1], 24 * 60 - 1), 60)
    return ClockPoint(terms.due.base, point[0], terms.due.unit, time(hour, minute))


def _verdict(due: ClockPoint, proposed: ClockPoint, kept: float, aim: float) -> Verdict:
    apart = _span(proposed) - _span(due)
    if apart < timedelta(0):
        return "tighten" if apart <= -MOVED else "keep"
    return "loosen" if kept < aim and apart >= LITTLE else "keep"


def _span(point: ClockPoint) -> timedelta:
    return timedelta(days=point.days, hours=point.at.hour, minutes=point.at.minute)
