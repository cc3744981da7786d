"""Expected deliveries from contract and calendar: the tick's horizon, a run's own key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from wharf.contracts import Calendar, Feed, Period, Product, Project
from wharf.errors import PeriodError
from wharf.ledger import Ledger, Transaction, contracts, expected, horizon, products
from wharf.ledger.in_force import project_in_force
from wharf.ledger.rows import ExpectedDelivery, ProductPeriod
from wharf.timeliness import calendars, points
from wharf.timeliness.horizon import BACK, expected_points, product_periods, why_not_expected
from wharf.timeliness.learned import stratum_of
from wharf.timeliness.points import ClockPoints
from wharf.watch.promises import Promises

# 40 feeds of 45 periods each are made in about a fifth of a second of one transaction.
_SLICE = 40


def expect_one(
    ledger: Ledger, project: Project, feed: Feed, period: Period, contract: str, now: datetime
) -> ExpectedDelivery:
    """Make the row of one feed and period when it is missing, and give it.

    A row that stands is left as it is: only the tick re-times.
    """
    with ledger.read() as tx:
        found = expected.find_expected(tx, feed.feed, period.key)
        calendar = _calendar(tx, project, feed)
    if found is None:
        days = calendars.open_days(calendar, feed.period.kind)
        clock = points.clock_points(feed, period, days)
        row = _row(feed, period, days, clock, contract, _version(calendar))
        with ledger.write() as tx:
            horizon.add_missing(tx, row, now)
            found = expected.find_expected(tx, feed.feed, period.key)
    assert found is not None
    return found


def expect_horizon(ledger: Ledger, promises: Promises, now: datetime) -> int:
    """Make or re-time the rows of all feeds and products for the rolling horizon.

    Feeds of which neither contract, calendar nor day changed since the last time are not looked
    at: the ledger remembers from what their rows were made.

    Returns:
        How many rows of feeds were made or re-timed.
    """
    project = promises.project
    keys = {name: _key(promises, name, each, now) for name, each in promises.feeds.items()}
    made_of = {
        f"product {name}": _key(promises, name, each, now)
        for name, each in project.products.items()
    }
    with ledger.read() as tx:
        known = horizon.remembered(tx)
    stale = sorted(name for name, key in keys.items() if known.get(name) != key)
    changed = 0
    for names in _slices(stale):
        rows = {name: _rows(promises, name, now, _reached(known, keys, name)) for name in names}
        with ledger.write() as tx:
            for name in names:
                if _reached(known, keys, name):
                    changed += horizon.ensure_expected(tx, rows[name], now)
                else:
                    changed += _renew(tx, promises, name, rows[name], now)
            horizon.remember(tx, {name: keys[name] for name in names}, now)
    if any(known.get(name) != key for name, key in made_of.items()):
        owed = list(_product_periods(project, now))
        with ledger.write() as tx:
            products.ensure_product_periods(tx, owed)
            horizon.retime_products(tx, owed, now)
            horizon.remember(tx, made_of, now)
    return changed


def _reached(known: Mapping[str, str], keys: Mapping[str, str], name: str) -> datetime | None:
    """Up to which day a feed's rows stand, where nothing changed since but the day."""
    was, _, day = known.get(name, "").rpartition(" ")
    terms, _, today = keys[name].rpartition(" ")
    return datetime.fromisoformat(f"{day}T00:00+00:00") if was == terms and day < today else None


def _slices(names: list[str]) -> Iterator[list[str]]:
    """A few names at a time: each slice is written in a transaction of its own."""
    return (names[at : at + _SLICE] for at in range(0, len(names), _SLICE))


def _key(promises: Promises, name: str, spec: Feed | Product, now: datetime) -> str:
    """All that decides the rows of a feed or product, in one word."""
    calendar = promises.project.calendars.get(spec.period.calendar or "")
    contract = promises.hashes.get(name) or spec.model_dump_json()
    until = spec.active.until or "open"
    return f"{contract} {calendars.calendar_digest(calendar)} {until} {now:%Y-%m-%d}"


def _rows(
    promises: Promises, name: str, now: datetime, since: datetime | None
) -> list[ExpectedDelivery]:
    feed, calendar = promises.feeds[name], _calendar_of(promises, name)
    days = calendars.open_days(calendar, feed.period.kind)
    contract, version = promises.hashes.get(name, ""), _version(calendar)
    return [
        _row(feed, period, days, clock, contract, version)
        for period, clock in expected_points(feed, days, now, since)
    ]


def _renew(
    tx: Transaction,
    promises: Promises,
    name: str,
    rows: list[ExpectedDelivery],
    now: datetime,
) -> int:
    """Make and re-time all rows of a feed, also those that stand beside its horizon.

    A period that the contract promises no more, since it ended earlier or counts other periods,
    is not expected; one beyond the horizon is timed like the others.
    """
    made = {row.period for row in rows}
    keys = [min(row.period, row.period_first) for row in rows]
    standing = horizon.rows_from(tx, name, min([*keys, f"{now - BACK:%Y-%m}"]))
    beside = [row for row in standing if row.period not in made and now < row.due_at]
    rows += [again for row in beside if (again := _again(promises, name, row))]
    # Which parts and sizes count is the contract's too: what is not decided is judged anew.
    undecided = [row.id for row in standing if row.evaluated_at and row.complete_at is None]
    expected.make_rows_due(tx, undecided, now)
    return horizon.ensure_feed(tx, name, rows, standing, now)


def _again(promises: Promises, name: str, row: ExpectedDelivery) -> ExpectedDelivery | None:
    """A row as the contract would make it now; None where it is expected no more already."""
    feed, calendar = promises.feeds[name], _calendar_of(promises, name)
    days = calendars.open_days(calendar, feed.period.kind)
    contract = promises.hashes.get(name, "")
    period = _active(feed, row.period)
    if period is not None:
        clock = points.clock_points(feed, period, days)
        return _row(feed, period, days, clock, contract, _version(calendar))
    if not row.expected:
        return None
    why = f"not promised any more; see active and period of {name}"
    return replace(row, expected=False, closed_because=why, contract=contract, notifies=False)


def _active(feed: Feed, key: str) -> Period | None:
    try:
        period = Period.parse(feed.period.kind, key)
    except PeriodError:
        return None
    return period if feed.is_active(period) else None


def _row(
    feed: Feed,
    period: Period,
    days: calendars.OpenDays,
    clock: ClockPoints,
    contract: str,
    calendar: str,
) -> ExpectedDelivery:
    why = why_not_expected(feed, period, days)
    return ExpectedDelivery(
        feed=feed.feed,
        period=period.key,
        period_first=period.first.isoformat(),
        contract=contract,
        calendar=calendar,
        stratum=stratum_of(period, days),
        expected=not why,
        closed_because=why or clock.remark,
        notifies=feed.is_active(period) and not feed.active.trial,
        judge_by=feed.terms_for(period).judge_by,
        opens_at=clock.opens_at,
        expected_at=clock.expected_at,
        warn_at=clock.warn_at,
        due_at=clock.due_at,
        late_at=clock.late_at,
        cutoff_at=clock.cutoff_at,
    )


def _product_periods(project: Project, now: datetime) -> Iterator[ProductPeriod]:
    for product in project.products.values():
        calendar = project.calendars.get(product.period.calendar or "")
        days = calendars.open_days(calendar, product.period.kind)
        for period in product_periods(product, days, now):
            clock = points.product_points(product.timeliness, period, days)
            yield ProductPeriod(
                product=product.product,
                period=period.key,
                opens_at=clock.opens_at,
                decide_at=clock.decide_at,
                due_at=clock.due_at,
                cutoff_at=clock.cutoff_at,
            )


def _calendar_of(promises: Promises, name: str) -> Calendar | None:
    return promises.project.calendars.get(promises.feeds[name].period.calendar or "")


def _calendar(tx: Transaction, project: Project, feed: Feed) -> Calendar | None:
    """The calendar of a feed: as the project has it, else as it last was valid."""
    name = feed.period.calendar
    if name is None or name in project.calendars:
        return project.calendars.get(name or "")
    stored = contracts.current_contracts(tx)
    return project_in_force(project, stored, {}).calendars.get(name)


def _version(calendar: Calendar | None) -> str:
    return f"{calendar.calendar}@{calendars.calendar_digest(calendar)}" if calendar else ""
