"""Which periods are expected: the rolling horizon of a feed or product."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import accumulate
from typing import TypeVar

from wharf.contracts import Feed, Period, Product
from wharf.timeliness.calendars import OpenDays
from wharf.timeliness.points import (
    ClockPoints,
    ProductPoints,
    clock_points,
    local_day,
    product_points,
)

BACK = timedelta(days=35)
AHEAD = timedelta(days=8)
# How far a holiday rule or a move may bring a period forward, and what a half-day may change.
_FAR_MOVE, _HALF_DAY = timedelta(days=40), timedelta(days=2)

PointsT = TypeVar("PointsT", ClockPoints, ProductPoints)


def expected_periods(feed: Feed, days: OpenDays, now: datetime) -> list[Period]:
    """Active periods of a feed whose time from opening to cut-off touches the horizon.

    Closed days are among them: they have a row too, NOT_EXPECTED.

    Args:
        feed: The contract.
        days: Open days of its calendar.
        now: The horizon reaches from 35 days before to 8 days after.
    """
    return [period for period, _ in expected_points(feed, days, now)]


def expected_points(
    feed: Feed, days: OpenDays, now: datetime, since: datetime | None = None
) -> Iterator[tuple[Period, ClockPoints]]:
    """The periods of `expected_periods` with their clock points.

    Args:
        feed: The contract.
        days: Open days of its calendar.
        now: As for `expected_periods`.
        since: Leaves out those that opened, or will open, by the end of an earlier horizon.
    """

    def points(period: Period) -> ClockPoints:
        return clock_points(feed, period, days)

    touching = _touching(feed, points, now, _slack(feed, days), since)
    return ((period, found) for period, found in touching if feed.is_active(period))


def product_periods(product: Product, days: OpenDays, now: datetime) -> list[Period]:
    """Active periods of a product that touch the horizon; closed days make no product."""

    def points(period: Period) -> ProductPoints:
        return product_points(product.timeliness, period, days)

    found = (period for period, _ in _touching(product, points, now))
    return [p for p in found if product.is_active(p) and is_expected(product, p, days)]


def is_expected(spec: Feed | Product, period: Period, days: OpenDays) -> bool:
    """Whether the calendar wants anything for a period; see `why_not_expected`."""
    return not why_not_expected(spec, period, days)


def why_not_expected(spec: Feed | Product, period: Period, days: OpenDays) -> str:
    """Why the calendar wants nothing for a period, for people to read; empty when it does.

    A closed day is not wanted unless the holiday rule moves or ignores it; a week or a longer
    period is not wanted only when it has no open day at all.
    """
    rule = spec.period.on_holiday
    if rule == "expect_anyway":
        return ""
    if period.kind in {"hour", "day", "business_day"}:
        return (days.why_closed(_day_of(spec, period)) or "") if rule == "skip" else ""
    if days.any_open(period.first, period.last):
        return ""
    return days.why_closed(period.first) or "closed"


def overlap(points: Iterable[ClockPoints]) -> int:
    """How many periods are open at one moment, at most; each has a run that waits."""
    found = list(points)
    steps = sorted([(p.opens_at, 1) for p in found] + [(p.cutoff_at, -1) for p in found])
    return max(accumulate((step for _, step in steps), initial=0))


def _day_of(spec: Feed | Product, period: Period) -> date:
    """The local day of a day or hour: an hour's key is UTC, its office's calendar is not."""
    if period.kind != "hour":
        return period.first
    terms = spec.terms_for(period) if isinstance(spec, Feed) else spec.timeliness
    return local_day(period.start, terms.tz)


def _touching(
    spec: Feed | Product,
    points: Callable[[Period], PointsT],
    now: datetime,
    slack: timedelta = timedelta(0),
    since: datetime | None = None,
) -> Iterator[tuple[Period, PointsT]]:
    low, high = now - BACK, now + AHEAD
    seen = since + AHEAD if since else None
    start = Period.parse(spec.period.kind, spec.active.from_)
    period = max(Period.containing(spec.period.kind, (seen or low).date()), start)
    while period > start and _may_count(points(period), low, seen, slack):
        period = period.previous()
    while (found := points(period)).opens_at <= high + slack:
        is_new = seen is None or found.opens_at > seen
        if is_new and found.opens_at <= high and found.cutoff_at >= low:
            yield period, found
        period = period.next()


def _may_count(
    found: ClockPoints | ProductPoints, low: datetime, seen: datetime | None, slack: timedelta
) -> bool:
    """Whether a period before this one may still count."""
    return found.cutoff_at >= low if seen is None else found.opens_at > seen - slack


def _slack(feed: Feed, days: OpenDays) -> timedelta:
    """By how much a period may open before or after its place in the row of periods."""
    if days.moves or feed.period.on_holiday == "roll_back":
        return _FAR_MOVE
    return _HALF_DAY if any(terms.on_half_day for terms in feed.timeliness) else timedelta(0)
