"""Reading, second half: cast without loss, good rows to Parquet, bad rows to quarantine, count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow.parquet as pq

from wharf.reading.counts import Counts, FileCounts
from wharf.reading.field_ids import FieldIds
from wharf.reading.opened import Opened, text
from wharf.reading.parquet_file import damage_named
from wharf.reading.parts import FILE_SIZE, Parts
from wharf.reading.plan import Plan
from wharf.reading.quarantine import BadRow, Quarantine
from wharf.reading.refusals import Refused
from wharf.reading.table_sql import TableSql
from wharf.reading.wide import reserved

SYSTEM: Final = {
    "_period": "VARCHAR",
    "_batch_id": "VARCHAR",
    "_file": "VARCHAR",
    "_line": "BIGINT",
}
_SLOW_WHEN_WIDE: Final = "common_subexpressions,statistics_propagation,column_lifetime"
WIDE: Final = 1_000
"""Columns above which one thread and another writer keep the memory in bounds."""


def write_plan(
    plan: Plan,
    *,
    good: Path,
    bad: Path,
    field_ids: Mapping[str, FieldIds],
    constants: Mapping[str, str],
    work: Path,
    file_size: int = FILE_SIZE,
) -> Counts:
    """Cast the cells of a plan and write the rows.

    Args:
        plan: What `plan_reading` found.
        good: Parquet file to write, zstd, with field ids and statistics; a large delivery goes on
            in further files, see `parts_of`.
        bad: Parquet file for the quarantined rows; also written when there are none.
        field_ids: Column (with the system columns) -> its Iceberg field id, with those inside it;
            empty for none.
        constants: Values of `_period` and `_batch_id`.
        work: Folder for spilled data.
        file_size: Bytes near which a good file ends and the next begins.

    Returns:
        Counts that reconcile: every physical line is in exactly one of them.

    Raises:
        DeliveryRefused: The counts do not reconcile; nothing is to be used.
    """
    tables = [TableSql(plan, each, constants) for each in plan.files]
    ids, is_wide = _ids([*plan.columns, *SYSTEM], field_ids), len(plan.columns) > WIDE
    parts = Parts(plan.connection, good, ids, file_size, wide=is_wide)
    if is_wide:
        plan.connection.execute("SET threads = 1")
        memory = max(plan.limits.memory, reserved(len(plan.columns)))
        plan.connection.execute(f"SET memory_limit = '{memory >> 20}MiB'")
        # These compare every expression with every other, or write down what no one reads.
        plan.connection.execute(f"SET disabled_optimizers = '{_SLOW_WHEN_WIDE}'")
    with Quarantine(bad) as quarantine, damage_named(plan.files), _disagreement_named(plan.files):
        for each in plan.files:
            quarantine.add_rejects(each)
        if parts.write(tables) < plan.rows:
            for table in tables:
                quarantine.add_rows(table.file, _failing(plan.connection, table, parts.paths))
    counts = Counts(
        tuple(_count(each, quarantine.rows_of(each.name)) for each in plan.files),
        quarantine.reasons(),
    )
    _reconcile(plan, counts, parts.paths, bad)
    return counts


def _ids(names: Sequence[str], given: Mapping[str, FieldIds]) -> dict[str, FieldIds]:
    if given and (unknown := [name for name in names if name not in given]):
        raise ValueError(f"field_ids lacks {', '.join(unknown)}")
    return {name: given[name] for name in names} if given else {}


@contextmanager
def _disagreement_named(files: Sequence[Opened]) -> Iterator[None]:
    """Raise what ended a stream, not what the database says of it."""
    try:
        yield
    except duckdb.Error:
        for each in files:
            if each.stream is not None and each.stream.failure is not None:
                raise each.stream.failure from None
        raise


def _failing(
    connection: duckdb.DuckDBPyConnection, table: TableSql, paths: Sequence[Path]
) -> Iterator[BadRow]:
    """The bad rows of a file, looked for only where rows are missing in what was written."""
    stream, again = table.file.stream, f"{table.file.relation}_again"
    if stream is None:
        yield from table.failing()
        return
    written = connection.execute(
        f"SELECT _line FROM {_reading(paths)} WHERE _file = {text(table.file.name)} ORDER BY 1"
    ).fetchnumpy()["_line"]
    doubtful = stream.only([each for each in stream.chunks if _lacks(each, written)])
    if doubtful.chunks:
        connection.register(again, doubtful)
        yield from table.failing(again)
        connection.unregister(again)


def _lacks(chunk: Any, written: Any) -> bool:
    lines = chunk.line_numbers()
    first, last = np.searchsorted(written, [lines[0], lines[-1] + 1])
    return bool(last - first < chunk.rows)


def _reading(paths: Sequence[Path]) -> str:
    return f"read_parquet([{', '.join(text(str(each)) for each in paths)}])"


def _count(file: Opened, quarantined: int) -> FileCounts:
    layout = file.layout
    staged = layout.rows + len(layout.rejects) - quarantined
    return FileCounts(
        file.name, layout.lines, layout.header_lines, staged, quarantined,
        layout.blank, layout.continuation,
    )  # fmt: skip


def _reconcile(plan: Plan, counts: Counts, good: Sequence[Path], bad: Path) -> None:
    """Hold the counts against what the written files hold.

    Raises:
        Refused: They differ; the message says how.
    """
    staged = dict(
        plan.connection.execute(
            f"SELECT _file, count(*) FROM {_reading(good)} GROUP BY _file"
        ).fetchall()
    )
    quarantined = pq.read_metadata(bad).num_rows
    for each in counts.files:
        if staged.get(each.name, 0) != each.rows_staged or not each.reconciles:
            reason = f"{each.rows_staged} rows should be staged, {staged.get(each.name, 0)} are"
            raise Refused(each.name, "counts", reason)
    if quarantined != counts.rows_quarantined:
        reason = f"{counts.rows_quarantined} rows should be quarantined, {quarantined} are"
        raise Refused(counts.files[0].name, "counts", reason)
