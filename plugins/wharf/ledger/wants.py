"""Which expected deliveries want a look, and which want a run: few rows, found by index."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, exists, literal, or_, select, update

from wharf.ledger.chunks import chunks
from wharf.ledger.rows import ExpectedDelivery, ProductPeriod, read_row
from wharf.ledger.schema import expected_delivery as table
from wharf.ledger.schema import feed, product_period, run

WHOLE = ("COMPLETE", "VALIDATING", "QUARANTINED", "PUBLISHED", "SUPERSEDED")


class AskedFor(NamedTuple):
    """The little that a look needs to know of an expected delivery."""

    id: int
    feed: str
    period: str
    timeliness: str
    delivery: str
    is_open: bool
    """Whether it has opened, and is not past its cut-off or was never evaluated."""


def asked_for(tx: Connection, since: datetime, now: datetime) -> list[AskedFor]:
    """The rows that a look asks for: those whose cut-off is not before an instant."""
    still = or_(table.c.cutoff_at >= now, table.c.evaluated_at.is_(None))
    is_open = and_(table.c.opens_at <= now, still)
    query = select(
        table.c.id, feed.c.name, table.c.period, table.c.timeliness, table.c.delivery, is_open
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
    return _read(tx, query.order_by(table.c.opens_at, table.c.id).limit(limit))


def with_fresh_arrival(tx: Connection, now: datetime) -> list[ExpectedDelivery]:
    """Opened rows that had, when they were evaluated last, all parts and one not yet landed.

    A restated part counts with the other parts' versions.
    """
    query = _select().where(
        table.c.fresh_seq.is_not(None),
        table.c.expected,
        table.c.notifies,
        table.c.opens_at <= now,
        or_(table.c.complete_at.is_not(None), table.c.delivery.in_(WHOLE)),
    )
    return _read(tx, query.order_by(table.c.opens_at, table.c.id))


def products_without_run(
    tx: Connection, before: datetime, since: datetime, limit: int
) -> list[ProductPeriod]:
    """Product periods opened by an instant, with a cut-off after another, that never had a run."""
    own = run.c.dag_id == literal("product__").concat(product_period.c.product)
    had = exists().where(own, run.c.key == product_period.c.period)
    query = select(product_period).where(
        product_period.c.cutoff_at >= since, product_period.c.opens_at <= before, ~had
    )
    ordered = query.order_by(product_period.c.opens_at, product_period.c.id).limit(limit)
    return [read_row(ProductPeriod, row) for row in tx.execute(ordered)]


def causes_of(tx: Connection, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], set[str]]:
    """Why runs were started, by DAG id and period key; none of those that never ran."""
    found: dict[tuple[str, str], set[str]] = {}
    periods = sorted({key for _, key in keys})
    for dags in chunks(sorted({dag for dag, _ in keys})):
        for some in chunks(periods):
            query = select(run.c.dag_id, run.c.key, run.c.cause)
            for row in tx.execute(query.where(run.c.dag_id.in_(dags), run.c.key.in_(some))):
                if (row.dag_id, row.key) in keys:
                    found.setdefault((row.dag_id, row.key), set()).add(row.cause)
    return found


def note_runs(tx: Connection, ids: Sequence[int], now: datetime) -> None:
    """Note that these rows have had a run."""
    for some in chunks(ids):
        tx.execute(update(table).where(table.c.id.in_(some)).values(run_at=now))


def note_landed(tx: Connection, rows: Sequence[ExpectedDelivery]) -> None:
    """Note that nothing of these rows waits to be landed, unless more came since they were read."""
    for row in rows:
        mine = update(table).where(table.c.id == row.id, table.c.fresh_seq == row.fresh_seq)
        tx.execute(mine.values(fresh_seq=None))


def _select() -> Select[Any]:
    return select(table, feed.c.name.label("feed")).join(feed, feed.c.id == table.c.feed_id)


def _read(tx: Connection, query: Select[Any]) -> list[ExpectedDelivery]:
    return [read_row(ExpectedDelivery, row) for row in tx.execute(query)]
