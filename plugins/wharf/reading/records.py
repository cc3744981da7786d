"""One record of delimited text at a time: exact and unhurried, for headers and for odd places.

`scan.py` reads the regular rest fast and comes here for whatever it does not recognise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from wharf.reading.refusals import MALFORMED_QUOTE, TOO_LONG, UNTERMINATED_QUOTE
from wharf.reading.seeking import Buffer, seek

MAX_RECORD = 8 << 20
"""Longest record in bytes; longer ones are quarantined, cut."""


@dataclass(frozen=True)
class Dialect:
    """How delimited text marks its fields."""

    delimiter: str = ","
    quote: str = '"'
    escape: str = ""
    """What takes its meaning from a delimiter, a quote or a line end behind it; or nothing."""
    comment: str = ""
    """What a line that is no row begins with; or nothing."""

    @cached_property
    def patterns(self) -> tuple[re.Pattern[bytes], re.Pattern[bytes] | None, re.Pattern[bytes]]:
        """Patterns of an unquoted field, of a quoted one, and of a quoted one's inside."""
        mark = re.escape(self.delimiter.encode())
        blank = b"[ ]*" if self.delimiter == "\t" else b"[ \t]*"
        escape = re.escape(self.escape.encode())
        unquoted = re.compile(rb"[^%b\r\n]*" % mark)
        if escape:
            unquoted = re.compile(
                rb"(?>[^%b%b\r\n]+|%b(?:\r\n|(?s:.))|%b)*+" % (escape, mark, escape, escape)
            )
        if not self.quote:
            return unquoted, None, unquoted
        quote = re.escape(self.quote.encode())
        inside = rb"%b((?>[^%b]+|%b%b)*+)%b" % (quote, quote, quote, quote, quote)
        if escape:
            inside = rb"%b((?>[^%b%b]+|%b(?s:.)|%b%b)*+)%b" % (
                quote, quote, escape, escape, quote, quote, quote
            )  # fmt: skip
        quoted = re.compile(rb"%b%b%b(?=%b|\r|\n|\Z)" % (blank, inside, blank, mark))
        return unquoted, quoted, re.compile(inside)


@dataclass(frozen=True)
class Record:
    """One record: its fields, or why it has none."""

    start: int
    end: int
    """First byte after its line end."""
    fields: tuple[bytes, ...] = ()
    error: str = ""
    quoted: bool = False

    @property
    def is_blank(self) -> bool:
        """Whether nothing but white space stands in its line."""
        return not self.error and not self.quoted and not b"".join(self.fields).strip()


def read_record(buffer: Buffer, start: int, dialect: Dialect) -> Record:
    """Read the record that begins at a position.

    A record that cannot be read ends with its first physical line, so that an open quote never
    takes the lines after it along.
    """
    limit = min(len(buffer), start + MAX_RECORD)
    mark, quote = dialect.delimiter.encode(), dialect.quote.encode()
    end = _line_end(buffer, start)
    if end <= limit and not dialect.escape:
        line = buffer[start:end]
        if not quote or quote not in line:
            return Record(start, end, tuple(line.rstrip(b"\r\n").split(mark)))
    unquoted, quoted, _ = dialect.patterns
    plain = _unescape(dialect)
    fields: list[bytes] = []
    at, any_quoted = start, False
    while True:
        match = quoted.match(buffer, at, limit) if quoted else None
        if match:
            any_quoted = True
            fields.append(plain(match[1].replace(quote + quote, quote)))
        elif quote and buffer[at : at + 1] == quote:
            return _broken(buffer, start, at, limit, dialect)
        else:
            match = unquoted.match(buffer, at, limit)
            assert match is not None  # it matches the empty text
            fields.append(plain(match[0]))
        at = match.end()
        if buffer[at : at + 1] == mark:
            at += 1
            continue
        if at == limit < len(buffer):
            return Record(start, _line_end(buffer, start), error=TOO_LONG)
        return Record(start, _line_end(buffer, at), tuple(fields), quoted=any_quoted)


def _unescape(dialect: Dialect) -> Callable[[bytes], bytes]:
    if not dialect.escape:
        return bytes
    escaped = re.compile(re.escape(dialect.escape.encode()) + rb"(\W)")
    return lambda field: escaped.sub(rb"\1", field)


def _broken(buffer: Buffer, start: int, at: int, limit: int, dialect: Dialect) -> Record:
    closes = dialect.patterns[2].match(buffer, at, limit)
    if closes:
        error = MALFORMED_QUOTE
    else:
        error = UNTERMINATED_QUOTE if limit == len(buffer) else TOO_LONG
    return Record(start, _line_end(buffer, start), error=error)


def _line_end(buffer: Buffer, at: int) -> int:
    """Where the next line begins: after a line feed, a return, or both."""
    feed = seek(buffer, b"\n", at)
    back = seek(buffer, b"\r", at, feed if feed >= 0 else len(buffer))
    if back >= 0 and back + 1 != feed:
        return back + 1
    return feed + 1 or len(buffer)


def count_breaks(text: bytes) -> int:
    """Count line ends: feeds, returns, and both together as one."""
    return text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n")


MAX_CELL = 1000


def count_lines(text: bytes) -> int:
    """Count the lines of a record; the last of a file may have no line end."""
    return count_breaks(text) + (not text.endswith((b"\n", b"\r")))


@dataclass(frozen=True)
class Line:
    """One record of the head of a file, as text."""

    number: int
    """Physical line on which it begins, from 1."""
    cells: tuple[str, ...]
    end: int
    ends_on: int
    """Physical line on which the next record begins."""
    is_blank: bool = False
    is_broken: bool = False


def read_head(buffer: Buffer, start: int, dialect: Dialect, limit: int = 200) -> list[Line]:
    """Read the first records of a file; one that cannot be read counts as a single cell."""
    return list(_head(buffer, start, dialect, limit))


def _head(buffer: Buffer, start: int, dialect: Dialect, limit: int) -> Iterator[Line]:
    at, number = start, 1
    for _ in range(limit):
        if at >= len(buffer):
            return
        record = read_record(buffer, at, dialect)
        cells = tuple(field.decode("utf-8", "replace") for field in record.fields)
        if record.error:
            shown = buffer[at : min(record.end, at + MAX_CELL)]
            cells = (shown.decode("utf-8", "replace").rstrip(),)
        after = number + (1 if record.error else count_lines(buffer[at : record.end]))
        yield Line(number, cells, record.end, after, record.is_blank, bool(record.error))
        at, number = record.end, after
