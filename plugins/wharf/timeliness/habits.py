"""Habits: when the deliveries of a past came, by the wall clock, and since when they come so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from wharf.contracts import Period, Terms
from wharf.timeliness.calendars import OpenDays
from wharf.timeliness.quantiles import quantile

MIN_N = 14
MOVED = timedelta(hours=2)
"""A habit that changed by less did not change."""
_FALL = 0.6
_BEFORE = 8
_LOOKED_AT = 400


@dataclass(frozen=True)
class Came:
    """One expected delivery of the past."""

    period: Period
    due_at: datetime
    at: datetime | None
    """When it came, or was submitted where the feed is judged so; None when it never came."""


@dataclass(frozen=True)
class History:
    """The past of one feed, under the terms it was expected by."""

    feed: str
    terms: Terms
    days: OpenDays
    came: tuple[Came, ...]
    """Expected deliveries only: what the calendar closes is left out."""
    on_holiday: str = "skip"
    """What a closed due day does, as the contract's period says."""


def alike(histories: Sequence[History]) -> list[list[History]]:
    """Feeds that have the same terms and the same open days."""
    groups: dict[tuple[Terms, OpenDays, str], list[History]] = {}
    for each in histories:
        groups.setdefault((each.terms, each.days, each.on_holiday), []).append(each)
    return list(groups.values())


def came_of(histories: Iterable[History]) -> list[Came]:
    """The deliveries of all these feeds together."""
    return [each for history in histories for each in history.came]


def turn_of(history: Iterable[Came], terms: Terms) -> Period | None:
    """From which period on deliveries come at another time for good; None when they do not.

    It is the one that leaves the least distance from the medians before and after it, among the
    last 400.
    """
    arrived = sorted((e for e in history if e.at is not None), key=lambda each: each.period)
    groups = groupby(arrived, key=lambda each: each.period)
    medians = [(p, _median([after_base(each, terms) for each in group])) for p, group in groups]
    medians = medians[-_LOOKED_AT:]
    spans = [span for _, span in medians]
    whole = _distance(spans)
    best, least = 0, whole
    for place in range(_BEFORE, len(spans) - MIN_N + 1):
        left = _distance(spans[:place]) + _distance(spans[place:])
        if left < least:
            best, least = place, left
    if not best:
        return None
    moved = abs(_median(spans[best:]) - _median(spans[:best]))
    return medians[best][0] if moved >= MOVED and least <= _FALL * whole else None


def _distance(spans: Sequence[timedelta]) -> timedelta:
    middle = _median(spans)
    return sum((abs(each - middle) for each in spans), timedelta(0))


def _median(spans: Sequence[timedelta]) -> timedelta:
    return quantile(spans, 0.5) or timedelta(0)


def after_base(each: Came, terms: Terms) -> timedelta:
    """From local midnight of T or E to when it came, on the wall clock; of an hour, its begin."""
    assert each.at is not None
    if each.period.kind == "hour":
        return each.at - each.period.start
    wall = each.at.astimezone(ZoneInfo(terms.tz)).replace(tzinfo=None)
    base = each.period.first if terms.due.base == "T" else each.period.last
    return wall - datetime.combine(base, time())
