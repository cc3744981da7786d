"""Delimited text: dialect, header, records, and their cells in DuckDB as text."""

from __future__ import annotations

import mmap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import duckdb

from wharf.contracts.formats import CsvFormat
from wharf.reading.encoding import Text, as_utf8
from wharf.reading.findings import Finding
from wharf.reading.guess import guess_dialect, is_fixed_width, long_mark
from wharf.reading.header import (
    Mapped,
    as_found,
    by_position,
    find_header,
    map_header,
    place_header,
)
from wharf.reading.opened import Opened, Sniffed, Wanted
from wharf.reading.records import Dialect, Line, read_head
from wharf.reading.refusals import Refused, shown
from wharf.reading.scan import Scanner
from wharf.reading.text_cells import RawText, TextCells

_STAND_IN: Final = "\x1f"


@dataclass(frozen=True)
class _Head:
    """What the first lines of a text say."""

    cells: tuple[str, ...]
    line: Line | None
    """The header; None where there is none."""
    mapped: Mapped
    above: Line | None = None
    """The last line above the data; None where they begin with the file."""

    @property
    def last(self) -> Line | None:
        """The last line that is no row."""
        return self.line or self.above


def open_delimited(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    path: Path,
    name: str,
    wanted: Wanted,
    work: Path,
) -> Opened:
    """Scan a delimited text, and let DuckDB read its cells as texts.

    Args:
        connection: Where the relation goes.
        relation: The relation's name.
        path: The file, without compression.
        name: As the supplier calls it.
        wanted: The contract, or nothing.
        work: Folder of this file for copies.

    Raises:
        Refused: It cannot be read as the contract says.
    """
    fmt = wanted.format if isinstance(wanted.format, CsvFormat) else None
    source = as_utf8(path, fmt.encoding if fmt else None, work)
    findings = [Finding("encoding", source.finding)] if source.finding else []
    source = _with_feeds(source, work)
    long = fmt.delimiter if fmt else _long_mark(source)
    if len(long.encode()) > 1:
        source = _with_one_mark(source, long, name, work)
    with source.path.open("rb") as handle:
        buffer = mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)
    if fmt:
        dialect = _declared(fmt, long)
    else:
        dialect = guess_dialect(buffer, source.bom, _STAND_IN if long else "")
    if not (dialect.delimiter + dialect.quote).isascii():
        raise Refused(name, "delimiter", f"delimiter {shown(dialect.delimiter)} is not ASCII")
    head = _read_header(buffer, source, dialect, name, wanted, findings)
    at, line = (head.last.end, head.last.ends_on) if head.last else (source.bom, 1)
    scanner = Scanner(buffer, source.path, dialect, len(head.cells), at, line, source.valid, work)
    scanned = scanner.scan()
    layout = scanned.layout
    layout.header_lines, layout.counted = line - 1, _lines(source, buffer)
    used = _used(head)
    stream = TextCells(name, scanned, dialect, len(head.cells), used).stream()
    connection.register(relation, stream)
    sniffed = Sniffed(
        "csv",
        encoding=source.encoding,
        bom=bool(source.bom),
        delimiter=long if len(long.encode()) > 1 else dialect.delimiter,
        header_line=head.line.number if head.line else None,
        columns=head.cells if head.line else (),
        quote=dialect.quote,
        escape=dialect.escape,
        comment=dialect.comment,
    )
    raw = RawText(source, dialect, scanned)
    return Opened(
        name, sniffed, relation, dict.fromkeys(used, "VARCHAR"), head.mapped, layout,
        raw.rows, raw.between, (*findings, *head.mapped.findings), stream,
    )  # fmt: skip


def _declared(fmt: CsvFormat, mark: str) -> Dialect:
    single = _STAND_IN if len(mark.encode()) > 1 else mark
    return Dialect(single, fmt.quote, fmt.escape, fmt.comment)


def _long_mark(source: Text) -> str:
    with source.path.open("rb") as handle:
        handle.seek(source.bom)
        return long_mark(handle.read(1 << 16).decode("utf-8", "replace"))


def _with_one_mark(source: Text, mark: str, name: str, work: Path) -> Text:
    """Put one byte where a delimiter of several stands."""
    content = source.path.read_bytes()
    if _STAND_IN.encode() in content:
        reason = f"it holds {shown(_STAND_IN)}, which stands in for {shown(mark)} while it is read"
        raise Refused(name, "delimiter", reason)
    target = work / "marks"
    target.write_bytes(content.replace(mark.encode(), _STAND_IN.encode()))
    return replace(source, path=target, exact=False)


def _with_feeds(source: Text, work: Path) -> Text:
    """Turn the line ends of old Macintosh files into line feeds; bytes keep their places."""
    if source.feeds or not source.returns:
        return source
    target = work / "feeds"
    target.write_bytes(source.path.read_bytes().replace(b"\r", b"\n"))
    return replace(source, path=target, feeds=source.returns, returns=0)


def _lines(source: Text, buffer: mmap.mmap) -> int:
    whole = len(buffer) <= source.bom or buffer[-1:] in {b"\n", b"\r"}
    return source.feeds + source.returns + (not whole)


def _read_header(
    buffer: mmap.mmap,
    source: Text,
    dialect: Dialect,
    name: str,
    wanted: Wanted,
    findings: list[Finding],
) -> _Head:
    lines = read_head(buffer, source.bom, dialect)
    starts = [source.bom, *(line.end for line in lines)]
    remarks = [_is_remark(buffer, start, dialect) for start in starts[: len(lines)]]
    rows = [
        () if line.is_blank or line.is_broken or remark else line.cells
        for line, remark in zip(lines, remarks, strict=True)
    ]
    numbers = [line.number for line in lines]
    setting = wanted.format.header if wanted.format else "find"
    try:
        index = place_header(name, rows, numbers, setting, wanted.columns)
    except Refused:
        _refuse_delimiter(buffer, source, dialect, name, wanted)
        raise
    if index is None:
        widths = Counter(len(row) for row in rows if row)
        width = max(widths, key=lambda each: (widths[each], each), default=0)
        if not width:
            raise Refused(name, "unreadable", "none of its first lines has readable fields")
        _refuse_remark(name, rows, wanted)
        if is_fixed_width(["".join(row) for row in rows if len(row) == 1]):
            text = "its lines have one length and no delimiter: each is read as a single text"
            findings.append(Finding("fixed_width", text))
        above = _above(lines, rows, width, findings)
        if wanted.columns is None:
            return _Head(("",) * width, None, as_found(name, width, findings), above)
        return _Head(("",) * width, None, by_position(name, width, wanted.columns), above)
    below = [row for row in rows[index + 1 :] if row]
    cells = _padded(rows[index], below)
    if wanted.columns is None:
        mapped = as_found(name, cells, findings)
        _refuse_remark(name, rows, wanted)
    else:
        mapped = map_header(name, cells, wanted.columns, wanted.policy)
        refuse_unnamed(name, mapped, below)
    if index:
        text = f"the header stands on line {numbers[index]}, below {index} other lines"
        findings.append(Finding("preamble", text))
    return _Head(cells, lines[index], mapped)


def _is_remark(buffer: mmap.mmap, start: int, dialect: Dialect) -> bool:
    """Whether a line is a comment."""
    mark = dialect.comment.encode()
    return bool(mark) and buffer[start : start + len(mark)] == mark


def _above(
    lines: Sequence[Line], rows: Sequence[Sequence[str]], width: int, findings: list[Finding]
) -> Line | None:
    """The last line of a title above rows that have no header."""
    first = next(i for i, row in enumerate(rows) if len(row) == width)
    usual = sum(len(row) == width for row in rows)
    titled = width > 2 and all(len(row) <= 1 for row in rows[:first]) and usual > first + 1
    if not first or not titled or any(line.is_broken for line in lines[:first]):
        return None
    text = f"the rows begin on line {lines[first].number}, below {first} other lines"
    findings.append(Finding("preamble", text))
    return lines[first - 1]


def _refuse_remark(name: str, rows: Sequence[Sequence[str]], wanted: Wanted) -> None:
    """Refuse a single word on a single line where no contract says that this is a table."""
    filled = [row for row in rows if row]
    if wanted.columns is None and len(filled) == 1 and len(filled[0]) == 1:
        raise Refused(name, "unreadable", f"it holds no table, only {shown(filled[0][0])}")


def _padded(cells: tuple[str, ...], below: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Add a cell without a name where the data lines, unlike the header, end with a delimiter."""
    longer = sum(len(row) == len(cells) + 1 and not row[-1].strip() for row in below)
    return (*cells, "") if below and longer > 0.9 * len(below) else cells


def refuse_unnamed(name: str, mapped: Mapped, below: Sequence[Sequence[str]]) -> None:
    """Refuse a column without a name when most rows have a value there.

    Raises:
        Refused: The column's position is named.
    """
    for index in mapped.unnamed:
        filled = sum(index < len(row) and bool(row[index].strip()) for row in below)
        if filled * 2 > len(below):
            reason = f"header cell {index + 1} is empty, but its column holds values"
            raise Refused(name, "unnamed_column", reason)


def _refuse_delimiter(
    buffer: mmap.mmap, source: Text, dialect: Dialect, name: str, wanted: Wanted
) -> None:
    """Say so when the header would be found with another delimiter."""
    seen = guess_dialect(buffer, source.bom)
    if dialect.delimiter in {seen.delimiter, _STAND_IN} or not wanted.columns:
        return
    rows = [line.cells for line in read_head(buffer, source.bom, seen)]
    if find_header(rows, wanted.columns) is not None:
        declared, found = shown(dialect.delimiter), shown(seen.delimiter)
        reason = f"the contract says delimiter {declared}, the file has {found}"
        raise Refused(name, "delimiter", reason)


def _used(head: _Head) -> list[int]:
    """Indexes of the cells that are looked at; at least one, to count rows by."""
    return sorted({*head.mapped.cells.values(), *head.mapped.unnamed}) or [0]
