"""Deadlines in Airflow's run page. They alarm nobody: the watch over the ledger does that.

A deadline that passes only makes the row's evaluation due, so the next tick looks at it at once.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import BaseDeadlineReference, DeadlineAlert

from wharf.contracts import Calendar, Feed, Period, Product, Terms
from wharf.contracts.product import ProductTerms
from wharf.contracts.spec import Spec

Point = Literal["late_at", "cutoff_at", "due_at"]
log = logging.getLogger(__name__)


class PeriodDeadline(BaseDeadlineReference):
    """A clock point of the period that a scheduled run is for; none for any other run.

    Args:
        point: Which clock point.
        promise: The terms and calendar it is computed from, as `promise_of` writes them.
    """

    required_kwargs = frozenset({"dag_id", "run_id"})

    def __init__(self, point: Point = "due_at", promise: str = "{}") -> None:
        self.point: Point = point
        self.promise = promise

    def serialize_reference(self) -> dict[str, Any]:
        """What the DAG's stored form keeps."""
        return {
            "reference_type": self.reference_name,
            "point": self.point,
            "promise": self.promise,
        }

    @classmethod
    def deserialize_reference(cls, reference_data: dict[str, Any]) -> PeriodDeadline:
        """The reference that `serialize_reference` was called on."""
        return cls(reference_data["point"], reference_data["promise"])

    def instant(self, key: str) -> datetime:
        """The clock point of one period, UTC.

        Args:
            key: The period key.
        """
        from wharf.timeliness.calendars import open_days
        from wharf.timeliness.points import clock_points, product_points

        promise = json.loads(self.promise)
        calendar = promise["calendar"]
        days = open_days(Calendar.model_validate(calendar) if calendar else None, promise["kind"])
        period = Period.parse(promise["kind"], key)
        if promise["is_product"]:
            terms = ProductTerms.model_validate(promise["terms"][0])
            return _get(product_points(terms, period, days), self.point)
        chosen = _terms_for(promise, period)
        points = clock_points(chosen, period, days, on_holiday=promise["on_holiday"])
        return _get(points, self.point)

    def _evaluate_with(self, *, session: Any, **run: str) -> datetime | None:
        """The deadline of a run that is being created, in the scheduler or the API server."""
        from airflow.models import DagRun

        query = session.query(DagRun.run_type, DagRun.partition_key)
        found = query.filter_by(dag_id=run["dag_id"], run_id=run["run_id"]).one_or_none()
        if found is None or found[0] != "scheduled" or not found[1]:
            return None
        try:
            return self.instant(found[1])
        except Exception:
            # An error here would cost the run its deadline and the scheduler a stack trace per run.
            log.exception("no deadline for %s %s", run["dag_id"], found[1])
            return None


def feed_deadlines(feed: Feed, calendar: Calendar | None) -> list[DeadlineAlert]:
    """When a scheduled run of a feed is late, and when its period is given up."""
    promise = promise_of(feed, calendar)
    return [
        _alert(f"{feed.feed} is late", PeriodDeadline("late_at", promise), feed=feed.feed),
        _alert(f"{feed.feed} is missing", PeriodDeadline("cutoff_at", promise), feed=feed.feed),
    ]


def product_deadlines(product: Product, calendar: Calendar | None) -> list[DeadlineAlert]:
    """When a scheduled run of a product is late."""
    promise = promise_of(product, calendar)
    return [_alert(f"{product.product} is due", PeriodDeadline("due_at", promise), feed="")]


def promise_of(spec: Feed | Product, calendar: Calendar | None) -> str:
    """What `PeriodDeadline` computes from, as JSON: no file is read where it is evaluated."""
    terms = spec.timeliness if isinstance(spec, Feed) else (spec.timeliness,)
    return json.dumps(
        {
            "is_product": isinstance(spec, Product),
            "kind": spec.period.kind,
            "on_holiday": spec.period.on_holiday,
            "terms": [_words(each) for each in terms],
            "calendar": calendar.model_dump(mode="json", by_alias=True) if calendar else None,
        }
    )


async def make_evaluation_due(feed: str, context: Mapping[str, Any]) -> None:
    """Have the next tick evaluate the row whose deadline passed; sends nothing itself.

    Args:
        feed: The feed; empty for a product, whose rows are evaluated at every tick.
        context: What Airflow knows of the run.
    """
    key = context["dag_run"].get("partition_key")
    if feed and key:
        await asyncio.to_thread(_make_due, feed, str(key))


def _make_due(feed: str, key: str) -> None:
    from wharf.airflow.workplace import now, shared_ledger
    from wharf.ledger import expected

    with shared_ledger().write() as tx:
        expected.make_due(tx, feed, [key], now())


def _alert(name: str, reference: PeriodDeadline, feed: str) -> DeadlineAlert:
    callback = AsyncCallback(make_evaluation_due, kwargs={"feed": feed})
    return DeadlineAlert(reference=reference, interval=timedelta(0), callback=callback, name=name)


def _terms_for(promise: Mapping[str, Any], period: Period) -> Terms:
    terms = [Terms.model_validate(each) for each in promise["terms"]]
    chosen = terms[0]
    for each in terms:
        if each.from_ is None or Period.parse(promise["kind"], each.from_).first <= period.first:
            chosen = each
    return chosen


def _get(points: object, point: Point) -> datetime:
    instant: datetime = getattr(points, point)
    return instant


def _words(terms: Spec) -> dict[str, Any]:
    """Terms as their contract file writes them."""
    found: dict[str, Any] = {}
    for name, field in type(terms).model_fields.items():
        value = getattr(terms, name)
        if isinstance(value, timedelta):
            value = f"{int(value.total_seconds())}s"
        if value is not None:
            found[field.alias or name] = _words(value) if isinstance(value, Spec) else str(value)
    return found
