"""Releases follow batches that were written again without rows that had to go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from wharf.ledger import products as product_rows
from wharf.ledger.rows import ReleaseRow
from wharf.products.context import Context
from wharf.products.release import write_release_file

ACTION = "forget"


def follow_successors(
    ctx: Context, successors: Mapping[str, str], *, by: str, now: datetime
) -> list[ReleaseRow]:
    """Let standing releases name the batches that took the place of others.

    Args:
        ctx: The installation.
        successors: Batch -> the batch that holds all its other rows.
        by: Who had rows forgotten.
        now: When.

    Returns:
        The releases made, one for each product period concerned.
    """
    made: list[ReleaseRow] = []
    with ctx.ledger.read() as tx:
        standing = product_rows.all_current_releases(tx)
    for row in standing:
        tables = {name: _moved(ctx, name, each, successors) for name, each in row.tables.items()}
        if tables == dict(row.tables):
            continue
        fresh = replace(row, tables=tables, at=now, by=by, action=ACTION)
        with ctx.ledger.write() as tx:
            product_rows.record_release(tx, fresh)
        write_release_file(ctx, fresh)
        made.append(fresh)
    return made


def _moved(
    ctx: Context, table: str, stands: Mapping[str, object], successors: Mapping[str, str]
) -> Mapping[str, object]:
    instead = successors.get(str(stands["batch_id"]))
    if instead is None:
        return stands
    return {"batch_id": instead, "snapshot_id": ctx.lake.snapshot_id(table)}
