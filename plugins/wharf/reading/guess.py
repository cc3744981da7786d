"""Guesses for files without a contract: delimiter and quote, and whether there is a header."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from wharf.reading.records import Buffer, Dialect, read_head

_LIKELY: Final = (",", ";", "\t", "|")
_RARE: Final = (":", "~", "^", "\x01", "\x1f", " ")
_NUMBER: Final = re.compile(
    r"[+-]?\W?\s?\d[\d.,' ]*([eE][+-]?\d+)?\s?%?|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T][\d:.,Z+-]+)?"
)


def guess_dialect(buffer: Buffer, start: int) -> Dialect:
    """Choose the delimiter under which the head of a text has the most regular fields."""
    quote = _guess_quote(buffer[start : start + (1 << 16)])
    scored = [(_score(buffer, start, Dialect(mark, quote)), mark) for mark in _LIKELY]
    best, mark = max(scored, key=lambda pair: pair[0])
    if best[0] < 0.5:
        scored = [(_score(buffer, start, Dialect(mark, quote)), mark) for mark in _RARE]
        rare, other = max(scored, key=lambda pair: pair[0])
        if rare[0] > 0.9 and len(read_head(buffer, start, Dialect(other, quote), 2)) > 1:
            mark = other
        elif not best[0]:
            mark = ","
    return _without_quotes(buffer, start, Dialect(mark, quote))


def _without_quotes(buffer: Buffer, start: int, dialect: Dialect) -> Dialect:
    """Take quotes for plain text where, here and there in the file, that fits more lines."""
    places = [start, *(buffer.find(b"\n", len(buffer) * part // 4) + 1 for part in (1, 2, 3))]
    broken = sum(
        line.is_broken for at in places if at for line in read_head(buffer, at, dialect, 100)
    )
    bare = Dialect(dialect.delimiter, "")
    if broken < 2 or _score(buffer, start, bare) < _score(buffer, start, dialect):
        return dialect
    return bare


def _guess_quote(head: bytes) -> str:
    double, single = (
        head.count(b'"'),
        len(re.findall(rb"(?:^|[,;\t|])'[^'\n]*'(?=[,;\t|\r\n])", head)),
    )
    return "'" if not double and single > head.count(b"\n") else '"'


def _score(buffer: Buffer, start: int, dialect: Dialect) -> tuple[float, int]:
    """Share of lines with the usual number of fields, and that number."""
    lines = [line for line in read_head(buffer, start, dialect) if not line.is_blank]
    widths = Counter(len(line.cells) for line in lines)
    if not widths or max(widths) == 1:
        return 0.0, 1
    width, times = max(
        ((width, times) for width, times in widths.items() if width > 1),
        key=lambda pair: (pair[1], pair[0]),
    )
    return round(times / len(lines), 2), width


def looks_like_data(cell: str) -> bool:
    """Whether a cell holds a number or a date rather than a name."""
    return bool(_NUMBER.fullmatch(cell.strip()))


def guess_header(rows: Sequence[Sequence[str]]) -> int | None:
    """Find the row that names the columns.

    Returns:
        Its index, or None where the first row of the usual width is data already.
    """
    filled = [sum(1 for cell in row if cell.strip()) for row in rows]
    usual = sorted(count for count in filled if count)
    if not usual:
        return None
    median = usual[len(usual) // 2]
    enough = max(min(2, median), math.ceil(0.5 * median))
    at = next(i for i, count in enumerate(filled) if count >= enough)
    below = [row for row, count in zip(rows[at + 1 :], filled[at + 1 :], strict=True) if count]
    return at if _is_header(rows[at], below) else None


def _is_header(row: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    data = 0
    for i, cell in enumerate(row):
        if not cell.strip():
            continue
        values = [other[i] for other in below if i < len(other) and other[i].strip()]
        share = sum(map(looks_like_data, values)) / len(values) if values else 0.0
        if not looks_like_data(cell):
            if share > 0.8:
                return True
        elif share > 0.8 or not below:
            data += 1
    return not data and not any(tuple(other) == tuple(row) for other in below)
