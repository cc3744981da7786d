"""Data frames in and out of the lake: any frame becomes a batch like any other."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import pyarrow as pa

from wharf.batches.arrow import arrow_of_frame, column_types, frame_of_arrow
from wharf.batches.batches import Batches
from wharf.errors import AuditFailed, LakeError, reading_files
from wharf.lake import Batch, Lake, new_batch_id

PERIOD = "_period"
ANCHOR = "anchor/"
FrameKind = Literal["pandas", "polars", "arrow", "duckdb"]


def store_dataframe(
    batches: Batches,
    table: str,
    period: str,
    frame: Any,
    *,
    now: datetime,
    by: str,
    origin: Mapping[str, object] | None = None,
) -> str:
    """Let a data frame be what readers see of one period of a table.

    It is staged as a batch, checked, and published by one commit; the table is made on first
    use. Columns keep the table's types where the values fit them.

    Args:
        batches: The installation's batches.
        table: `namespace.table`.
        period: The period key it replaces.
        frame: A pandas or polars data frame, or an Arrow table.
        now: When it is stored.
        by: Who stores it.
        origin: Where it comes from, for the audit trail.

    Returns:
        The batch id.

    Raises:
        LakeError: A column is of a kind that the lake does not keep.
        PublishRefused: A column changes its type in a way that is not safe.
        AuditFailed: The batch fails its structure checks.
    """
    lake = batches.lake
    rows = _with_period(arrow_of_frame(frame), table, period)
    standing = {c.name: c.type for c in lake.schema(table)} if lake.has(table) else {}
    types = column_types(rows, standing)
    batch_id = new_batch_id(now)
    empty = Batch(batch_id, table, period, (), 0, lake.columns_for(table, types))
    staged = lake.stage_rows(empty, rows)
    said = {"by": by, "staged_at": now.isoformat(), **(origin or {})}
    subject = str(said.get("product") or said.get("feed") or by)
    staged = batches.stage(staged.with_origin(said), subject=subject, now=now)
    problems = lake.check(staged)
    batches.audited(batch_id, passed=not problems, findings=problems, now=now)
    if problems:
        raise AuditFailed(batch_id, problems)
    batches.publish(batch_id, now=now, by=by)
    return batch_id


def load_dataframe(
    lake: Lake,
    table: str,
    period: str | None = None,
    *,
    kind: FrameKind | str = "pandas",
    batch: str | None = None,
    as_of: datetime | int | str | None = None,
    anchor: str | None = None,
) -> Any:
    """Read a table, one period of it, or one exact batch, as a data frame.

    Integers and booleans come to pandas as `Int64` and `boolean`, decimals as exact values:
    nothing is rounded by a missing value. DuckDB gives a relation over the files: nothing is read
    before it is asked.

    Args:
        lake: The installation's lake.
        table: `namespace.table`.
        period: Only this period.
        kind: `pandas`, `polars`, `arrow` or `duckdb`.
        batch: Exactly this batch of the period, published or not.
        as_of: The state at a time, at a snapshot id, or at a tag such as `anchor/model-7`.
        anchor: The state that this anchor keeps: a tag's name, without `anchor/` in front.

    Raises:
        LakeError: There is no such table, period, batch or state.
    """
    if anchor is not None:
        as_of = anchor if anchor.startswith(ANCHOR) else f"{ANCHOR}{anchor}"
    if batch is not None:
        if period is None:
            raise LakeError(f"name the period of batch {batch} as well")
        relation = lake.scan_batches_sql([lake.read_batch(table, period, batch)])
    else:
        snapshot = None if as_of is None else lake.snapshot_at(table, as_of)
        periods = None if period is None else [period]
        if periods and period not in lake.current(table, snapshot):
            held = ", ".join(sorted(lake.current(table, snapshot))[-3:]) or "none"
            raise LakeError(
                f"{table} holds no batch of {period}; its last periods: {held}. "
                f"See `wharf batch list {table} {period}`."
            )
        relation = lake.scan_sql(table, snapshot_id=snapshot, periods=periods)
    return _read(lake, relation, kind)


def _read(lake: Lake, relation: str, kind: str) -> Any:
    import duckdb

    connection = duckdb.connect(":memory:")
    lake.prepare(connection)
    if kind == "duckdb":  # it lives as long as the relation does
        return connection.sql(f"SELECT * FROM {relation}")
    with connection, reading_files("the lake"):
        rows = connection.execute(f"SELECT * FROM {relation}").to_arrow_table()
    return frame_of_arrow(rows, kind)


def _with_period(rows: pa.Table, table: str, period: str) -> pa.Table:
    if PERIOD not in rows.column_names:
        return rows.append_column(PERIOD, pa.array([period] * len(rows), pa.string()))
    if set(rows.column(PERIOD).unique().to_pylist()) - {period}:
        raise LakeError(
            f"column {PERIOD} of the frame for {table} holds other periods than {period}"
        )
    return rows
