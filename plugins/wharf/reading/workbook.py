"""Workbooks (.xlsx, .xls, .xlsb, .ods): one sheet as text, rows numbered as in the sheet."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import duckdb
import fastexcel
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wharf.contracts.formats import ExcelFormat
from wharf.reading.apart import SHIELD
from wharf.reading.delimited import refuse_unnamed
from wharf.reading.findings import Finding
from wharf.reading.header import Mapped, as_found, by_position, map_header, place_header
from wharf.reading.layout import Layout
from wharf.reading.opened import Opened, Raw, Sniffed, Wanted
from wharf.reading.refusals import Refused, listed, shown
from wharf.reading.sheet_range import SheetRange
from wharf.reading.sheet_size import refuse_far_cells

HEAD: Final = 200
MAX_EXPANDED: Final = 4 << 30
_ERROR: Final = re.compile(r'got \'(?:Error\((\w+)\)|\w+\("(.*)"\))')
_ERROR_TEXTS: Final = {
    "Div0": "#DIV/0!",
    "NA": "#N/A",
    "Name": "#NAME?",
    "Null": "#NULL!",
    "Num": "#NUM!",
    "Ref": "#REF!",
    "Value": "#VALUE!",
}


def open_workbook(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    path: Path,
    name: str,
    wanted: Wanted,
    work: Path,
) -> Opened:
    """Read one sheet into a DuckDB table of texts.

    Raises:
        Refused: It is damaged, has a password, or cannot be read as the contract says.
    """
    fmt = wanted.format if isinstance(wanted.format, ExcelFormat) else None
    sheet, cells, index, mapped, findings = SHIELD.call(name, _look, path, name, wanted, work)
    part = SheetRange.read(fmt.range if fmt else None)
    first = 0 if index is None else index + 1
    filled = _filled(cells)
    blank = int((~filled[first:]).sum())
    rows = np.flatnonzero(filled[first:]) + first
    used = sorted({*mapped.cells.values(), *mapped.unnamed}) or [0]
    table = pa.table(
        {
            "_row": pa.array(np.arange(len(rows))),
            "_line": pa.array(rows + part.row + 1),
            **{f"c{i}": cells.column(i).take(pa.array(rows)) for i in used},
        }
    )
    connection.register("wharf_sheet", table)
    connection.execute(f"CREATE TABLE {relation} AS SELECT * FROM wharf_sheet")
    connection.unregister("wharf_sheet")
    layout = Layout(
        header_lines=first, blank=blank, lines=cells.num_rows, rows=len(rows),
        counted=first + int(pc.sum(pc.cast(_any(cells, first), pa.int64())).as_py() or 0) + blank,
    )  # fmt: skip
    header = () if index is None else _row(cells, index)
    line = None if index is None else part.row + index + 1
    sniffed = Sniffed("excel", header_line=line, columns=header, sheet=sheet)
    raw = _RawCells(cells.take(pa.array(rows)))
    return Opened(
        name, sniffed, relation, dict.fromkeys(used, "VARCHAR"), mapped, layout,
        raw.rows, raw.between, (*findings, *mapped.findings),
    )  # fmt: skip


def _look(
    path: Path, name: str, wanted: Wanted, work: Path
) -> tuple[str, pa.Table, int | None, Mapped, list[Finding]]:
    """All that the library of workbooks does, to be called where it can hurt nobody."""
    fmt = wanted.format if isinstance(wanted.format, ExcelFormat) else None
    findings: list[Finding] = []
    chosen = _choose(_open(path, name, work), name, fmt, wanted, findings)
    return (*chosen, findings)


def _open(path: Path, name: str, work: Path) -> fastexcel.ExcelReader:
    try:
        return fastexcel.read_excel(_with_its_own_epoch(path, name, work))
    except fastexcel.FastExcelError as error:
        kind, reason = _why(str(error))
        raise Refused(name, kind, reason) from error
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise Refused(name, "damaged", f"the workbook cannot be opened: {error}") from error


def _why(message: str) -> tuple[str, str]:
    if "password" in message.lower():
        return "encrypted", "it is a workbook with a password"
    first = message.partition("\n")[0].removeprefix("calamine error: ")
    return "damaged", f"the workbook cannot be opened: {first}"


def _with_its_own_epoch(path: Path, name: str, work: Path) -> Path:
    """Take a later element named workbookPr away: it hides that dates count from 1904."""
    if not zipfile.is_zipfile(path):
        return path
    with zipfile.ZipFile(path) as archive:
        if sum(each.file_size for each in archive.infolist()) > MAX_EXPANDED:
            raise Refused(name, "too_large", f"its sheets expand to over {MAX_EXPANDED:,} bytes")
        refuse_far_cells(archive, name)
        if "xl/workbook.xml" not in archive.namelist():
            return path
        book = archive.read("xl/workbook.xml")
        if b"date1904" not in book or not re.search(rb"<\w+:workbookPr\b", book):
            return path
        target = work / "epoch.xlsx"
        with zipfile.ZipFile(target, "w") as out:
            for member in archive.namelist():
                content = archive.read(member)
                if member == "xl/workbook.xml":
                    content = re.sub(rb"<extLst>.*</extLst>", b"", content, flags=re.S)
                out.writestr(member, content)
    return target


def _choose(
    book: fastexcel.ExcelReader,
    name: str,
    fmt: ExcelFormat | None,
    wanted: Wanted,
    findings: list[Finding],
) -> tuple[str, pa.Table, int | None, Mapped]:
    """Find the sheet and its header: the named sheet, else the first that has the header."""
    sheets = list(book.sheet_names)
    if fmt and fmt.sheet is not None:
        if fmt.sheet not in sheets:
            reason = f"it has no sheet {shown(fmt.sheet)}; sheets: {listed(sheets)}"
            raise Refused(name, "no_sheet", reason)
        sheets = [fmt.sheet]
    problem: Refused | None = None
    part = SheetRange.read(fmt.range if fmt else None)
    for sheet in sheets:
        cells = _cells(book, sheet, name, part)
        if not _filled(cells).any():
            continue
        try:
            index, mapped = _header(cells, name, wanted, part.row, findings)
        except Refused as error:
            problem = problem or error
            if error.kind == "no_header":
                continue
            raise
        if len(sheets) > 1:
            text = f"sheet {shown(sheet)} was read, of {listed(sheets)}"
            findings.append(Finding("sheets", text))
        return sheet, cells, index, mapped
    raise problem or Refused(name, "empty", "the workbook holds no cells")


def _cells(book: fastexcel.ExcelReader, sheet: str, name: str, part: SheetRange) -> pa.Table:
    """The cells of a part of a sheet as text, from its first row on; errors as Excel shows them."""
    try:
        loaded: Any = book.load_sheet(sheet, header_row=None, skip_rows=0, dtypes="string")
        batch, errors = loaded.to_arrow_with_errors()
    except fastexcel.FastExcelError as error:
        kind, reason = _why(str(error))
        raise Refused(name, kind, reason) from error
    columns = [batch.column(i) for i in range(batch.num_columns)]
    for column, cells in _by_column(errors).items():
        values = columns[column].to_pylist()
        for row, text in cells:
            values[row] = text
        columns[column] = pa.array(values, pa.string())
    columns = part.cut(columns, [each.absolute_index for each in loaded.available_columns()])
    return pa.table(columns, names=[f"c{i}" for i in range(len(columns))])


def _by_column(errors: Any) -> dict[int, list[tuple[int, str]]]:
    found: dict[int, list[tuple[int, str]]] = {}
    for each in errors.errors if errors else ():
        row, column = each.position
        match = _ERROR.search(each.detail)
        text = (match[2] or _ERROR_TEXTS.get(match[1], "#ERROR")) if match else each.detail
        found.setdefault(column, []).append((row, text))
    return found


def _header(
    cells: pa.Table, name: str, wanted: Wanted, top: int, findings: list[Finding]
) -> tuple[int | None, Mapped]:
    head = [_row(cells, i) for i in range(min(HEAD, cells.num_rows))]
    setting = wanted.format.header if wanted.format else "find"
    index = place_header(name, head, range(top + 1, top + len(head) + 1), setting, wanted.columns)
    if index is None:
        if wanted.columns is None:
            return None, as_found(name, cells.num_columns, findings)
        return None, by_position(name, cells.num_columns, wanted.columns)
    if index:
        text = f"the header stands in row {top + index + 1}, below {index} other rows"
        findings.append(Finding("preamble", text))
    if wanted.columns is None:
        return index, as_found(name, head[index], findings)
    mapped = map_header(name, head[index], wanted.columns, wanted.policy)
    refuse_unnamed(name, mapped, [row for row in head[index + 1 :] if any(map(str.strip, row))])
    return index, mapped


def _row(cells: pa.Table, index: int) -> tuple[str, ...]:
    return tuple(cells.column(i)[index].as_py() or "" for i in range(cells.num_columns))


def _filled(cells: pa.Table) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which rows hold anything but white space."""
    filled = np.zeros(cells.num_rows, np.bool_)
    for column in cells.columns:
        shown = pc.utf8_length(pc.utf8_trim_whitespace(column))
        filled |= np.asarray(pc.fill_null(pc.greater(shown, 0), False))
    return filled


def _any(cells: pa.Table, first: int) -> pa.Array:
    """Which rows from a row on hold anything, found by joining their cells: a second count."""
    # pyarrow 26 with null_handling="skip" leaves out rows whose cells are all null.
    joined = pc.binary_join_element_wise(*(pc.fill_null(each, "") for each in cells.columns), "")
    return pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(joined.slice(first))), 0)


class _RawCells:
    """Shows rows as JSON lists of their cells, where there is no text to show."""

    def __init__(self, cells: pa.Table) -> None:
        self._cells = cells

    def rows(self, rows: Sequence[int]) -> list[Raw]:
        """Rows by their number."""
        picked = self._cells.take(pa.array(rows, pa.int64())).to_pydict()
        return [
            Raw(None, json.dumps(list(row), ensure_ascii=False))
            for row in zip(*picked.values(), strict=True)
        ]

    def between(self, start: int, end: int) -> Raw:
        """Nothing here has positions."""
        raise NotImplementedError
