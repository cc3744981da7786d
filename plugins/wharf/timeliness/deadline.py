"""Deadlines: the due time that a past speaks for, with the figures. A proposal, never a change."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from wharf.contracts import ClockPoint, Period, Terms
from wharf.timeliness.calendars import OpenDays
from wharf.timeliness.habits import MIN_N, MOVED, Came, base_of, turn_of

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
        return (
            f"{self.verdict} due {self.due} to {self.proposed}{since}: "
            f"{self.would_keep:.0%} in time instead of {self.kept:.0%} ({figures})"
        )


def suggest_terms(
    history: Iterable[Came], terms: Terms, days: OpenDays, *, aim: float = AIM
) -> TermsProposal | None:
    """The deadline by which a share of what came would have been in time.

    It is counted as the contract counts: from its T or E, in calendar or open days. Periods
    before the terms hold are left out; where the supplier's habit changed for good, those before.

    Args:
        history: Expected deliveries, in any order.
        terms: What the contract says.
        days: Open days of the feed's calendar.
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
    missing = sum(each.at is None and each.period >= start for each in ordered)
    points = sorted(_point(each, terms, days) for each in arrived)
    stands = (terms.due.days, terms.due.at.hour * 60 + terms.due.at.minute)
    wanted = _rounded(points[round(aim * (len(points) - 1))])
    kept, would_keep = (bisect_right(points, limit) / len(points) for limit in (stands, wanted))
    return TermsProposal(
        verdict=_verdict(stands, wanted, kept, aim),
        due=terms.due,
        proposed=_clock(terms, wanted),
        kept=kept,
        would_keep=would_keep,
        usual=_clock(terms, points[len(points) // 2]),
        n=len(points),
        missing=missing,
        since=since.key if since else "",
    )


def _holds(terms: Terms, period: Period) -> bool:
    start = terms.from_
    return start is None or Period.parse(period.kind, start).first <= period.first


def _point(each: Came, terms: Terms, days: OpenDays) -> tuple[int, int]:
    """When something came, as the contract counts: days from T or E, minute of the day."""
    assert each.at is not None
    wall = each.at.astimezone(ZoneInfo(terms.tz))
    base, day = base_of(each.period, terms), wall.date()
    minute = wall.hour * 60 + wall.minute + (1 if wall.second or wall.microsecond else 0)
    if terms.due.unit == "d":
        return (day - base).days, minute
    start = days.next_open(base)
    if day < start:
        return -days.between(day, start), minute
    return days.between(start, day), minute


def _rounded(point: tuple[int, int]) -> tuple[int, int]:
    """The next quarter of an hour; the last one of a day is 23:59, as a day has no 24:00."""
    minute = -(-point[1] // STEP) * STEP
    return point[0], min(minute, 24 * 60 - 1)


def _clock(terms: Terms, point: tuple[int, int]) -> ClockPoint:
    hour, minute = divmod(min(point[1], 24 * 60 - 1), 60)
    return ClockPoint(terms.due.base, point[0], terms.due.unit, time(hour, minute))


def _verdict(stands: tuple[int, int], wanted: tuple[int, int], kept: float, aim: float) -> Verdict:
    apart = timedelta(days=wanted[0] - stands[0], minutes=wanted[1] - stands[1])
    if abs(apart) < LITTLE:
        return "keep"
    if apart < timedelta(0):
        return "tighten" if apart <= -MOVED else "keep"
    return "loosen" if kept < aim else "keep"
