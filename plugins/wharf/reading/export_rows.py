"""Quarantined rows as a table that a person corrects and sends back: see `fixed_file`."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from wharf.reading.fixed_file import HEAD, RAW
from wharf.reading.quarantine_rows import Held
from wharf.reading.refusals import UNNAMED_VALUE
from wharf.reading.shapes import HIDDEN, Shape, cells_of, masked
from wharf.spreadsheet import MOST_ROWS, csv_line, fits_a_sheet, guard, workbook

KINDS: Final = ("csv", "xlsx", "jsonl", "parquet")
_AT_ONCE: Final = 10_000
Row = Sequence[str | None]


def columns_of(shapes: Iterable[Shape], known: Iterable[str]) -> list[str]:
    """The columns of an exported table: those of the contract, then what else the files have."""
    found = dict.fromkeys(known)
    for shape in shapes:
        found.update(dict.fromkeys(name for name in shape.columns if name))
    return list(found)


def export_rows(
    rows: Iterable[Held],
    path: Path,
    kind: str,
    *,
    shapes: Mapping[str, Shape],
    columns: Sequence[str],
    sensitive: Collection[str] = (),
) -> int:
    """Write quarantined rows, one line each, their cells by column where they can be told apart.

    Args:
        rows: The rows, with their text.
        path: The file to write.
        kind: One of `KINDS`.
        shapes: How the delivered files are written, by name.
        columns: Columns of the table.
        sensitive: Columns whose values are hidden; a hidden cell that comes back is unchanged.

    Returns:
        How many rows were written.

    Raises:
        ValueError: A workbook cannot hold so many.
    """
    names = [*HEAD, *columns, RAW]
    told = (_row(each, shapes.get(each.file), columns, sensitive) for each in rows)
    writer = {"csv": _csv, "xlsx": _workbook, "jsonl": _json_lines, "parquet": _parquet}[kind]
    return writer(path, names, told)


def _row(row: Held, shape: Shape | None, columns: Sequence[str], sensitive: Collection[str]) -> Row:
    raw = row.raw or ""
    is_odd = row.reason == UNNAMED_VALUE
    cells = (cells_of(shape, raw) if shape and not is_odd else None) or {}
    shown = [HIDDEN if name in sensitive and name in cells else cells.get(name) for name in columns]
    place = [row.file, str(row.line), "" if row.byte is None else str(row.byte)]
    text = None if is_odd and sensitive else masked(shape, raw, sensitive)
    return ["", *place, row.column, row.reason, *shown, text]


def _csv(path: Path, names: Sequence[str], rows: Iterable[Row]) -> int:
    count = 0
    # The mark at the start lets Excel see that it is UTF-8.
    with path.open("w", encoding="utf-8-sig", errors="replace", newline="") as file:
        file.write(csv_line(names))
        for row in rows:
            file.write(csv_line(row))
            count += 1
    return count


def _workbook(path: Path, names: Sequence[str], rows: Iterable[Row]) -> int:
    told = [[_sheet_cell(cell) for cell in row] for row in rows]
    if len(told) >= MOST_ROWS:
        raise ValueError(f"{len(told):,} rows are more than a workbook takes; choose csv")
    path.write_bytes(workbook("quarantine", [[*names], *told]))
    return len(told)


def _sheet_cell(cell: str | None) -> str | None:
    """A cell as a workbook takes it; one that it cannot hold stays as the supplier wrote it."""
    if cell is None:
        return None
    return guard(cell) if fits_a_sheet(cell) else HIDDEN


def _json_lines(path: Path, names: Sequence[str], rows: Iterable[Row]) -> int:
    count = 0
    with path.open("w", encoding="utf-8", errors="replace") as file:
        for row in rows:
            said = dict(zip(names, row, strict=True))
            file.write(json.dumps(said, ensure_ascii=False) + "\n")
            count += 1
    return count


def _parquet(path: Path, names: Sequence[str], rows: Iterable[Row]) -> int:
    schema = pa.schema([(name, pa.string()) for name in names])
    count = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for some in _slices(rows):
            arrays = [pa.array(list(cells), pa.string()) for cells in zip(*some, strict=True)]
            writer.write_table(pa.table(arrays, schema=schema))
            count += len(some)
    return count


def _slices(rows: Iterable[Row]) -> Iterator[list[Row]]:
    some: list[Row] = []
    for row in rows:
        some.append(row)
        if len(some) == _AT_ONCE:
            yield some
            some = []
    if some:
        yield some
