"""Which period a run is for. Never the run's date: its partition key, or what a person wrote."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from wharf.contracts import Feed, Period, Product
from wharf.errors import PeriodError
from wharf.timeliness.calendars import open_days
from wharf.timeliness.points import ClockPoints, ProductPoints, clock_points, product_points

AHEAD = timedelta(days=8)
OFFERED = 10
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class RunFacts:
    """What Airflow says about a run."""

    run_id: str
    run_type: str = "manual"
    partition_key: str | None = None
    conf: Mapping[str, object] | None = None

    @property
    def is_scheduled(self) -> bool:
        """Whether the schedule made it, not a person, a backfill or the tick."""
        return self.run_type == "scheduled"

    @property
    def asked_for(self) -> str:
        """The period as the run names it; empty if it names none."""
        return str(self.partition_key or (self.conf or {}).get("period") or "").strip()


def period_of(run: RunFacts, spec: Feed | Product, now: datetime) -> Period:
    """Find the period of a run.

    Args:
        run: What Airflow says about it.
        spec: The contract of the feed or product.
        now: The instant of the question, for the periods that the message offers.

    Raises:
        PeriodError: The run names no period, not one of this contract, or one too far ahead.
    """
    if not run.asked_for:
        raise PeriodError(
            f"this run names no period; trigger {spec.dag_id} with a partition key, or with "
            f'conf {{"period": "..."}}. Open now: {_open_now(spec, now)}'
        )
    try:
        period = spec.parse_period(run.asked_for)
    except PeriodError as error:
        near = _date_in(run.asked_for) or now.date()
        raise PeriodError(f"{error}. Nearest periods: {_offer(spec, near)}") from None
    if period.first > (now + AHEAD).date():
        raise PeriodError(
            f"{period} begins on {period.first}, too far ahead to be delivered. "
            f"Open now: {_open_now(spec, now)}"
        )
    return period


def _open_now(spec: Feed | Product, now: datetime) -> str:
    """The newest periods between their opening and their cut-off, public holidays not counted."""
    days = open_days(None, spec.period.kind)
    period = Period.containing(spec.period.kind, now.date()).next()
    found: list[str] = []
    for _ in range(OFFERED):
        points: ClockPoints | ProductPoints
        if isinstance(spec, Feed):
            points = clock_points(spec, period, days)
        else:
            points = product_points(spec.timeliness, period, days)
        if points.opens_at <= now < points.cutoff_at:
            found.append(str(period))
        period = period.previous()
    return ", ".join(reversed(found)) or f"none; near are {_offer(spec, now.date())}"


def _offer(spec: Feed | Product, near: date) -> str:
    middle = Period.containing(spec.period.kind, near)
    return ", ".join(str(each) for each in (middle.previous(), middle, middle.next()))


def _date_in(text: str) -> date | None:
    found = _DATE.search(text)
    try:
        return date.fromisoformat(found[0]) if found else None
    except ValueError:
        return None


def facts_of(context: Mapping[str, Any]) -> RunFacts:
    """What a task's context says about its run."""
    run = context["dag_run"]
    return RunFacts(
        run_id=str(run.run_id),
        run_type=str(getattr(run.run_type, "value", run.run_type)),
        partition_key=run.partition_key,
        conf=run.conf or {},
    )
