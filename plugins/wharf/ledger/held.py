"""Batches of which something is in quarantine: few rows, found by an index of their own."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, exists, or_, select

from wharf.ledger.rows import BatchRow, read_row
from wharf.ledger.schema import batch


def quarantined_batches(
    tx: Connection, subject: str = "", period: str = "", *, latest: bool = True, most: int = 500
) -> list[BatchRow]:
    """Batches with quarantined rows, or that are held back as a whole, newest first.

    Args:
        tx: A reading transaction.
        subject: Only of this feed.
        period: Only of this period.
        latest: Only where no newer batch of the same period took its place.
        most: So many at most.
    """
    query = select(batch).where(or_(batch.c.rows_quarantined > 0, batch.c.status == "QUARANTINED"))
    if subject:
        query = query.where(batch.c.subject == subject)
    if period:
        query = query.where(batch.c.period == period)
    if latest:
        query = query.where(~_replaced())
    rows = tx.execute(query.order_by(batch.c.seq.desc()).limit(most))
    return [read_row(BatchRow, row) for row in rows]


def _replaced() -> Any:
    later = batch.alias()
    found: Select[Any] = select(later.c.seq).where(
        later.c.subject == batch.c.subject,
        later.c.period == batch.c.period,
        later.c.table == batch.c.table,
        later.c.seq > batch.c.seq,
    )
    return exists(found)
