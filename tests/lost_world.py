"""A busy installation whose databases get lost: days restated, rolled back, failed, half done."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
from killed_cycle import FEED as CONTRACT_TEXT
from killed_cycle import TABLE, TASKS, Cycle
from killed_readers import seen_by_iceberg, seen_by_wharf

from wharf import intake
from wharf.batches import store_dataframe
from wharf.contracts import ContractFile, Period
from wharf.errors import AuditFailed
from wharf.ledger import Transaction, batches, contracts, deliveries
from wharf.watch.look import look_for

FEED, TOTALS = "acme.prices", "facts.totals"
REVERTED, ROLLED_BACK, RESTATED, AUDITED, FAILED, LANDED = (f"2026-01-0{n}" for n in range(1, 7))
DAYS = (REVERTED, ROLLED_BACK, RESTATED, AUDITED, FAILED, LANDED)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
UNTIL = {
    REVERTED: "publish 3",
    ROLLED_BACK: "repeat 2",
    RESTATED: "publish 2",
    AUDITED: "audit 1",
    FAILED: "publish 1",
    LANDED: "land 2",
}
"""The last task of each day."""


class Silence:
    """Nobody listens."""

    def send(self, _: object) -> None:
        """Take a word."""


def busy_place(root: Path) -> Cycle:
    """An installation with one day of each fate, and a table that no feed fills."""
    place = Cycle(root)
    place.prepare()
    store_contract(place)
    for day in DAYS:
        last = TASKS.index(UNTIL[day])
        place.live(day, (), Silence(), TASKS[: last + 1])  # type: ignore[arg-type]
    fail_audit(place, FAILED)
    for total in (1, 2):
        frame = pa.table({"total": [total]})
        store_dataframe(place.intake.batches, TOTALS, "2026-01-01", frame, now=NOW, by="ann")
    return place


def store_contract(place: Cycle) -> None:
    """Let the ledger know the contract in force, as `watch` and the command line do."""
    sha256 = hashlib.sha256(CONTRACT_TEXT.encode()).hexdigest()
    file = ContractFile("dags/feeds/acme/prices.yaml", sha256, CONTRACT_TEXT, place.feed)
    with place.intake.ledger.write() as tx:
        contracts.store_contract(tx, FEED, file, NOW)


def fail_audit(place: Cycle, day: str) -> None:
    """A restatement that does not pass: its batch lies in quarantine."""
    period = place.feed.parse_period(day)
    deliver(place, day, "id,price\na,-1.00\n")
    batch_id = intake.stage_batch(place.intake, place.feed, period, now=NOW, run_id="run")
    try:
        intake.audit_batch(place.intake, place.feed, batch_id, now=NOW)
    except AuditFailed:
        return
    raise AssertionError(batch_id)


def deliver(place: Cycle, day: str, text: str) -> None:
    """Put a file at the source, see it and land it."""
    period = place.feed.parse_period(day)
    (place.root / "inbox" / f"prices_{period.first:%Y%m%d}.csv").write_text(text)
    look_for(place.intake, place.feed, period, NOW)
    intake.land_delivery(place.intake, place.feed, period, now=NOW)


def run(place: Cycle, day: str) -> None:
    """A whole run of the feed, from the look to the publish, as a retry would do it."""
    period: Period = place.feed.parse_period(day)
    look_for(place.intake, place.feed, period, NOW)
    intake.land_delivery(place.intake, place.feed, period, now=NOW)
    batch_id = intake.stage_batch(place.intake, place.feed, period, now=NOW, run_id="again")
    intake.audit_batch(place.intake, place.feed, batch_id, now=NOW)
    intake.publish_batch(place.intake, place.feed, batch_id, now=NOW, by="again")


def readers_see(place: Cycle) -> object:
    """What readers see of every table; plain Iceberg readers and ours agree."""
    seen = seen_by_iceberg(place)
    assert seen == seen_by_wharf(place)
    return seen, place.intake.lake.current(TOTALS)


def ledger_says(place: Cycle) -> dict[str, object]:
    """What can be known again: versions, verdicts, batches and movements, of every day."""
    with place.intake.ledger.read() as tx:
        return {day: _day(tx, day) for day in DAYS} | {
            TOTALS: [(row.status, row.rows_staged) for row in batches.batches_of(tx, TOTALS)]
        }


def _day(tx: Transaction, day: str) -> Sequence[object]:
    landed = deliveries.deliveries_of(tx, FEED, day)
    number = {each.seq: each.version for each in landed}
    return [
        [(row.verdict, row.version, row.reverts_to, row.sha256, row.uri) for row in landed],
        [
            (row.batch_id, row.status, row.version, row.subject, row.rows_in_file, row.results)
            for row in batches.batches_of(tx, TABLE, day)
        ],
        [
            [number[each["delivery"]] for each in row.origin["deliveries"]]
            for row in batches.batches_of(tx, TABLE, day)
        ],
        [
            (event.batch_id, event.action, event.snapshot_id, event.by, event.reason)
            for event in batches.publishes_of(tx, TABLE, day)
        ],
    ]


def publish_audited(root: Path) -> None:
    """Publish what only lacked that."""
    place = Cycle(root)
    batch_id = place.batch_of(AUDITED, 1)
    intake.publish_batch(place.intake, place.feed, batch_id, now=NOW, by="run")
