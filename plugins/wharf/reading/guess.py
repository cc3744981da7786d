"""Guesses for files without a contract: delimiter, quote and escape, and the header, if any."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from wharf.reading.records import Dialect, Line, read_head
from wharf.reading.seeking import Buffer, seek

_LIKELY: Final = (",", ";", "\t", "|")
_RARE: Final = (":", "~", "^", "\x01", "\x1f", "\x1e", "\x02", " ")
_NUMBER: Final = re.compile(
    r"[+-]?\W?\s?\d[\d.,' ]*([eE][+-]?\d+)?\s?[%)€$£]?"
    r"|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T][\d:.,Z+-]+)?"
    r"|\d{1,2}:\d\d(:\d\d([.,]\d+)?)?( ?[AaPp][Mm])?"
    r"|\d{1,2}[- ][A-Za-z]{3,9}[- ]\d{2,4}"
)
_OPEN_END: Final = re.compile(rb"[^\\]\\\r?\n")
"""A line that may go on behind a backslash."""
_LOOSE_QUOTE: Final = re.compile(rb'\w"\w|\w" \w|\w "\w')
"""A quote that no strict reader expects inside a field."""
_ONE_NUMBER: Final = re.compile(r"[+-]?\W?\s?(\d{1,3}(,\d{3})+(\.\d+)?|\d+,\d+|[\d.]+)\s?[%)€$£]?")
_YEAR: Final = re.compile(r"(1[89]|20)\d\d([-/](1[89]|20)?\d\d)?")
_MOMENT: Final = re.compile(r"[\"']?[\d/.-]*[ T]?\d{1,2}:\d\d(:\d\d[.\d]*)?[ +:\dAPMapmZ-]*[\"']?")
_SEP: Final = re.compile(rb"[\"']?sep=([^\r\n]{1,4}?)[\"']?(?:\r\n|\n|\r)", re.I)
_LONG: Final = re.compile(r"[^\w\s\"'.,()+\\-]{2,4}|\t[|;,]\t")
_NO_MARKS: Final = frozenset(("://", "=>", "->", "<>", "</", "/>", "??", "!!"))
_ABOVE: Final = re.compile(r"[\u00a1-\u00bf\u00d7\u2016\u2020-\u2022\u25a0-\u25ff]")
_NEVER: Final = ("\t", "|", ";", ",", "\x1f", "\x1e", "\x00")
_PREAMBLE: Final = 60
_FEW: Final = 3
"""Rows that are too few to make a longer row above them a title."""


def guess_dialect(buffer: Buffer, start: int, mark: str = "") -> Dialect:
    """Choose the delimiter under which the head of a text has the most regular fields.

    Args:
        buffer: The text.
        start: Where it begins, behind a byte-order mark.
        mark: The delimiter, where it is known.
    """
    if mark:
        head = bytes(buffer[start : start + (1 << 16)])
        return _finish(buffer, start, Dialect(mark, _guess_quote(head, mark)))
    if said := declared_mark(buffer, start):
        return _finish(buffer, said[1], Dialect(said[0], '"'))
    head = bytes(buffer[start : start + (1 << 16)])
    rows = _rows_only(head)
    best = _best(rows, 0, _LIKELY, head)
    if best[0][0] < 0.5:
        rare = _best(rows, 0, _RARE, head)
        several = len(read_head(buffer, start, rare[1], 3)) > 2 or rare[1].delimiter in "\x01\x1f"
        if rare[0][0] > 0.9 and several and rare[0][0] > best[0][0]:
            best = rare
    if best[0][0] <= 0.9 and is_fixed_width(_lines(head)):
        mark = next((each for each in _NEVER if seek(buffer, each.encode()) < 0), _NEVER[0])
        return Dialect(mark, "")
    dialect = best[1]
    if dialect.delimiter in ": " and _are_moments(rows):
        dialect = Dialect(",", dialect.quote)
    if not best[0][0] or _is_one_column(buffer, start, dialect, best[0][0]):
        dialect = replace(dialect, delimiter=_absent(head))
    return _finish(buffer, start, dialect)


def declared_mark(buffer: Buffer, start: int) -> tuple[str, int] | None:
    """The delimiter that a first line such as `sep=;` declares, and where that line ends."""
    match = _SEP.match(bytes(buffer[start : start + 64]))
    if not match:
        return None
    mark = match[1].decode("utf-8", "replace")
    return ("\t" if mark == "\\t" else mark), start + match.end()


def long_mark(text: str) -> str:
    """A delimiter of several bytes: it divides lines regularly, its parts hardly stand alone."""
    lines = [line for line in text.splitlines()[:200] if line.strip()]
    if is_fixed_width(lines[:-1]):
        return ""
    seen: Counter[str] = Counter()
    for line in lines:
        seen.update({mark for pattern in (_LONG, _ABOVE) for mark in pattern.findall(line)})
    likely = [mark for mark, times in seen.items() if times * 2 > len(lines) > 1]
    for mark in sorted(set(likely) - _NO_MARKS, key=lambda each: (-len(each), each)):
        if len(mark.encode()) > 1 and _divides(text, mark):
            return mark if _divides_better(text, mark) else ""
    return ""


def is_fixed_width(lines: Sequence[str]) -> bool:
    """Whether long lines of one length are padded with blanks, as where places divide them."""
    widths = {len(line) for line in lines}
    padded = sum("   " in line for line in lines)
    return len(lines) >= 20 and len(widths) == 1 and min(widths) >= 80 and padded == len(lines)


def _lines(head: bytes) -> list[str]:
    """The lines of a head but for the last, which may be cut."""
    return [line.decode("utf-8", "replace") for line in head.splitlines()[:-1]]


def _divides(text: str, mark: str) -> bool:
    times = text.count(mark)
    alone = sum(text.count(char) - mark.count(char) * times for char in set(mark))
    head = text.replace(mark, "\x1f").encode()
    quote = _guess_quote(head, "\x1f")
    return alone * 10 <= times and _score(head, 0, Dialect("\x1f", quote))[0] >= 0.85


def _divides_better(text: str, mark: str) -> bool:
    """Whether no usual delimiter gives as regular lines of more fields."""
    usual = [each for each in _LIKELY if each not in mark]
    head = text.encode()
    rival = _best(head, 0, usual, head)[0]
    stood_in = text.replace(mark, "\x1f").encode()
    return rival[0] < 0.9 or rival[1] <= _best(stood_in, 0, ("\x1f",), stood_in)[0][1]


def _best(
    buffer: Buffer, start: int, marks: Sequence[str], head: bytes
) -> tuple[tuple[float, int], Dialect]:
    scored = [
        (_score(buffer, start, dialect), dialect)
        for mark in marks
        if mark.encode() in head
        for dialect in _ways(head, mark)
    ]
    return max(scored, key=lambda pair: pair[0], default=((0.0, 1), Dialect()))


def _ways(head: bytes, mark: str) -> list[Dialect]:
    """Ways to write with a delimiter, the usual one first: it wins where others do as well."""
    usual = Dialect(mark, _guess_quote(head, mark))
    ways = [usual]
    if _OPEN_END.search(head):
        ways.append(replace(usual, escape="\\"))
    if _LOOSE_QUOTE.search(head):
        ways.append(Dialect(mark, ""))
    return ways


def _finish(buffer: Buffer, start: int, dialect: Dialect) -> Dialect:
    """Add what shows only once the delimiter is known: escapes, comments, quotes that are none."""
    head = bytes(buffer[start : start + (1 << 18)])
    escaped = rb"\\(?:[\"'\n]|\r\n|%b)" % re.escape(dialect.delimiter.encode())
    if re.search(escaped, head):
        escaping = replace(dialect, escape="\\")
        if _faults(buffer, start, escaping) < _faults(buffer, start, dialect):
            dialect = escaping
    dialect = _without_quotes(buffer, start, dialect)
    return replace(dialect, comment=_comment(buffer, start, dialect))


def _comment(buffer: Buffer, start: int, dialect: Dialect) -> str:
    """The sign of comment lines, where lines that begin with it are no rows."""
    lines = [line for line in read_head(buffer, start, dialect) if line.cells and not line.is_blank]
    marked = [len(line.cells) for line in lines if line.cells[0].startswith("#")]
    widths = Counter(len(line.cells) for line in lines if not line.cells[0].startswith("#"))
    if not marked or not widths or sum(widths.values()) < len(marked) / 4:
        return ""
    usual = widths.most_common(1)[0][0]
    titled = lines[0].cells[0].startswith("#") and len(lines[0].cells) != usual
    rows = sum(width == usual for width in marked)
    return "#" if usual > 1 and (not rows or (titled and rows * 2 < len(marked))) else ""


def _rows_only(head: bytes) -> bytes:
    """The lines that are no comments, where there are some; else all."""
    lines = head.splitlines(keepends=True)
    rows = [line for line in lines if not line.startswith(b"#")]
    return b"".join(rows) if len(rows) > 1 else head


def _are_moments(rows: bytes) -> bool:
    """Whether whole lines are dates or times of day."""
    lines = [line.decode("utf-8", "replace") for line in rows.splitlines()[:200] if line.strip()]
    return sum(bool(_MOMENT.fullmatch(line.strip())) for line in lines) * 2 > len(lines)


def _is_one_column(buffer: Buffer, start: int, dialect: Dialect, share: float) -> bool:
    """Whether the delimiter only stands within numbers or sentences of a single column."""
    lines = [line for line in read_head(buffer, start, dialect) if not line.is_blank]
    later = lines[len(lines) // 2 :]
    if share < 0.5 and sum(len(line.cells) == 1 for line in later) * 2 >= len(later):
        return True
    whole = [dialect.delimiter.join(line.cells) for line in lines]
    if dialect.delimiter == "," and share < 0.95 and len(whole) > 1:
        numbers = sum(bool(_ONE_NUMBER.fullmatch(each.strip())) for each in whole[1:])
        if numbers == len(whole) - 1 and any("," in each for each in whole):
            return len(lines[0].cells) == 1 or looks_like_data(whole[0])
    return False


def _absent(head: bytes) -> str:
    """A delimiter that does not stand in a text of one column."""
    return next((mark for mark in (",", ";", "\t", "|") if mark.encode() not in head), ",")


def _faults(buffer: Buffer, start: int, dialect: Dialect) -> tuple[int, float]:
    """Lines with a broken quote, then how far from regular the lines are: less is better."""
    return _broken(buffer, start, dialect), -_score(buffer, start, dialect)[0]


def _broken(buffer: Buffer, start: int, dialect: Dialect) -> int:
    places = [start, *(seek(buffer, b"\n", len(buffer) * part // 4) + 1 for part in (1, 2, 3))]
    return sum(
        line.is_broken for at in places if at for line in read_head(buffer, at, dialect, 100)
    )


def _without_quotes(buffer: Buffer, start: int, dialect: Dialect) -> Dialect:
    """Take quotes for plain text where, here and there in the file, that fits more lines."""
    bare = replace(dialect, quote="", escape="")
    if _broken(buffer, start, dialect) < 2:
        return dialect
    return dialect if _score(buffer, start, bare) < _score(buffer, start, dialect) else bare


def _guess_quote(head: bytes, mark: str) -> str:
    edge = re.escape(mark.encode())
    single = re.compile(rb"(?:^|%b|\n)'[^'\n]*'(?=%b|[\r\n]|$)" % (edge, edge))
    double = re.compile(rb'(?:^|%b|\n)[ ]?"' % edge)
    found = len(single.findall(head))
    return "'" if found > 1 and not double.search(head) else '"'


def _score(buffer: Buffer, start: int, dialect: Dialect) -> tuple[float, int]:
    """Share of lines with the usual number of fields, and that number; no preamble counts."""
    lines = [line for line in read_head(buffer, start, dialect) if not line.is_blank]
    widths = Counter(len(line.cells) for line in lines)
    if not widths or max(widths) == 1:
        return 0.0, 1
    width, times = max(
        ((width, times) for width, times in widths.items() if width > 1),
        key=lambda pair: (pair[1], pair[0]),
    )
    above = _above(lines, width)
    return round(times / (len(lines) - above) - 0.02 * min(above, 10), 2), width


def _above(lines: Sequence[Line], width: int) -> int:
    """Lines before the first of the usual width, where many of that width follow."""
    first = next(i for i, line in enumerate(lines) if len(line.cells) == width)
    usual = sum(len(line.cells) == width for line in lines)
    return first if first < _PREAMBLE and usual > first and usual > 2 else 0


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
    if not usual or (usual[-1] == 1 and is_fixed_width(["".join(row) for row in rows])):
        return None
    median = usual[len(usual) // 2]
    enough = max(min(2, median), math.ceil(0.5 * median))
    at = next(i for i, count in enumerate(filled) if count >= enough)
    at = _below_preamble(rows, filled, at)
    below = [row for row, count in zip(rows[at + 1 :], filled[at + 1 :], strict=True) if count]
    return at if _is_header(rows[at], below) else None


def _below_preamble(rows: Sequence[Sequence[str]], filled: Sequence[int], at: int) -> int:
    """Go on to a fuller row of names, past titles, comments and headings of groups."""
    widths = Counter(len(row) for row, count in zip(rows, filled, strict=True) if count)
    usual = max(widths, key=lambda width: (widths[width], width))
    best = at
    for i in range(at + 1, min(at + _PREAMBLE, len(rows))):
        if not filled[i]:
            continue
        if any(map(looks_like_data, rows[i])) or filled[i] > max(usual, filled[best]):
            break
        if _is_fuller(rows, filled, best, i, usual):
            best = i
    return best


def _is_fuller(
    rows: Sequence[Sequence[str]], filled: Sequence[int], best: int, i: int, usual: int
) -> bool:
    if len(rows[best]) != usual:
        short = len(rows[best]) + 1 == usual and best + 1 == i and not _names_data(rows, i)
        few = sum(len(row) == usual for row in rows) <= _FEW
        cut = few and len(rows[best]) > usual
        return len(rows[i]) == usual and not short and not cut
    gaps = filled[best] < len(rows[best]) and any(filled[i + 1 :])
    names = len({cell.strip() for cell in rows[i] if cell.strip()}) == filled[i]
    return gaps and names and len(rows[i]) == usual and filled[i] > filled[best]


def _names_data(rows: Sequence[Sequence[str]], at: int) -> bool:
    """Whether a row without numbers stands above columns of numbers or dates."""
    below = [row for row in rows[at + 1 :] if len(row) == len(rows[at])]
    columns = zip(*below, strict=True)
    return any(sum(map(looks_like_data, column)) > 0.8 * len(column) for column in columns)


def _is_header(row: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    others = [other for other in below if tuple(other) != tuple(row)]
    repeats, below = len(below) > len(others), others
    if _names_years(row, below):
        return True
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
    return not data and not repeats


def _names_years(row: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether the numbers of a row are years, each once, above columns of something else."""
    places = [i for i, cell in enumerate(row) if looks_like_data(cell)]
    years = {row[i].strip() for i in places if _YEAR.fullmatch(row[i].strip())}
    texts = [cell for cell in row if cell.strip() and not looks_like_data(cell)]
    if not years or len(years) < len(places) or not texts or len(below) < 2:
        return False
    values = [other[i].strip() for other in below for i in places if i < len(other)]
    alike = sum(bool(_YEAR.fullmatch(value)) for value in values)
    return bool(values) and alike * 5 <= len(values) and (len(years) > 1 or not alike)
