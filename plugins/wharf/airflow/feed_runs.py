"""A feed's run as the ledger knows it: all that waiting needs, so nothing heavy is here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from wharf.airflow.changes import note_run
from wharf.airflow.loading import own_file, own_project
from wharf.contracts import Feed, Period
from wharf.ledger import Ledger, contracts
from wharf.ledger.rows import ExpectedDelivery
from wharf.watch.expect import expect_one


@dataclass(frozen=True)
class FeedRun:
    """One run of a feed's DAG."""

    feed: Feed
    period: Period
    project: Path
    run_id: str


def announce(ledger: Ledger, run: FeedRun, now: datetime) -> ExpectedDelivery:
    """Make sure the ledger knows this run, its contract and its expected delivery."""
    file = own_file(run.project, run.feed)
    with ledger.write() as tx:
        if contracts.contract_by_hash(tx, file.sha256) is None:
            contracts.store_contract(tx, run.feed.feed, file, now)
    note_run(ledger, run.feed.dag_id, run.period, run.run_id, now)
    own = own_project(run.project, run.feed)
    return expect_one(ledger, own, run.feed, run.period, file.sha256, now)
