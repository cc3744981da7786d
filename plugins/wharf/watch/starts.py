"""Which runs are wanted: an opened row that has none, a complete arrival that nothing consumed."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from wharf.contracts import Feed, StartRun
from wharf.errors import WharfError
from wharf.ledger import Ledger, arrivals, decisions, deliveries, expected, products
from wharf.ledger.rows import ExpectedDelivery
from wharf.watch.promises import Promises

PATIENCE = timedelta(minutes=2)
COMPLETE = {"COMPLETE", "VALIDATING", "QUARANTINED", "PUBLISHED", "SUPERSEDED"}


@dataclass(frozen=True)
class Wanted:
    """One run to start: the id of its cause makes a second start impossible."""

    dag_id: str
    key: str
    cause: str


def wanted_runs(
    ledger: Ledger, promises: Promises, running: Set[tuple[str, str]], now: datetime
) -> list[Wanted]:
    """Runs to start now.

    Args:
        ledger: The ledger.
        promises: Contracts in force.
        running: (DAG id, period key) of all queued and running runs.
        now: The instant to decide at.
    """
    with ledger.read() as tx:
        known = decisions.runs_known(tx)
        rows = expected.open_rows(tx, now)
        seen = {name: arrivals.arrivals_by_period(tx, name) for name in promises.feeds}
        landed = {name: deliveries.deliveries_by_period(tx, name) for name in promises.feeds}
        owed = products.product_periods(tx)
    causes = {(run.dag_id, run.key, run.cause) for run in known}
    started = {(run.dag_id, run.key) for run in known} | running
    wanted: list[Wanted] = []
    for row in rows:
        feed = promises.feeds.get(row.feed)
        if feed is None or not row.notifies or row.evaluated_at is None:
            continue
        if (feed.dag_id, row.period) in running:
            continue
        if (feed.dag_id, row.period) not in started:
            if row.opens_at + PATIENCE <= now:
                wanted.append(Wanted(feed.dag_id, row.period, f"row-{row.id}"))
            continue
        fresh = arrivals.not_landed(
            seen[row.feed].get(row.period, []), landed[row.feed].get(row.period, [])
        )
        if fresh and _is_complete(feed, row):
            wanted.append(Wanted(feed.dag_id, row.period, f"arrival-{fresh[-1].seq}"))
    for each in owed:
        product = promises.products.get(each.product)
        is_open = each.opens_at + PATIENCE <= now
        if product and is_open and (product.dag_id, each.period) not in started:
            wanted.append(Wanted(product.dag_id, each.period, f"row-{each.id}"))
    return [each for each in wanted if (each.dag_id, each.key, each.cause) not in causes]


def start_runs(
    ledger: Ledger, wanted: list[Wanted], start_run: StartRun, now: datetime
) -> tuple[list[Wanted], list[str]]:
    """Start the wanted runs and note them; one that cannot be started holds no other up.

    Returns:
        The runs started now, and a line for each that could not be.
    """
    started: list[Wanted] = []
    problems: list[str] = []
    for each in wanted:
        try:
            is_new = start_run(each.dag_id, each.key, each.cause)
        except WharfError as error:
            problems.append(f"{each.dag_id} {each.key}: {error}")
            continue
        with ledger.write() as tx:
            decisions.record_run(tx, each.dag_id, each.key, each.cause, now)
        if is_new:
            started.append(each)
    return started, problems


def _is_complete(feed: Feed, row: ExpectedDelivery) -> bool:
    """Whether the parts make a whole delivery: a restated part counts with the others' versions."""
    return row.delivery in COMPLETE or row.complete_at is not None
