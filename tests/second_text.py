"""Delimited text read a second time, by Python's codecs and its csv module: nothing of wharf."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

STAND_IN: Final = "\x1f"
_BLANK: Final = " \t\r\n\v\f"
"""What makes no value; a space that does not break does."""
_BEGINS: Final = re.compile(r"the rows begin on line (\d+)")
_MARKS: Final = {
    "utf-8": b"\xef\xbb\xbf",
    "utf-16": b"",
    "utf-32": b"",
    "utf-16-le": b"\xff\xfe",
    "utf-16-be": b"\xfe\xff",
    "utf-32-le": b"\xff\xfe\x00\x00",
    "utf-32-be": b"\x00\x00\xfe\xff",
}
_SIGNS_OF_QUOTES: Final = ("malformed quote", "unterminated quote", "line too long")

csv.field_size_limit(sys.maxsize)


@dataclass(frozen=True)
class Second:
    """What a second reader made of a text."""

    header: tuple[str, ...]
    regular: int
    """Rows with as many fields as the header."""
    ragged: int

    @property
    def rows(self) -> int:
        """All rows below the header."""
        return self.regular + self.ragged


def encoding_is_possible(data: bytes, encoding: str) -> bool:
    """Whether bytes can be in an encoding; what is UTF-8 by itself must be called so."""
    if data.startswith(_MARKS["utf-8"]):
        return encoding.startswith("utf-8")
    for mark, wide in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return encoding.startswith((wide, "utf-32"))
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return True
    plain = data.isascii()
    return plain or encoding.startswith("utf-8")


def read_text(data: bytes, said: Mapping[str, Any], skips_blanks: bool) -> Second:
    """Read a text in the dialect that a trial reports."""
    encoding = str(said["encoding"])
    mark = _MARKS.get(encoding, b"")
    text = data.removeprefix(mark).decode(encoding, "replace").removeprefix("\ufeff")
    delimiter = str(said["delimiter"])
    if len(delimiter) > 1:
        text, delimiter = text.replace(delimiter, STAND_IN), STAND_IN
    header: tuple[str, ...] = ()
    widths = []
    first = said["header_line"]
    for line, cells in records(text, delimiter, said, skips_blanks):
        if line == first:
            header = tuple(cells)
        elif line >= _begins(said):
            widths.append(len(cells))
    width = max(len(said["header"]), len(said["columns"]))
    regular = sum(each == width for each in widths)
    return Second(header, regular, len(widths) - regular)


def records(
    text: str, delimiter: str, said: Mapping[str, Any], skips_blanks: bool
) -> Iterator[tuple[int, list[str]]]:
    """The records that are neither blank nor a comment, with the line each begins on."""
    quote, escape = said["quote"] or "", said["escape"] or ""
    taken: list[str] = []
    reader = csv.reader(
        _kept(io.StringIO(text, newline=""), taken),
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        quotechar=quote or None,
        escapechar=escape or None,
        doublequote=True,
        skipinitialspace=delimiter != " " and bool(quote) and skips_blanks,
    )
    begins = 1
    for cells in reader:
        line, begins, written = begins, reader.line_num + 1, "".join(taken)
        taken.clear()
        if len(cells) < 2 and not written.strip(_BLANK):
            continue
        if said["comment"] and written.startswith(said["comment"]):
            continue
        yield line, cells


def _kept(lines: Iterator[str], taken: list[str]) -> Iterator[str]:
    """The lines, each also put aside: `""` alone on a line is a value, not a blank line."""
    for line in lines:
        taken.append(line)
        yield line


def judge_text(data: bytes, said: Mapping[str, Any]) -> str:
    """Say what is wrong about a trial; empty for nothing, `?` before what cannot be told."""
    if not encoding_is_possible(data, str(said["encoding"])):
        return f"encoding {said['encoding']}, but the bytes say another"
    # A quote behind a blank opens a field for some readers, for others it is text.
    found = [_differs(data, said, skips) for skips in (True, False)]
    return "" if "" in found else found[0]


def _differs(data: bytes, said: Mapping[str, Any], skips_blanks: bool) -> str:
    try:
        second = read_text(data, said, skips_blanks)
    except (csv.Error, UnicodeError) as error:
        return f"?the second reader gave up: {error}"
    doubt = "?" if any(reason in said["reasons"] for reason in _SIGNS_OF_QUOTES) else ""
    if second.rows != said["rows_in_file"]:
        return f"{doubt}{said['rows_in_file']:,} rows, the second reader counts {second.rows:,}"
    if said["header_line"] and not _same(second.header, said["header"]):
        return f"{doubt}header {said['header']}, the second reader has {list(second.header)}"
    cast = said["reasons"].keys() - {"too few fields", "too many fields"}
    if second.regular != said["rows_staged"] and not cast:
        return f"{said['rows_staged']:,} staged, {second.regular:,} have the header's fields"
    return ""


def _begins(said: Mapping[str, Any]) -> int:
    """The line below which rows are looked for."""
    if said["header_line"]:
        return int(said["header_line"]) + 1
    found = [match[1] for note in said["notes"] if (match := _BEGINS.search(note))]
    return int(found[0]) if found else 1


def _same(one: tuple[str, ...], other: list[str]) -> bool:
    longer = len(other) - len(one)
    return [cell.strip() for cell in (*one, *[""] * longer)] == [cell.strip() for cell in other]
