"""Batches of every table, and every movement of a table's pointer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, insert, select, update

from wharf.ledger.chunks import chunks
from wharf.ledger.expected import make_due
from wharf.ledger.rows import BatchRow, PublishEvent, read_row
from wharf.ledger.schema import batch as table
from wharf.ledger.schema import expected_delivery, feed
from wharf.ledger.schema import publish_event as event


def record_batch(tx: Connection, row: BatchRow) -> BatchRow:
    """Append a batch; the same batch id twice gives the row that stands."""
    stands = batch(tx, row.batch_id)
    if stands is not None:
        return stands
    values: dict[str, Any] = asdict(row)
    values.pop("seq")
    made = tx.execute(insert(table).values(**values)).inserted_primary_key
    assert made is not None
    make_due(tx, row.subject, [row.period], row.status_at)
    return BatchRow(**{**asdict(row), "seq": int(made[0])})


def set_status(
    tx: Connection,
    batch_id: str,
    status: str,
    now: datetime,
    *,
    findings: Sequence[Any] | None = None,
    results: str | None = None,
) -> None:
    """Move a batch on: STAGED, AUDITED, QUARANTINED, PUBLISHED, SUPERSEDED, ROLLED_BACK."""
    values: dict[str, Any] = {"status": status, "status_at": now}
    if findings is not None:
        values["findings"] = list(findings)
    if results is not None:
        values["results"] = results
    tx.execute(update(table).where(table.c.batch_id == batch_id).values(**values))
    found = select(table.c.subject, table.c.period).where(table.c.batch_id == batch_id)
    for subject, period in tx.execute(found).all():
        make_due(tx, subject, [period], now)


def batch(tx: Connection, batch_id: str) -> BatchRow | None:
    """One batch by id."""
    row = tx.execute(select(table).where(table.c.batch_id == batch_id)).first()
    return read_row(BatchRow, row) if row else None


def batches_of(tx: Connection, name: str, period: str | None = None) -> list[BatchRow]:
    """Batches of one lake table, oldest first."""
    query = select(table).where(table.c.table == name)
    if period is not None:
        query = query.where(table.c.period == period)
    return [read_row(BatchRow, row) for row in tx.execute(query.order_by(table.c.seq))]


def batches_for(tx: Connection, subject: str, period: str | None = None) -> list[BatchRow]:
    """Batches of one feed or product, oldest first."""
    query = select(table).where(table.c.subject == subject)
    if period is not None:
        query = query.where(table.c.period == period)
    return [read_row(BatchRow, row) for row in tx.execute(query.order_by(table.c.seq))]


def batches_of_rows(tx: Connection, ids: Sequence[int]) -> dict[int, list[BatchRow]]:
    """Batches of some expected deliveries, oldest first, by the delivery's id."""
    found: dict[int, list[BatchRow]] = {}
    for some in chunks(ids):
        query = (
            select(expected_delivery.c.id, table)
            .join(feed, feed.c.id == expected_delivery.c.feed_id)
            .join(
                table,
                and_(
                    table.c.subject == feed.c.name,
                    table.c.period == expected_delivery.c.period,
                ),
            )
            .where(expected_delivery.c.id.in_(some))
            .order_by(table.c.seq)
        )
        for row in tx.execute(query):
            found.setdefault(row.id, []).append(read_row(BatchRow, row))
    return found


def parts_of(tx: Connection, ids: Sequence[str]) -> dict[str, set[str]]:
    """The parts of a delivery that batches were made of, by batch id."""
    found: dict[str, set[str]] = {}
    for some in chunks(ids):
        query = select(table.c.batch_id, table.c.origin).where(table.c.batch_id.in_(some))
        for row in tx.execute(query):
            if "deliveries" in row.origin:
                found[row.batch_id] = {str(each["part"]) for each in row.origin["deliveries"]}
    return found


def record_publish(tx: Connection, row: PublishEvent) -> int:
    """Append one movement of a table's pointer; returns its sequence number."""
    values: dict[str, Any] = asdict(row)
    values.pop("seq")
    made = tx.execute(insert(event).values(**values)).inserted_primary_key
    assert made is not None
    return int(made[0])


def publishes_of(tx: Connection, name: str, period: str | None = None) -> list[PublishEvent]:
    """Movements of one table's pointer, oldest first."""
    query = select(event).where(event.c.table == name)
    if period is not None:
        query = query.where(event.c.period == period)
    return [read_row(PublishEvent, row) for row in tx.execute(query.order_by(event.c.seq))]


def known_snapshots(tx: Connection, name: str, ids: Sequence[int]) -> set[int]:
    """Which of some snapshots of a table are recorded as its movements."""
    found: set[int] = set()
    for some in chunks(ids):
        query = select(event.c.snapshot_id).where(event.c.table == name)
        found |= set(tx.execute(query.where(event.c.snapshot_id.in_(some))).scalars())
    return found


def current(tx: Connection, name: str, since: str = "", until: str | None = None) -> dict[str, str]:
    """The batch that readers of a table see now, by period.

    Args:
        tx: A transaction.
        name: The table.
        since: Leave out periods whose key comes before this one.
        until: And those whose key comes after this one.
    """
    newest = select(func.max(event.c.seq)).where(event.c.table == name, event.c.period >= since)
    if until is not None:
        newest = newest.where(event.c.period <= until)
    query = select(event.c.period, event.c.batch_id)
    rows = tx.execute(query.where(event.c.seq.in_(newest.group_by(event.c.period))))
    return {row.period: row.batch_id for row in rows if row.batch_id}
