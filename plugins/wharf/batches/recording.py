"""The ledger follows the lake: every snapshot of ours becomes one publish event, in order.

A publish is recorded by the same function that repairs the ledger after a crash between the
lake's commit and the ledger's row, so there is no second way to get it wrong.
"""

from __future__ import annotations

from datetime import datetime

from wharf.errors import LakeError, LakeUnreached
from wharf.lake import Lake, Snapshot
from wharf.ledger import Ledger, Transaction
from wharf.ledger import batches as rows
from wharf.ledger.rows import BatchRow, PublishEvent


def follow(lake: Lake, ledger: Ledger, table: str) -> int:
    """Record the movements of a table that the ledger does not know yet.

    Returns:
        How many there were.
    """
    history = [each for each in lake.history(table) if each.period is not None]
    if not history:
        return 0
    with ledger.read() as tx:
        unknown = _unknown(tx, table, history)
    if not unknown:
        return 0
    lost = {each.snapshot_id: _lost_row(lake, ledger, table, each) for each in unknown}
    with ledger.write() as tx:
        unknown = _unknown(tx, table, history)
        for each in unknown:
            if (row := lost.get(each.snapshot_id)) is not None:
                rows.record_batch(tx, row)
            _record(tx, table, each)
    return len(unknown)


def newer(left: BatchRow | None, right: BatchRow | None) -> bool:
    """Whether a batch comes after another: by delivery version, then by ledger sequence."""
    if left is None or right is None:
        return right is None
    return (left.version, left.seq) > (right.version, right.seq)


def _unknown(tx: Transaction, table: str, history: list[Snapshot]) -> list[Snapshot]:
    known = rows.known_snapshots(tx, table, [each.snapshot_id for each in history])
    return [each for each in history if each.snapshot_id not in known]


def _record(tx: Transaction, table: str, snapshot: Snapshot) -> None:
    period = snapshot.period or ""
    before = rows.current(tx, table, period, period).get(period)
    at = _said_at(snapshot)
    said = snapshot.properties
    rows.record_publish(
        tx,
        PublishEvent(
            table=table,
            period=period,
            batch_id=snapshot.batch_id,
            action=snapshot.action,
            snapshot_id=snapshot.snapshot_id,
            at=at,
            by=said.get("by", ""),
            reason=said.get("reason", ""),
        ),
    )
    if snapshot.batch_id:
        rows.set_status(tx, snapshot.batch_id, "PUBLISHED", at)
    if before and before != snapshot.batch_id:
        now_read = rows.batch(tx, snapshot.batch_id) if snapshot.batch_id else None
        follows = now_read is not None and newer(now_read, rows.batch(tx, before))
        rows.set_status(tx, before, "SUPERSEDED" if follows else "ROLLED_BACK", at)


def _lost_row(lake: Lake, ledger: Ledger, table: str, snapshot: Snapshot) -> BatchRow | None:
    """The row of a published batch that the ledger does not have: an older or restored ledger."""
    batch_id, period = snapshot.batch_id, snapshot.period or ""
    if not batch_id:
        return None
    with ledger.read() as tx:
        if rows.batch(tx, batch_id) is not None:
            return None
    at = _said_at(snapshot)
    try:
        batch = lake.read_batch(table, period, batch_id)
    except LakeUnreached:
        raise
    except LakeError:
        return BatchRow(batch_id, table, period, "", "PUBLISHED", staged_at=at, status_at=at)
    origin = dict(batch.origin)
    return BatchRow(
        batch_id=batch_id,
        table=table,
        period=period,
        subject=str(origin.get("subject", "")),
        status="PUBLISHED",
        staged_at=at,
        status_at=at,
        version=int(str(origin.get("version", 1))),
        rows_in_file=batch.rows + batch.rows_quarantined,
        rows_staged=batch.rows,
        rows_quarantined=batch.rows_quarantined,
        origin=origin,
    )


def _said_at(snapshot: Snapshot) -> datetime:
    said = snapshot.properties.get("at")
    return datetime.fromisoformat(said) if said else snapshot.at
