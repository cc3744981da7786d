"""Expected deliveries from contract and calendar: the tick's horizon, a run's own key."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from wharf.contracts import Feed, Period, Project
from wharf.ledger import Ledger, expected, products
from wharf.ledger.rows import ExpectedDelivery, ProductPeriod
from wharf.timeliness import calendars, horizon, learned, points
from wharf.watch.promises import Promises


def expect_one(
    ledger: Ledger, project: Project, feed: Feed, period: Period, contract: str, now: datetime
) -> ExpectedDelivery:
    """Make the row of one feed and period when it is missing, and give it."""
    row = _row(feed, period, _days(project, feed), contract)
    with ledger.write() as tx:
        expected.ensure_expected(tx, [row], now)
        found = expected.find_expected(tx, feed.feed, period.key)
    assert found is not None
    return found


def expect_horizon(ledger: Ledger, promises: Promises, now: datetime) -> int:
    """Make or re-time the rows of all feeds and products for the rolling horizon.

    Returns:
        How many rows of feeds were made or re-timed.
    """
    rows = [
        _row(feed, period, days, promises.hashes.get(feed.feed, ""))
        for feed in promises.feeds.values()
        for days in [_days(promises.project, feed)]
        for period in horizon.expected_periods(feed, days, now)
    ]
    with ledger.write() as tx:
        products.ensure_product_periods(tx, _product_periods(promises.project, now))
        return expected.ensure_expected(tx, rows, now)


def _row(feed: Feed, period: Period, days: calendars.OpenDays, contract: str) -> ExpectedDelivery:
    clock = points.clock_points(feed, period, days)
    return ExpectedDelivery(
        feed=feed.feed,
        period=period.key,
        period_first=period.first.isoformat(),
        contract=contract,
        expected=horizon.is_expected(feed, period, days),
        closed_because=days.why_closed(period.first) or "",
        notifies=feed.is_active(period) and not feed.active.trial,
        judge_by=feed.terms_for(period).judge_by,
        opens_at=clock.opens_at,
        warn_at=clock.warn_at,
        due_at=clock.due_at,
        late_at=clock.late_at,
        cutoff_at=clock.cutoff_at,
        stratum=learned.stratum_of(period, days),
    )


def _product_periods(project: Project, now: datetime) -> Iterator[ProductPeriod]:
    for product in project.products.values():
        calendar = project.calendars.get(product.period.calendar or "")
        days = calendars.open_days(calendar, product.period.kind)
        for period in horizon.product_periods(product, days, now):
            clock = points.product_points(product.timeliness, period, days)
            yield ProductPeriod(
                product=product.product,
                period=period.key,
                opens_at=clock.opens_at,
                decide_at=clock.decide_at,
                due_at=clock.due_at,
                cutoff_at=clock.cutoff_at,
            )


def _days(project: Project, feed: Feed) -> calendars.OpenDays:
    return calendars.open_days(project.calendars.get(feed.period.calendar or ""), feed.period.kind)
