"""Which runs are wanted: an opened row that has none, a complete arrival that nothing consumed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from wharf.contracts import StartRun
from wharf.errors import WharfError
from wharf.ledger import Ledger, Transaction, arrivals, decisions, deliveries, wants
from wharf.ledger.rows import ExpectedDelivery, ProductPeriod
from wharf.watch.learn import period_of
from wharf.watch.promises import Promises

PATIENCE = timedelta(minutes=2)
LOOKED_BACK = timedelta(days=35)
# A first deployment over a long past must not hold the messages up; the next tick goes on.
MOST_AT_ONCE = 200
# An Airflow that answers slowly must not either: each request may wait for minutes.
BUDGET = timedelta(seconds=20)
CONSIDERED = 1000
Key = tuple[str, str]
"""DAG id and period key."""


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
        ledger: The ledger; what it turns out to know already is noted at its rows.
        promises: Contracts in force.
        running: (DAG id, period key) of all queued and running runs.
        now: The instant to decide at.
    """
    before = now - PATIENCE
    with ledger.read() as tx:
        opened = _of_feeds(wants.without_run(tx, before, CONSIDERED), promises)
        waiting = _of_feeds(wants.with_fresh_arrival(tx, now), promises)
        owed = _of_products(
            wants.products_without_run(tx, before, now - LOOKED_BACK, CONSIDERED), promises
        )
        known = wants.causes_of(tx, {key for key, _ in (*opened, *waiting, *owed)})
        fresh = _fresh(tx, [row for _, row in waiting])
    _note(ledger, opened, known, [row for _, row in waiting if row.id not in fresh], now)
    first = [*((key, row.id) for key, row in opened), *((key, row.id) for key, row in owed)]
    found = [
        Wanted(*key, f"row-{row_id}")
        for key, row_id in first
        if key not in known and key not in running
    ]
    found += [
        Wanted(*key, f"arrival-{fresh[row.id]}")
        for key, row in waiting
        if key in known and key not in running and row.id in fresh
    ]
    causes = {(*key, cause) for key, of_key in known.items() for cause in of_key}
    return [each for each in found if (each.dag_id, each.key, each.cause) not in causes]


def start_runs(
    ledger: Ledger,
    wanted: list[Wanted],
    start_run: StartRun,
    now: datetime,
    elapsed: Callable[[], timedelta] = timedelta,
) -> tuple[list[Wanted], list[str]]:
    """Start the wanted runs and note them; one that cannot be started holds no other up.

    Args:
        ledger: The ledger.
        wanted: The runs.
        start_run: Starts one.
        now: The instant of the tick.
        elapsed: How long ago `now` was.

    Returns:
        The runs started now, and a line for each that could not be.
    """
    started: list[Wanted] = []
    problems: list[str] = []
    until = elapsed() + BUDGET
    for number, each in enumerate(wanted):
        if len(started) == MOST_AT_ONCE:
            break
        if elapsed() >= until:
            problems.append(f"{len(wanted) - number} runs are left to the next tick")
            break
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


def _of_feeds(
    rows: Sequence[ExpectedDelivery], promises: Promises
) -> list[tuple[Key, ExpectedDelivery]]:
    """The rows that a run may be started for, with the run's DAG and key."""
    return [
        ((promises.feeds[row.feed].dag_id, row.period), row)
        for row in rows
        if row.feed in promises.feeds and period_of(promises.feeds[row.feed], row.period)
    ]


def _of_products(
    rows: Sequence[ProductPeriod], promises: Promises
) -> list[tuple[Key, ProductPeriod]]:
    return [
        ((promises.products[row.product].dag_id, row.period), row)
        for row in rows
        if row.product in promises.products
    ]


def _fresh(tx: Transaction, rows: Sequence[ExpectedDelivery]) -> dict[int, int]:
    """The last arrival of each row that is not landed, as of now; none where all are."""
    ids = [row.id for row in rows]
    seen, landed = arrivals.arrivals_for(tx, ids), deliveries.deliveries_for(tx, ids)
    found = {}
    for row_id in ids:
        if fresh := arrivals.not_landed(seen.get(row_id, []), landed.get(row_id, [])):
            found[row_id] = fresh[-1].seq
    return found


def _note(
    ledger: Ledger,
    opened: Sequence[tuple[Key, ExpectedDelivery]],
    known: Collection[Key],
    landed: Sequence[ExpectedDelivery],
    now: datetime,
) -> None:
    """Have the next tick pass over what had its run, and over what was landed meanwhile."""
    had = [row.id for key, row in opened if key in known]
    if had or landed:
        with ledger.write() as tx:
            wants.note_runs(tx, had, now)
            wants.note_landed(tx, landed)
