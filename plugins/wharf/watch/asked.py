"""Runs that people asked for: backfills, accepted proposals, files handed in or marked anew.

The board starts them at once where it can. What it could not start, and what the command line
asked for, is started here, by the same cause, so that nothing is started twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from datetime import datetime, timedelta

from wharf.ledger import Ledger, Transaction, asked, backfills, wants
from wharf.watch.promises import Promises
from wharf.watch.starts import Wanted

LOOKED_BACK = timedelta(days=35)
PATIENCE = timedelta(minutes=2)


def asked_runs(
    ledger: Ledger, promises: Promises, running: Set[tuple[str, str]], now: datetime
) -> list[Wanted]:
    """Runs that somebody asked for and that are not noted yet.

    Args:
        ledger: The ledger.
        promises: Contracts in force.
        running: (DAG id, period key) of all queued and running runs: one of them may yet read
            what was handed in.
        now: The instant to decide at.
    """
    since = now - LOOKED_BACK
    with ledger.read() as tx:
        return [
            *_backfilled(tx, since),
            *_accepted(tx, since),
            *_replayed(tx, promises, since, now - PATIENCE),
            *_unread(tx, promises, running, since, now - PATIENCE),
        ]


def _backfilled(tx: Transaction, since: datetime) -> Iterator[Wanted]:
    for row in asked.backfills_since(tx, since):
        known = backfills.runs_of(tx, row)
        for period in row.periods:
            if period not in known:
                yield Wanted(row.dag_id, period, row.cause)


def _accepted(tx: Transaction, since: datetime) -> Iterator[Wanted]:
    for row in asked.accepted_without_run(tx, since):
        yield Wanted(f"product__{row.product}", row.period, f"proposal-{row.seq}")


def _replayed(
    tx: Transaction, promises: Promises, since: datetime, before: datetime
) -> Iterator[Wanted]:
    for row in asked.replays_without_run(tx, since):
        if row.feed in promises.feeds and row.period and row.at < before:
            yield Wanted(promises.feeds[row.feed].dag_id, row.period, f"replay-{row.seq}")


def _unread(
    tx: Transaction,
    promises: Promises,
    running: Set[tuple[str, str]],
    since: datetime,
    before: datetime,
) -> Iterator[Wanted]:
    found = asked.unread_deliveries(tx, since, before)
    keys = {
        each: (promises.feeds[each.feed].dag_id, each.period)
        for each in found
        if each.feed in promises.feeds
    }
    known = wants.causes_of(tx, set(keys.values()))
    for each, key in keys.items():
        cause = f"delivery-{each.delivery}-{each.version}"
        if key not in running and cause not in known.get(key, set()):
            yield Wanted(*key, cause)
