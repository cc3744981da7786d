"""Which periods are expected: the rolling horizon of a feed or product."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from wharf.contracts import Feed, Period, Product
from wharf.timeliness.calendars import OpenDays
from wharf.timeliness.points import clock_points, product_points

BACK = timedelta(days=35)
AHEAD = timedelta(days=8)

Window = Callable[[Period], tuple[datetime, datetime]]


def expected_periods(feed: Feed, days: OpenDays, now: datetime) -> list[Period]:
    """Active periods of a feed whose time from opening to cut-off touches the horizon.

    Closed days are among them: they have a row too, NOT_EXPECTED.

    Args:
        feed: The contract.
        days: Open days of its calendar.
        now: The horizon reaches from 35 days before to 8 days after.
    """

    def window(period: Period) -> tuple[datetime, datetime]:
        points = clock_points(feed, period, days)
        return points.opens_at, points.cutoff_at

    return [p for p in _touching(feed, window, now) if feed.is_active(p)]


def product_periods(product: Product, days: OpenDays, now: datetime) -> list[Period]:
    """Active periods of a product that touch the horizon; closed days make no product."""

    def window(period: Period) -> tuple[datetime, datetime]:
        points = product_points(product.timeliness, period, days)
        return points.opens_at, points.cutoff_at

    found = _touching(product, window, now)
    return [p for p in found if product.is_active(p) and is_expected(product, p, days)]


def is_expected(spec: Feed | Product, period: Period, days: OpenDays) -> bool:
    """Whether the calendar wants anything for a period.

    A closed day is not wanted unless the holiday rule moves or ignores it; a week or a longer
    period is not wanted only when it has no open day at all.
    """
    if spec.period.on_holiday == "expect_anyway":
        return True
    if period.kind in {"hour", "day", "business_day"}:
        return spec.period.on_holiday != "skip" or days.is_open(period.first)
    return days.any_open(period.first, period.last)


def _touching(spec: Feed | Product, window: Window, now: datetime) -> Iterator[Period]:
    low, high = now - BACK, now + AHEAD
    kind = spec.period.kind
    start = Period.parse(kind, spec.active.from_)
    period = max(Period.containing(kind, low.date()), start)
    while period > start and window(period)[1] >= low:
        period = period.previous()
    while (instants := window(period))[0] <= high:
        if instants[1] >= low:
            yield period
        period = period.next()
