"""One line of a delivered file as the supplier wrote it, without reading the rest into anything."""

from __future__ import annotations

import mmap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from wharf.contracts import Column
from wharf.contracts.feed import SchemaPolicy
from wharf.contracts.formats import FileFormat
from wharf.reading.archive import Choice, Member, unpack
from wharf.reading.content import kind_of
from wharf.reading.encoding import Text, as_utf8
from wharf.reading.opened import Opened, SourceFile
from wharf.reading.plan import plan_reading
from wharf.reading.records import Dialect, read_record
from wharf.reading.refusals import Refused, shown
from wharf.reading.seeking import seek
from wharf.reading.shapes import Shape

_Table = TypeVar("_Table", Member, Opened)
_CHUNK = 1 << 24
_LONGEST = 1 << 16


def line_of(
    file: SourceFile,
    line: int,
    shape: Shape | None,
    format: FileFormat | None,
    columns: Mapping[str, Column],
    work: Path,
) -> str | None:
    """The text of the row that begins on a line; None where there is none.

    Args:
        file: The delivered file.
        line: The line, from 1; a row of a workbook or Parquet file.
        shape: How the file is written, as the batch has it; only needed for delimited text.
        format: The contract's format.
        columns: The contract's columns.
        work: An empty folder.

    Raises:
        DeliveryRefused: The file cannot be read.
    """
    if shape is not None and shape.kind in {"csv", "jsonl"}:
        (work / "plain").mkdir()
        choice = Choice(format.members if format else None)
        unpacked = unpack(file.path, file.name, work / "plain", choice)
        plain = _named(unpacked.members, shape.file, file.name).plain.path
        if kind_of(plain, file.name) in {"text", "json"}:
            source = as_utf8(plain, getattr(format, "encoding", None), work)
            # Where both marks end lines, only the whole reading counts them rightly.
            if not (source.feeds and source.returns):
                return _text_line(source, line, shape)
    plan = plan_reading([file], format, columns, SchemaPolicy(), work=work)
    opened = _named(plan.files, shape.file if shape else file.name, file.name)
    found = plan.connection.execute(
        f"SELECT _row FROM {opened.relation} WHERE _line = ?", [line]
    ).fetchall()
    if found:
        return opened.raw([found[0][0]])[0].text
    return _rejected(opened, line)


def _named(tables: Sequence[_Table], name: str, file: str) -> _Table:
    """The table of a file that a row names."""
    for each in tables:
        if each.name == name or len(tables) == 1:
            return each
    raise Refused(file, "no_member", f"it holds no {shown(name)}")


def _rejected(opened: Opened, line: int) -> str | None:
    for at, start, end, _ in opened.layout.rejects:
        if at == line:
            return opened.reject(start, end).text
    return None


def _text_line(source: Text, line: int, shape: Shape) -> str | None:
    with source.path.open("rb") as handle:
        buffer = mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)
    mark = b"\n" if source.feeds or not source.returns else b"\r"
    at = _start_of(buffer, line, source.bom, mark)
    if at is None or at >= len(buffer):
        return None
    end = seek(buffer, mark, at) + 1 or len(buffer)
    if shape.kind == "csv" and mark == b"\n":
        end = read_record(buffer, at, Dialect(shape.delimiter, shape.quote)).end
    return buffer[at : min(end, at + _LONGEST)].rstrip(b"\r\n").decode("utf-8", "replace")


def _start_of(buffer: mmap.mmap, line: int, start: int, mark: bytes) -> int | None:
    """Where a line begins: whole chunks are counted, the last one is searched."""
    left, at = line - 1, start
    while left:
        count = buffer[at : at + _CHUNK].count(mark)
        if count < left and at + _CHUNK < len(buffer):
            left, at = left - count, at + _CHUNK
            continue
        found = seek(buffer, mark, at)
        if found < 0:
            return None
        left, at = left - 1, found + 1
    return at
