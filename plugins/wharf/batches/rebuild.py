"""A lost or older ledger, filled again from the lake and the landing area.

Only what is missing is added. Deliveries come from batch records and landed files, batches from
their records, publishes from snapshots. A batch of which the kept snapshots do not say whether a
person took it back is never published by a run.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from wharf.batches.rebuilt import REBUILT, beside, deliveries_from, is_known, versions_of
from wharf.batches.recording import follow
from wharf.errors import LakeError, LakeUnreached, UnsafePath
from wharf.lake import (
    Batch,
    BatchId,
    Lake,
    Landing,
    Snapshot,
    batches_on_disk,
    keeps_all_history,
    tables_on_disk,
)
from wharf.ledger import Ledger, Transaction, deliveries
from wharf.ledger import batches as rows
from wharf.ledger.rows import BatchRow, Delivery, PublishEvent
from wharf.quality import result_paths

Progress = Callable[[str], None]


@dataclass
class Rebuilt:
    """What was missing, or with a dry run would be added."""

    deliveries: int = 0
    batches: Counter[str] = field(default_factory=Counter)
    """By the status they got."""
    movements: int = 0
    unknown: list[str] = field(default_factory=list)
    """What could not be known, in words."""


def rebuild(
    lake: Lake,
    landing: Landing,
    ledger: Ledger,
    results: Path,
    *,
    dry_run: bool = False,
    progress: Progress = lambda _: None,
) -> Rebuilt:
    """Add to a ledger what lake and landing area tell and it does not hold.

    Args:
        lake: The lake; where its catalog is lost too, rebuild that first.
        landing: The landing area.
        ledger: A new, older or damaged ledger.
        results: Folder of audit results: they say how audits ended.
        dry_run: Change nothing; the snapshots that would be recorded are counted all the same.
        progress: Told each table and feed.

    Returns:
        What was missing.
    """
    done = Rebuilt()
    tables = {table: _records(lake, table, done, progress) for table in _tables(lake)}
    records = [record for found in tables.values() for record in found]
    missing = _missing_deliveries(ledger, landing, records, done)
    done.deliveries = len(missing)
    progress(f"{len(missing)} deliveries to add")
    if not dry_run:
        with ledger.write() as tx:
            for row in missing:
                deliveries.record_delivery(tx, row)
    for table, found in tables.items():
        _rebuild_table(lake, ledger, table, found, results, done, dry_run)
        progress(f"{table}: {done.movements} movements so far")
    return done


def _tables(lake: Lake) -> list[str]:
    return sorted({*tables_on_disk(lake.storage), *lake.tables()})


def _records(lake: Lake, table: str, done: Rebuilt, progress: Progress) -> list[Batch]:
    found: list[Batch] = []
    for period, batch_id in batches_on_disk(lake.storage, table):
        try:
            found.append(lake.read_batch(table, period, batch_id))
        except LakeUnreached:
            raise
        except LakeError:
            done.unknown.append(f"{table} {period}: batch {batch_id} was never finished")
    progress(f"{table}: {len(found)} batches read")
    return found


def _missing_deliveries(
    ledger: Ledger, landing: Landing, records: Sequence[Batch], done: Rebuilt
) -> list[Delivery]:
    told = deliveries_from(landing.files(), versions_of(records))
    missing: list[Delivery] = []
    with ledger.read() as tx:
        for row in told:
            known = deliveries.deliveries_of(tx, row.feed, row.period)
            if not is_known(row, known):
                missing.append(beside(row, known))
    for row in missing:
        if row.reason:
            said = row.reason.removeprefix(REBUILT)
            done.unknown.append(f"{row.feed} {row.period} {row.path}: {said}")
    return missing


def _rebuild_table(
    lake: Lake,
    ledger: Ledger,
    table: str,
    records: Sequence[Batch],
    results: Path,
    done: Rebuilt,
    dry_run: bool,
) -> None:
    history = lake.history(table)
    is_whole = not lake.has(table) or keeps_all_history(lake, table)
    standing = lake.current(table) if lake.has(table) else {}
    moved = {each.batch_id for each in history}
    by_id = {record.batch_id: record for record in records}
    with ledger.read() as tx:
        known = {row.batch_id for row in rows.batches_of(tx, table)}
        events = {event.snapshot_id for event in rows.publishes_of(tx, table)}
        noted = {event.batch_id for event in rows.publishes_of(tx, table)}
    added: list[BatchRow] = []
    for record in _in_order(records, history):
        if record.batch_id in known:
            continue
        row = _row(record, results)
        if record.batch_id not in moved and not is_whole:
            row = _doubtful(row, standing.get(record.period), by_id, done)
        added.append(row)
        done.batches["PUBLISHED" if record.batch_id in moved else row.status] += 1
    forgotten = [
        _forgotten(by_id.get(batch_id), table, period, batch_id)
        for period, batch_id in sorted(standing.items())
        if batch_id not in moved and batch_id not in noted
    ]
    recorded = [each for each in history if each.period is not None]
    done.movements += len(forgotten)
    done.movements += sum(each.snapshot_id not in events for each in recorded)
    if dry_run:
        return
    with ledger.write() as tx:
        for row in added:
            rows.record_batch(tx, replace(row, origin=_with_deliveries(tx, row)))
        for event in forgotten:
            rows.record_publish(tx, event)
    follow(lake, ledger, table)


def _in_order(records: Sequence[Batch], history: Sequence[Snapshot]) -> list[Batch]:
    """Batches as they were staged; those of one millisecond as they were published."""
    place = {each.batch_id: -number for number, each in enumerate(reversed(history))}
    return sorted(
        records,
        key=lambda each: (
            BatchId.parse(each.batch_id).at,
            place.get(each.batch_id, 1),
            each.batch_id,
        ),
    )


def _row(record: Batch, results: Path) -> BatchRow:
    """A batch's row as far as its record and its results tell, as if it was never published."""
    origin = dict(record.origin)
    at = BatchId.parse(record.batch_id).at
    said = str(origin.get("staged_at") or "")
    staged_at = datetime.fromisoformat(said) if said else at
    read = origin.get("read")
    delivered = read.get("rows_in_file") if isinstance(read, Mapping) else None
    status, page = _audit(record, results)
    return BatchRow(
        batch_id=record.batch_id,
        table=record.table,
        period=record.period,
        subject=str(origin.get("subject") or origin.get("feed") or ""),
        status=status,
        staged_at=staged_at,
        status_at=staged_at,
        version=int(str(origin.get("version", 1))),
        rows_in_file=int(delivered)
        if isinstance(delivered, int)
        else record.rows + record.rows_quarantined,
        rows_staged=record.rows,
        rows_quarantined=record.rows_quarantined,
        results=page,
        origin=origin,
    )


def _audit(record: Batch, results: Path) -> tuple[str, str]:
    """How a batch's audit ended, and its page; STAGED where no result tells."""
    try:
        where = result_paths(results, record.table, record.period, record.batch_id)
        said = json.loads(where.json.read_text(encoding="utf-8"))
        return ("AUDITED" if said["passed"] else "QUARANTINED"), str(where.page)
    except (OSError, ValueError, KeyError, TypeError, UnsafePath):
        return "STAGED", ""


def _doubtful(
    row: BatchRow, standing: str | None, records: Mapping[str, Batch], done: Rebuilt
) -> BatchRow:
    """A batch that no kept snapshot published, of a table whose first snapshots are forgotten."""
    if row.batch_id == standing:
        return replace(row, status="PUBLISHED")
    stands = records.get(standing or "")
    if stands is not None and row.version <= int(str(stands.origin.get("version", 1))):
        return replace(row, status="SUPERSEDED")
    why = "whether it was published and taken back cannot be known; only a person publishes it"
    done.unknown.append(f"{row.table} {row.period} {row.batch_id}: {why}")
    finding = {"message": f"{REBUILT}{why}", "severity": "warning"}
    return replace(row, status="ROLLED_BACK", findings=[finding])


def _forgotten(record: Batch | None, table: str, period: str, batch_id: str) -> PublishEvent:
    """The publish of a batch that stands, of which the snapshot is no longer kept."""
    at = BatchId.parse(batch_id).at
    why = f"{REBUILT}its snapshot is no longer kept; who published it and when cannot be known"
    said = str(record.origin.get("staged_at") or "") if record else ""
    return PublishEvent(
        table=table,
        period=period,
        batch_id=batch_id,
        action="publish",
        snapshot_id=0,
        at=datetime.fromisoformat(said) if said else at,
        by="",
        reason=why,
    )


def _with_deliveries(tx: Transaction, row: BatchRow) -> Mapping[str, object]:
    """A batch's origin with its deliveries as this ledger numbers them."""
    described = row.origin.get("deliveries")
    feed = row.origin.get("feed")
    if not isinstance(described, list) or not isinstance(feed, str):
        return row.origin
    known = {
        (each.part, each.version, each.sha256): each.seq
        for each in deliveries.deliveries_of(tx, feed, row.period)
        if each.verdict != "DUPLICATE"
    }
    return {**row.origin, "deliveries": list(_renumbered(described, known))}


def _renumbered(
    described: Iterable[Mapping[str, object]], known: Mapping[tuple[str, int, str], int]
) -> Iterator[Mapping[str, object]]:
    for each in described:
        key = (str(each.get("part") or ""), int(str(each["version"])), str(each["sha256"]))
        yield {**each, "delivery": known.get(key, 0)}
