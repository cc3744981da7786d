"""Reading, second half: cast without loss, good rows to Parquet, bad rows to quarantine, count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import pyarrow.parquet as pq

from wharf.contracts import Column
from wharf.reading.casts import (
    Spelling,
    cast_text,
    cast_typed,
    cleaned,
    cleaned_typed,
    duckdb_type,
)
from wharf.reading.counts import Counts, FileCounts
from wharf.reading.opened import Opened, identifier, text
from wharf.reading.parquet_file import damage_named
from wharf.reading.plan import Plan
from wharf.reading.quarantine import BadRow, Quarantine
from wharf.reading.refusals import REPEATED_HEADER, REQUIRED, UNNAMED_VALUE, Refused

SYSTEM: Final = {
    "_period": "VARCHAR",
    "_batch_id": "VARCHAR",
    "_file": "VARCHAR",
    "_line": "BIGINT",
}
WIDE: Final = 1_000
"""Columns above which one thread and small row groups keep the memory in bounds."""
_ENOUGH: Final = 200
"""Cells that must agree with the header for a row to be its repetition."""
_BAD_CELL: Final = "wharf: a cell cannot be cast"
_FAILED: Final = f"error({text(_BAD_CELL)})"


def write_plan(
    plan: Plan,
    *,
    good: Path,
    bad: Path,
    field_ids: Mapping[str, int],
    constants: Mapping[str, str],
    work: Path,
) -> Counts:
    """Cast the cells of a plan and write the rows.

    Args:
        plan: What `plan_reading` found.
        good: Parquet file to write, zstd, with field ids and statistics.
        bad: Parquet file for the quarantined rows; also written when there are none.
        field_ids: Column (with the system columns) -> Iceberg field id; empty for none.
        constants: Values of `_period` and `_batch_id`.
        work: Folder for spilled data.

    Returns:
        Counts that reconcile: every physical line is in exactly one of them.

    Raises:
        DeliveryRefused: The counts do not reconcile; nothing is to be used.
    """
    tables = [_Table(plan, each, constants) for each in plan.files]
    target = _copy_to(good, [*plan.columns, *SYSTEM], field_ids)
    if len(plan.columns) > WIDE:
        plan.connection.execute("SET threads = 1")
        plan.connection.execute("SET memory_limit = '4GB'")
    with Quarantine(bad) as quarantine, damage_named(plan.files):
        for each in plan.files:
            quarantine.add_rejects(each)
        exact = [_Table(plan, each, constants, exact=True) for each in plan.files]
        if not any(_wrote_all(plan.connection, each, target) for each in (exact, tables)):
            passing = " UNION ALL ".join(f"({each.passing()})" for each in tables)
            plan.connection.execute(f"COPY ({passing}) TO {target}")
            for table in tables:
                quarantine.add_rows(table.file, table.failing())
    counts = Counts(
        tuple(_count(each, quarantine.rows_of(each.name)) for each in plan.files),
        quarantine.reasons(),
    )
    _reconcile(plan, counts, good, bad)
    return counts


def _copy_to(path: Path, names: Sequence[str], field_ids: Mapping[str, int]) -> str:
    options = "FORMAT parquet, COMPRESSION zstd"
    if len(names) > WIDE:
        options += ", ROW_GROUP_SIZE 10240"
    if field_ids:
        if unknown := [name for name in names if name not in field_ids]:
            raise ValueError(f"field_ids lacks {', '.join(unknown)}")
        ids = ", ".join(f"{identifier(name)}: {int(field_ids[name])}" for name in names)
        options += f", FIELD_IDS {{{ids}}}"
    return f"{text(str(path))} ({options})"


def _wrote_all(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[_Table], target: str
) -> bool:
    """Write all rows in one pass if every one of them is good, which is the usual case.

    Stops at the first bad cell: the filtered copy costs twice as much.
    """
    rows = " UNION ALL ".join(f"({each.all_or_error()})" for each in tables)
    try:
        connection.execute(f"COPY ({rows}) TO {target}")
    except duckdb.InvalidInputException as error:
        if _BAD_CELL not in str(error):
            raise
        return False
    return True


@dataclass(frozen=True)
class _Field:
    """One column of the table in one file, as SQL over the file's relation."""

    name: str
    spec: Column
    type: str
    cleaned: str
    cast: str

    @property
    def given(self) -> str:
        """Alias of the cleaned cell: NULL where there is no value."""
        return identifier(f"given {self.name}")

    @property
    def value(self) -> str:
        """Alias of the cast cell."""
        return identifier(f"value {self.name}")


class _Table:
    """The SQL that casts one file."""

    def __init__(
        self, plan: Plan, file: Opened, constants: Mapping[str, str], *, exact: bool = False
    ) -> None:
        self.file, self._plan, self._constants = file, plan, constants
        spelling = Spelling.of(plan.format) if plan.format else Spelling()
        self._fields = [
            _field(name, spec, file, spelling, exact)
            for name, spec in plan.specs.items()
            if name in file.mapped.cells
        ]

    def all_or_error(self) -> str:
        """Every row, or an error as soon as one cell is bad."""
        values = {}
        for each in self._fields:
            value = f"coalesce({each.value}, {_FAILED})"
            if not each.spec.required:
                value = f"CASE WHEN {each.given} IS NOT NULL THEN {value} END"
            if each.spec.type == "string" and not each.spec.required:
                value = each.value
            values[each.name] = value
        line = "_line"
        if odd := self._odd_row():
            line = f"CASE WHEN {odd} > 0 THEN {_FAILED} ELSE _line END"
        return f"SELECT {self._listed(values, line)} FROM ({self._cast()})"

    def passing(self) -> str:
        """The rows without a bad cell."""
        values = {each.name: each.value for each in self._fields}
        return (
            f"SELECT {self._listed(values, '_line')} FROM ({self._cast()}) WHERE {self._code()} = 0"
        )

    def failing(self) -> Iterator[BadRow]:
        """The rows with a bad cell: which, where, and what is wrong first."""
        found = self._plan.connection.execute(
            f"SELECT _row, _line, {self._code()} AS code FROM ({self._cast()}) WHERE code <> 0"
        ).to_arrow_table()
        for batch in found.to_batches():
            for row, line, code in zip(*(each.to_pylist() for each in batch.columns), strict=True):
                yield BadRow(row, line, *self._meaning(code))

    def _cast(self) -> str:
        given = [f"{each.cleaned} AS {each.given}" for each in self._fields]
        listed = ", ".join(["_row", "_line", f"{self._odd_cells()} AS _odd", *given])
        cast = ", ".join(["*", *(f"{each.cast} AS {each.value}" for each in self._fields)])
        return f"SELECT {cast} FROM (SELECT {listed} FROM {self.file.relation})"

    def _odd_cells(self) -> str:
        """-1 for a row that repeats the header, -2 for a value in a column without a name."""
        cases = []
        cells = list(self.file.mapped.cells.values())[:_ENOUGH]
        header = self.file.sniffed.columns
        if self.file.sniffed.header_line and len(cells) > 1:
            same = " AND ".join(f"trim(c{i}) = {text(header[i].strip())}" for i in cells)
            cases.append(f"WHEN {same} THEN 1")
        if unnamed := self.file.mapped.unnamed:
            filled = " OR ".join(f"trim(c{i}::VARCHAR) <> ''" for i in unnamed)
            cases.append(f"WHEN {filled} THEN 2")
        return f"CASE {' '.join(cases)} ELSE 0 END" if cases else "0"

    def _odd_row(self) -> str:
        return "" if self._odd_cells() == "0" else "_odd"

    def _code(self) -> str:
        """0 for a good row; else which column is wrong, and how."""
        cases = ["WHEN _odd > 0 THEN -_odd"]
        for number, each in enumerate(self._fields):
            if each.spec.required:
                cases.append(f"WHEN {each.given} IS NULL THEN {2 * number + 1}")
            if each.spec.type != "string":
                bad = f"{each.given} IS NOT NULL AND {each.value} IS NULL"
                cases.append(f"WHEN {bad} THEN {2 * number + 2}")
        return f"CASE {' '.join(cases)} ELSE 0 END"

    def _meaning(self, code: int) -> tuple[str, str]:
        if code < 0:
            return "", REPEATED_HEADER if code == -1 else UNNAMED_VALUE
        each = self._fields[(code - 1) // 2]
        return each.name, REQUIRED if code % 2 else f"not a {each.spec.type}"

    def _listed(self, values: Mapping[str, str], line: str) -> str:
        listed = [
            f"{values.get(name, f'NULL::{duckdb_type(spec.type)}')} AS {identifier(name)}"
            for name, spec in self._plan.specs.items()
        ]
        system = {**{n: text(v) for n, v in self._constants.items()}, "_file": text(self.file.name)}
        listed += [
            f"{system[name]}::VARCHAR AS {name}" for name in ("_period", "_batch_id", "_file")
        ]
        return ", ".join([*listed, f"({line})::BIGINT AS _line"])


def _field(name: str, spec: Column, file: Opened, spelling: Spelling, exact: bool) -> _Field:
    index = file.mapped.cells[name]
    cell, source = f"c{index}", file.types[index]
    given = identifier(f"given {name}")
    if source == "VARCHAR":
        return _Field(
            name, spec, duckdb_type(spec.type),
            cleaned(cell, spec, spelling, exact=exact), cast_text(given, spec, spelling),
        )  # fmt: skip
    return _Field(
        name, spec, duckdb_type(spec.type),
        cleaned_typed(cell, source, spec, spelling), cast_typed(given, source, spec, spelling),
    )  # fmt: skip


def _count(file: Opened, quarantined: int) -> FileCounts:
    layout = file.layout
    staged = layout.rows + len(layout.rejects) - quarantined
    return FileCounts(
        file.name, layout.lines, layout.header_lines, staged, quarantined,
        layout.blank, layout.continuation,
    )  # fmt: skip


def _reconcile(plan: Plan, counts: Counts, good: Path, bad: Path) -> None:
    """Hold the counts against what the two written files hold.

    Raises:
        Refused: They differ; the message says how.
    """
    staged = dict(
        plan.connection.execute(
            f"SELECT _file, count(*) FROM read_parquet({text(str(good))}) GROUP BY _file"
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
