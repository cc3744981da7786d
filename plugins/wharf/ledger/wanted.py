"""Which expected deliveries want a look, and which want a run: few rows, found by index."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, select, update

from wharf.ledger.chunks import chunks
from wharf.ledger.rows import ExpectedDelivery, read_row
from wharf.ledger.schema import expected_delivery as table
from wharf.ledger.schema import feed


class AskedFor(NamedTuple):
    """The little that a look needs to know of an expected delivery."""

    id: int
    feed: str
    period: str
    timeliness: str
    delivery: str


def asked_for(tx: Connection, since: datetime) -> list[AskedFor]:
    """The rows that a look asks for: those whose cut-off is not before an instant."""
    query = select(
        table.c.id, feed.c.name, table.c.period, table.c.timeliness, table.c.delivery
    ).join(feed, feed.c.id == table.c.feed_id)
    return [AskedFor(*row) for row in tx.execute(query.where(table.c.cutoff_at >= since))]


def without_run(tx: Connection, before: datetime, limit: int) -> list[ExpectedDelivery]:
    """Rows opened by an instant, told of and evaluated once, of which no run is noted."""
    query = _select().where(
        table.c.run_at.is_(None),
        table.c.expected,
        table.c.notifies,
        table.c.opens_at <= before,
        table.c.evaluated_at.is_not(None),
    )
    return [
        read_row(ExpectedDelivery, row)
        for row in tx.execute(query.order_by(table.c.opens_at, table.c.id).limit(limit))
    ]


def with_fresh_arrival(tx: Connection) -> list[ExpectedDelivery]:
    """Rows with an arrival that nothing had landed when they were evaluated last."""
    query = _select().where(table.c.fresh_seq.is_not(None)).order_by(table.c.opens_at, table.c.id)
    return [read_row(ExpectedDelivery, row) for row in tx.execute(query)]


def note_runs(tx: Connection, ids: Sequence[int], now: datetime) -> None:
    """Note that these rows have had a run."""
    for some in chunks(ids):
        tx.execute(update(table).where(table.c.id.in_(some)).values(run_at=now))


def note_landed(tx: Connection, ids: Sequence[int]) -> None:
    """Note that nothing of these rows waits to be landed."""
    for some in chunks(ids):
        tx.execute(update(table).where(table.c.id.in_(some)).values(fresh_seq=None))


def _select() -> Select[Any]:
    return select(table, feed.c.name.label("feed")).join(feed, feed.c.id == table.c.feed_id)
