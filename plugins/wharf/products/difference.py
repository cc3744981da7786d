"""What a product would read otherwise, counted in rows: added, removed and changed by key."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from wharf.batches.changes import SYSTEM
from wharf.errors import WharfError
from wharf.lake import Batch
from wharf.products.context import Context
from wharf.products.manifest import Pin
from wharf.products.quoting import identifier
from wharf.products.reruns import Rerun, Swap

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

logger = logging.getLogger(__name__)

# The tick waits for this: 1,000,000 rows of 10 columns take some 2 s, larger ones are counted only.
MOST_ROWS = 1_000_000
MOST_PAIRS = 8
MEMORY_LIMIT = "512MB"


@dataclass(frozen=True)
class RowDifference:
    """One batch beside the one that would be read in its place."""

    table: str
    was_period: str | None
    was: str | None
    now_period: str | None
    now: str | None
    rows_was: int | None = None
    rows_now: int | None = None
    key: tuple[str, ...] = ()
    """The columns that tell rows apart; empty where rows were only counted."""
    added: int | None = None
    removed: int | None = None
    changed: int | None = None

    def __str__(self) -> str:
        if self.key:
            counts = f"{self.added} rows added, {self.removed} removed, {self.changed} changed"
            return f"{self.table}: {counts} by {', '.join(self.key)}"
        was = "none" if self.rows_was is None else self.rows_was
        now = "none" if self.rows_now is None else self.rows_now
        return f"{self.table}: {now} rows in place of {was}"


def difference(ctx: Context, found: Rerun) -> list[RowDifference]:
    """Compare what a product period was made of with what it would be made of.

    Batches above a million rows, and those of contracts without a key, are counted only.
    """
    pairs = [(swap, *pair) for swap in found.swaps for pair in _pairs(swap)]
    return [_compare(ctx, swap.name, was, now) for swap, was, now in pairs[:MOST_PAIRS]]


def body_of(found: Rerun, rows: Iterable[RowDifference]) -> dict[str, Any]:
    """What a proposal keeps: what would be read instead, and how the rows differ."""
    return {
        "inputs": [
            {
                "name": swap.name,
                "was": [asdict(pin) for pin in swap.was],
                "now": [asdict(pin) for pin in swap.now],
            }
            for swap in found.swaps
        ],
        "rows": [{**asdict(each), "key": list(each.key)} for each in rows],
    }


def _pairs(swap: Swap) -> list[tuple[Pin | None, Pin | None]]:
    """Each batch with the one that takes its place: of its period, else of its table."""
    left = list(swap.was)
    found: list[tuple[Pin | None, Pin | None]] = []
    for pin in swap.now:
        of_table = [each for each in left if each.table == pin.table]
        of_period = [each for each in of_table if each.period == pin.period]
        was = next(iter([*of_period, *of_table[::-1]]), None)
        if was is not None:
            left.remove(was)
        found.append((was, pin))
    return [*found, *((was, None) for was in left)]


def _compare(ctx: Context, name: str, was: Pin | None, now: Pin | None) -> RowDifference:
    either = now or was
    assert either is not None
    blank = RowDifference(
        either.table,
        was.period if was else None,
        was.batch_id if was else None,
        now.period if now else None,
        now.batch_id if now else None,
    )
    try:
        old, new = (_batch(ctx, pin) for pin in (was, now))
    except WharfError:
        return blank
    counts = {"rows_was": old.rows if old else None, "rows_now": new.rows if new else None}
    counted = RowDifference(**{**asdict(blank), **counts})
    feed = ctx.project.feeds.get(name)
    key = feed.key if feed else ()
    if old is None or new is None or not key or max(old.rows, new.rows) > MOST_ROWS:
        return counted
    if (rows := _by_key(ctx, old, new, key)) is None:
        return counted
    added, removed, changed = rows
    told = {"key": tuple(key), "added": added, "removed": removed, "changed": changed}
    return RowDifference(**{**asdict(counted), **told})


def _batch(ctx: Context, pin: Pin | None) -> Batch | None:
    return ctx.lake.read_batch(pin.table, pin.period, pin.batch_id) if pin else None


def _by_key(
    ctx: Context, old: Batch, new: Batch, key: Sequence[str]
) -> tuple[int, int, int] | None:
    """None where the two cannot be compared: a key renamed or of another type, a lost file."""
    import duckdb

    both = {each.name for each in old.columns} & {each.name for each in new.columns}
    values = sorted(both - SYSTEM - set(key)) or list(key)
    connection = duckdb.connect(":memory:", config={"memory_limit": MEMORY_LIMIT})
    try:
        ctx.lake.prepare(connection)
        return _counted(connection, ctx, (old, new), key, values)
    except duckdb.Error as error:
        logger.warning("%s: its batches are not compared: %s", old.table, error)
        return None
    finally:
        connection.close()


def _counted(
    connection: DuckDBPyConnection,
    ctx: Context,
    batches: tuple[Batch, Batch],
    key: Sequence[str],
    values: Sequence[str],
) -> tuple[int, int, int]:
    names = ", ".join(identifier(each) for each in key)
    hashed = ", ".join(identifier(each) for each in values)
    was, now = (
        f"(select {names}, count(*) as n, sum(hash({hashed})) as h "
        f"from {ctx.lake.scan_batches_sql([batch])} group by all)"
        for batch in batches
    )
    alike = " and ".join(
        f"was.{identifier(each)} is not distinct from now.{identifier(each)}" for each in key
    )
    row = connection.execute(
        "select coalesce(sum(now.n) filter (where was.n is null), 0), "
        "coalesce(sum(was.n) filter (where now.n is null), 0), "
        "coalesce(sum(now.n) filter (where was.h <> now.h or was.n <> now.n), 0) "
        f"from {was} was full outer join {now} now on {alike}"
    ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1]), int(row[2])
