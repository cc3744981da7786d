"""Backfills: which periods to make again, one run for each, and how far they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from wharf.contracts import Feed, Period, Product, StartRun
from wharf.decisions.desk import Desk, Person
from wharf.errors import DecisionRefused, PeriodError, WharfError
from wharf.ledger import Transaction, backfills, batches, decisions, products
from wharf.ledger.backfills import Backfill
from wharf.timeliness.calendars import OpenDays, open_days
from wharf.timeliness.horizon import is_expected

MOST = 800
"""Periods in one backfill: two years of days."""
REPROCESS = {
    "none": "only periods of which nothing is published",
    "failed": "these, and those whose newest batch is in quarantine",
    "completed": "every period, published or not",
}
FOLLOW = {
    "none": "products stay as they are",
    "affected": "products whose inputs come out differently are made again",
    "all": "every product that reads it is made again",
}
Choice = Literal["start", "closed", "done", "outside"]


@dataclass(frozen=True)
class Planned:
    """One period of a backfill: whether it gets a run, or why not."""

    period: str
    choice: Choice
    why: str = ""


@dataclass(frozen=True)
class Plan:
    """What a backfill would do; nothing is started."""

    subject: str
    dag_id: str
    first: str
    last: str
    reprocess: str
    follow: str
    periods: tuple[Planned, ...]

    @property
    def wanted(self) -> tuple[str, ...]:
        """The periods that get a run, oldest first."""
        return tuple(each.period for each in self.periods if each.choice == "start")


@dataclass(frozen=True)
class Progress:
    """How far one period of a backfill is, as the ledger knows it."""

    period: str
    status: str
    detail: str = ""


def plan_backfill(
    desk: Desk,
    subject: str,
    first: str,
    last: str,
    now: datetime,
    *,
    reprocess: str = "none",
    follow: str = "none",
) -> Plan:
    """List the periods of a backfill.

    Args:
        desk: The ledger and the contracts.
        subject: A feed or product.
        first: The first period: its key, or a date inside it.
        last: The last one, inclusive.
        now: The instant; later periods are refused.
        reprocess: Which periods with a result get a run; see `REPROCESS`.
        follow: Whether products follow; see `FOLLOW`.

    Raises:
        DecisionRefused: A period is malformed, in the future, or there are too many.
    """
    spec = desk.subject(subject)
    for name, value, choices in (
        ("reprocess", reprocess, REPROCESS), ("follow", follow, FOLLOW),
    ):  # fmt: skip
        if value not in choices:
            raise DecisionRefused(name, f"{value!r} is none; use {', '.join(choices)}")
    periods = list(_between(spec, first, last, now))
    days = open_days(desk.calendars.get(spec.period.calendar or ""), spec.period.kind)
    with desk.ledger.read() as tx:
        done = _results(tx, spec)
    return Plan(
        subject=subject,
        dag_id=spec.dag_id,
        first=periods[0].key,
        last=periods[-1].key,
        reprocess=reprocess,
        follow=follow,
        periods=tuple(_plan(spec, period, days, done, reprocess) for period in periods),
    )


def start_backfill(desk: Desk, plan: Plan, reason: str, person: Person, now: datetime) -> Backfill:
    """Keep a backfill; `started_periods` starts its runs.

    Raises:
        DecisionRefused: There is nothing to start, or no reason.
    """
    if not reason:
        raise DecisionRefused("reason", "is missing: say why, for whoever reads it later")
    if not plan.wanted:
        raise DecisionRefused("periods", "none of them needs a run; choose what to reprocess")
    with desk.ledger.write() as tx:
        return backfills.record_backfill(
            tx,
            Backfill(
                subject=plan.subject,
                dag_id=plan.dag_id,
                first=plan.first,
                last=plan.last,
                periods=plan.wanted,
                reprocess=plan.reprocess,
                follow=plan.follow,
                by=person.name,
                via=person.via,
                reason=reason,
                at=now,
            ),
        )


def started_periods(
    desk: Desk, row: Backfill, start_run: StartRun, now: datetime
) -> Iterator[tuple[str, str]]:
    """Start the runs of a backfill that are not started yet, oldest first; repeating is harmless.

    Yields:
        Each period, and what went wrong with it; an empty text where nothing did. It ends at the
        first period that cannot be started, since Airflow is then not there for the others.
    """
    with desk.ledger.read() as tx:
        known = backfills.runs_of(tx, row)
    for period in row.periods:
        if period in known:
            continue
        try:
            start_run(row.dag_id, period, row.cause)
        except WharfError as error:
            yield period, str(error)
            return
        with desk.ledger.write() as tx:
            decisions.record_run(tx, row.dag_id, period, row.cause, now)
        yield period, ""


def progress(tx: Transaction, desk: Desk, row: Backfill) -> list[Progress]:
    """How far each period of a backfill is, by the ledger alone."""
    known = backfills.runs_of(tx, row)
    spec = desk.subject(row.subject)
    made = _results_since(tx, spec, row)
    found = []
    for period in row.periods:
        if period not in known:
            found.append(Progress(period, "not started"))
        else:
            found.append(made.get(period) or Progress(period, "started"))
    return found


def readers(desk: Desk, subject: str) -> list[str]:
    """Products that read a feed or product, themselves or through others: what may follow it."""
    found, asked = set[str](), [subject]
    while asked:
        name = asked.pop()
        new = {each for each, spec in desk.products.items() if name in spec.inputs} - found
        found |= new
        asked += new
    return sorted(found)


def _between(spec: Feed | Product, first: str, last: str, now: datetime) -> Iterator[Period]:
    try:
        begin, end = spec.parse_period(first), spec.parse_period(last)
    except PeriodError as error:
        raise DecisionRefused("periods", str(error)) from None
    if end.first < begin.first:
        raise DecisionRefused("to", f"{end} is before {begin}")
    today = Period.containing(spec.period.kind, now.date())
    future = end.start > now if end.kind == "hour" else end.first > today.first
    if future:
        raise DecisionRefused("to", f"{end} is in the future; nothing can have come for it")
    period, count = begin, 0
    while period <= end:
        count += 1
        if count > MOST:
            raise DecisionRefused("to", f"more than {MOST} periods; make several backfills of them")
        yield period
        period = period.next()


def _plan(
    spec: Feed | Product, period: Period, days: OpenDays, done: Mapping[str, str], reprocess: str
) -> Planned:
    if isinstance(spec, Product) and not spec.is_active(period):
        return Planned(period.key, "outside", f"{spec.product} is made from {spec.active.from_} on")
    if not is_expected(spec, period, days):
        return Planned(period.key, "closed", days.why_closed(period.first) or "closed")
    result = done.get(period.key, "")
    passes = {"": True, "QUARANTINED": reprocess != "none"}.get(result, reprocess == "completed")
    if passes:
        return Planned(
            period.key, "start", f"its newest batch is {result.lower()}" if result else ""
        )
    return Planned(period.key, "done", "published" if result == "PUBLISHED" else result.lower())


def _results(tx: Transaction, spec: Feed | Product) -> dict[str, str]:
    """What became of each period of a feed or product so far."""
    if isinstance(spec, Product):
        return dict.fromkeys(products.current_releases(tx, spec.product), "PUBLISHED")
    held = {
        row.period: row.status
        for row in batches.batches_for(tx, spec.feed)
        if row.status == "QUARANTINED"
    }
    return {**held, **dict.fromkeys(batches.current(tx, spec.table), "PUBLISHED")}


def _results_since(tx: Transaction, spec: Feed | Product, row: Backfill) -> dict[str, Progress]:
    """What the runs of a backfill came to, or what they found standing."""
    if isinstance(spec, Product):
        return {
            each.period: Progress(each.period, "released", each.manifest_id)
            for each in products.releases_of(tx, spec.product)
            if each.at >= row.at
        }
    standing = {
        period: Progress(period, "published before", batch_id)
        for period, batch_id in batches.current(tx, spec.table).items()
    }
    own = {
        each.period: Progress(each.period, each.status.lower().replace("_", " "), each.batch_id)
        for each in batches.batches_for(tx, spec.feed)
        if each.run_id.endswith(f"__{row.cause}")
    }
    return {**standing, **own}
