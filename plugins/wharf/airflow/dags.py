"""What all DAGs of wharf share: tags, retries, when they begin and end, how many runs at once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import Asset

from wharf.contracts import Calendar, Feed, Period, Product
from wharf.timeliness.calendars import open_days
from wharf.timeliness.points import ClockPoints, ProductPoints, clock_points, product_points

TAGS = ("feed", "product", "model", "watch")
SPARE_RUNS = 8
RETRIES: Mapping[str, Any] = {
    "retries": 3,
    "retry_delay": timedelta(seconds=20),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
}
_LENGTH = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "business_day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "month": timedelta(days=28),
    "quarter": timedelta(days=90),
    "year": timedelta(days=365),
}


def zone_of(spec: Feed | Product) -> str:
    """The zone in which a contract's periods begin."""
    terms = spec.timeliness[-1] if isinstance(spec, Feed) else spec.timeliness
    return "UTC" if spec.period.kind == "hour" else terms.tz


def active_between(spec: Feed | Product) -> tuple[datetime, datetime | None]:
    """The first instants of the first and of the last active period."""
    first = _begins(spec, spec.active.from_)
    return first, _begins(spec, spec.active.until) if spec.active.until else None


def runs_at_once(spec: Feed | Product, calendar: Calendar | None) -> int:
    """How many runs a DAG may have under way: waiting ones count too.

    Args:
        spec: The contract.
        calendar: Its calendar. Public holidays are left out: to know them costs half a CPU second
            in every process that reads a DAG file, and the spare runs make up for them.
    """
    plain = calendar.without_public_holidays() if calendar else None
    days = open_days(plain, spec.period.kind)
    first = Period.parse(spec.period.kind, spec.active.from_)
    points: ClockPoints | ProductPoints
    if isinstance(spec, Feed):
        points = clock_points(spec, first, days)
    else:
        points = product_points(spec.timeliness, first, days)
    overlap = math.ceil((points.cutoff_at - points.opens_at) / _LENGTH[spec.period.kind])
    return max(overlap, 1) + SPARE_RUNS


def table_asset(table: str) -> Asset:
    """A table as Airflow's lineage shows it."""
    return Asset(name=table, uri=f"x-wharf://{table}")


def _begins(spec: Feed | Product, key: str) -> datetime:
    period = Period.parse(spec.period.kind, key)
    if period.kind == "hour":
        return period.start
    zone = ZoneInfo(zone_of(spec))
    return datetime.combine(period.first, time(), tzinfo=zone).astimezone(UTC)
