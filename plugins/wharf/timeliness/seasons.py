"""Seasons and holidays that a past shows: stretches without deliveries, days of many late ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from wharf.contracts import Period, Terms
from wharf.timeliness.habits import Came, History, after_base, alike, came_of, turn_of
from wharf.timeliness.quantiles import quantile, spread

SEASON = timedelta(days=28)
SEASON_PERIODS = 3
IN_A_ROW = 4
MANY = 3
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Season:
    """A stretch of days in which nothing came."""

    first: date
    last: date
    periods: int
    feeds: int
    """How many feeds were expected."""
    is_yearly: bool = False
    """Whether another year had one at the same time."""

    def __str__(self) -> str:
        who = f"none of {self.feeds} feeds" if self.feeds > 1 else "nothing"
        every = ", as in another year" if self.is_yearly else ""
        return (
            f"closed: {{from: {self.first}, until: {self.last}}}: "
            f"{who} came in {self.periods} periods{every}"
        )


@dataclass(frozen=True)
class LateTogether:
    """A due day on which unusually many feeds were late: a holiday, perhaps."""

    day: date
    late: int
    due: int

    def __str__(self) -> str:
        return f"holiday on {self.day:%a %Y-%m-%d}? {self.late} of {self.due} feeds were late"


def seasons(histories: Sequence[History]) -> tuple[Season, ...]:
    """Stretches in which nothing came, between two in which something did.

    Any stretch in which three feeds or more were expected and none of them came; of fewer feeds,
    four weeks and three periods.

    Args:
        histories: Feeds of one period kind.
    """
    came: dict[Period, list[bool]] = {}
    for each in came_of(histories):
        came.setdefault(each.period, []).append(each.at is not None)
    there = sorted(period for period, found in came.items() if any(found))
    inside = [period for period in sorted(came) if there and there[0] <= period <= there[-1]]
    found = []
    for is_there, group in groupby(inside, key=lambda period: any(came[period])):
        gap = list(group)
        feeds = min(len(came[period]) for period in gap)
        span = gap[-1].last - gap[0].first + _DAY
        is_long = span >= SEASON and len(gap) >= SEASON_PERIODS
        if not is_there and (is_long or feeds >= MANY):
            found.append(Season(gap[0].first, gap[-1].last, len(gap), feeds))
    return tuple(replace(each, is_yearly=_recurs(each, found)) for each in found)


def late_together(histories: Sequence[History]) -> tuple[LateTogether, ...]:
    """Due days on which many feeds were late; where they always are, later than is their habit.

    At least three, at least half of those due, and at least twice as many as on the median day.
    Four such days in a row are no holidays.
    """
    counts: dict[date, list[bool]] = {}
    for group in alike(histories):
        turn = turn_of(came_of(group), group[0].terms)
        zone = ZoneInfo(group[0].terms.tz)
        for each, is_late in (found for history in group for found in _judged(history, turn)):
            counts.setdefault(each.due_at.astimezone(zone).date(), []).append(is_late)
    shares = sorted(sum(found) / len(found) for found in counts.values())
    least = max(0.5, 2 * shares[len(shares) // 2]) if shares else 1.0
    found = []
    for is_many, group_of_days in groupby(
        sorted(counts), lambda day: sum(counts[day]) >= max(MANY, least * len(counts[day]))
    ):
        days = list(group_of_days)
        if is_many and len(days) < IN_A_ROW:
            found += [LateTogether(day, sum(counts[day]), len(counts[day])) for day in days]
    return tuple(found)


def _judged(history: History, turn: Period | None) -> Iterable[tuple[Came, bool]]:
    """Each delivery between the feed's first and last, and whether it was unusually late.

    The time from a turn on is judged for itself.
    """
    terms = history.terms
    arrived = sorted((e for e in history.came if e.at is not None), key=lambda each: each.period)
    eras: dict[bool, list[Came]] = {False: [], True: []}
    for each in arrived:
        eras[turn is not None and each.period >= turn].append(each)
    limits = {era: _limit(found, terms) for era, found in eras.items()}
    for each in history.came:
        if arrived and arrived[0].period <= each.period <= arrived[-1].period:
            limit = limits[turn is not None and each.period >= turn]
            yield (
                each,
                each.at is None or (each.at > each.due_at and after_base(each, terms) > limit),
            )


def _limit(arrived: Sequence[Came], terms: Terms) -> timedelta:
    """What is later than this is unusual; anything is for those that mostly come in time."""
    in_time = sum(each.at <= each.due_at for each in arrived if each.at is not None)
    spans = [after_base(each, terms) for each in arrived]
    p50, mad = quantile(spans, 0.5), spread(spans)
    if p50 is None or mad is None or 2 * in_time >= len(arrived):
        return timedelta.min
    return p50 + max(timedelta(hours=1), 3 * mad)


def _recurs(season: Season, all_: Sequence[Season]) -> bool:
    """Whether another year has a season that covers half of this one's days of the year."""
    mine = {(each.month, each.day) for each in _days(season)}
    return any(
        other.first.year != season.first.year
        and len(mine & {(each.month, each.day) for each in _days(other)}) * 2 >= len(mine)
        for other in all_
    )


def _days(season: Season) -> Iterable[date]:
    return (season.first + timedelta(days=n) for n in range((season.last - season.first).days + 1))
