"""What all DAGs of wharf share: tags, retries, the period field of the trigger form, start, end."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import Asset, Param

from wharf.contracts import Feed, Period, Product

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


def runs_at_once(spec: Feed | Product, opens: datetime, cutoff: datetime) -> int:
    """How many runs a DAG may have under way: waiting ones count too.

    Args:
        spec: The contract.
        opens: When one period opens.
        cutoff: When that period is given up.
    """
    overlap = math.ceil((cutoff - opens) / _LENGTH[spec.period.kind])
    return max(overlap, 1) + SPARE_RUNS


def period_parameter(spec: Feed | Product) -> dict[str, Param]:
    """The field of Airflow's trigger form, for runs that get no partition key."""
    first = Period.parse(spec.period.kind, spec.active.from_)
    about = f"The period to run, such as {first}. Leave empty when you give a partition key."
    return {
        "period": Param(None, type=["null", "string"], title="Period", description=about),
    }


def table_asset(table: str) -> Asset:
    """A table as Airflow's lineage shows it."""
    return Asset(name=table, uri=f"x-wharf://{table}")


def _begins(spec: Feed | Product, key: str) -> datetime:
    period = Period.parse(spec.period.kind, key)
    if period.kind == "hour":
        return period.start
    zone = ZoneInfo(zone_of(spec))
    return datetime.combine(period.first, time(), tzinfo=zone).astimezone(UTC)
