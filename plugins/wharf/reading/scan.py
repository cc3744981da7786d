"""Where each record of a delimited text begins, and whether it has as many fields as the header.

Windows of plain lines are told at a glance (`plain.py`), other regular stretches in bulk; anything
else goes to `records.py` one record at a time. What comes out are spans that a CSV reader cannot
misread: of the file itself where it is regular, else of a copy with the broken rows left out and
the odd ones quoted anew.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from wharf.reading.ahead import ahead
from wharf.reading.layout import Layout, Positions
from wharf.reading.plain import BLANKS, FEED, RETURN, Bytes, Glance, glance, is_utf8
from wharf.reading.records import MAX_RECORD, Dialect, Record, count_lines, read_record
from wharf.reading.refusals import BAD_ENCODING, MALFORMED_QUOTE, TOO_FEW, TOO_LONG, TOO_MANY
from wharf.reading.seeking import give_back
from wharf.reading.spans import Span, Spans

WINDOW: Final = 2 << 20
_SMALL: Final = 1 << 16
"""Bytes between two odd places that are rather copied than parsed apart."""
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Scanned:
    """The records of a text, ready for the CSV reader."""

    path: Path
    copy: Path
    """Where the spans that are a copy lie."""
    spans: tuple[Span, ...]
    layout: Layout


@dataclass
class _Stretch:
    """Regular records of one window; positions count from the start of the file."""

    starts: Positions
    ends: Positions
    """Of the text, without the line end."""
    nexts: Positions
    fields: Positions
    spans: Positions
    """Physical lines of each record."""
    complete: bool
    """Whether the stretch reached the end of its window, not an odd place."""


@dataclass
class Scanner:
    """Goes through one delimited text from a position on.

    Attributes:
        text: The file, in UTF-8.
        dialect: Delimiter and quote.
        width: Fields of the header.
        at: Where the data begin.
        line: The physical line there, from 1.
        valid: Whether all bytes are known to be UTF-8.
        work: Folder for a copy.
    """

    text: mmap.mmap
    path: Path
    dialect: Dialect
    width: int
    at: int
    line: int
    valid: bool
    work: Path
    layout: Layout = field(default_factory=Layout)
    _suspect: bool = False
    _patience: int = 1

    def __post_init__(self) -> None:
        self._delimiter = ord(self.dialect.delimiter)
        self._quote = ord(self.dialect.quote) if self.dialect.quote else 256
        self._comment = self.dialect.comment.encode()
        self._opens, self._closes = np.zeros(256, np.bool_), np.zeros(256, np.bool_)
        if self.dialect.quote:
            self._opens[[self._delimiter, FEED, self._quote]] = True
            self._closes[[self._delimiter, FEED, RETURN, self._quote]] = True
        self._spans = Spans(self.dialect, self.work / "clean")

    def scan(self) -> Scanned:
        """Scan to the end of the file."""
        data = np.frombuffer(self.text, np.uint8)
        windows = self._windows()
        for (start, end), seen in zip(windows, ahead(self._glance, windows), strict=True):
            self._take_seen(self.at, seen if self.at == start else self._glance((self.at, end)))
            if self.at < end:
                self._closely(data, end)
            give_back(self.text, start, end)
        del data
        spans = self._spans.close()
        self.layout.lines, self.layout.rows = self.line - 1, self._spans.rows
        return Scanned(self.path, self._spans.target, spans, self.layout)

    def _windows(self) -> list[tuple[int, int]]:
        """The file in windows of some megabytes that end with a line, with a record if possible."""
        windows, at, size = [], self.at, len(self.text)
        while at < size:
            end = self._line_end(at, at + WINDOW) if at + WINDOW < size else size
            windows.append((at, end))
            at = end
        return windows

    def _line_end(self, at: int, until: int) -> int:
        """The end of a line before a position; hardly a line within a cell ends with a quote."""
        quote = self.dialect.quote.encode()
        for end in (quote + b"\n", quote + b"\r\n") if quote else ():
            found = self.text.rfind(end, max(at, until - _SMALL), until)
            if found >= 0:
                return found + len(end)
        found = self.text.rfind(b"\n", at, until)
        if found < 0:
            give_back(self.text, at, until)
        return found + 1 or until

    def _glance(self, window: tuple[int, int]) -> Glance | None:
        text = self.text[window[0] : window[1]]
        if self._marks_something(text):
            return None
        seen = glance(text, self.dialect, self.width)
        return seen if self.valid or is_utf8(text) else None

    def _take_seen(self, start: int, seen: Glance | None) -> None:
        """Pass on what a glance told; behind a broken quote, quotes need a close look."""
        if seen is None or (seen.has_quotes and self._suspect):
            return
        starts, lines = None, None
        if seen.starts is not None and seen.offsets is not None:
            starts, lines = seen.starts + start, seen.offsets + self.line
        self._spans.direct(start, start + seen.end, seen.rows, self.line, starts, lines)
        self.layout.continuation += seen.lines - seen.rows
        self.at, self.line = start + seen.end, self.line + seen.lines

    def _marks_something(self, text: bytes) -> bool:
        """Whether a text holds an escape or a comment line, which only a close look tells."""
        escape, comment = self.dialect.escape.encode(), self._comment
        if escape and escape in text:
            return True
        return bool(comment) and (text.startswith(comment) or b"\n" + comment in text)

    def _closely(self, data: Bytes, until: int) -> None:
        """Scan at least up to a position, with an eye on quotes and returns."""
        size, window = len(data), 0
        while self.at < until:
            limit = self._regular_until(min(size, max(until, self.at + window)))
            if limit <= self.at:
                self._one_by_one(1)
                continue
            found = self._look(data, limit)
            self._take(found)
            if not found.complete:
                self._one_by_one(self._patience)
                self._patience = min(self._patience * 2, 4096)
            elif len(found.starts):
                self._patience, window = 1, 0
            elif window >= size or window > 4 * WINDOW:
                self._one_by_one(1)
            else:
                window = max(window * 2, 2 * _SMALL)

    def _regular_until(self, limit: int) -> int:
        """After a broken quote, the next line with a quote is looked at alone."""
        if not self._suspect:
            return limit
        quote = self.text.find(self.dialect.quote.encode(), self.at, limit)
        return limit if quote < 0 else self.text.rfind(b"\n", self.at, quote) + 1

    def _look(self, data: Bytes, limit: int) -> _Stretch:
        """Find the records of a window up to the first odd place."""
        part = data[self.at : limit]
        feeds = part == FEED
        inside = self._inside(part)
        odd = self._first_odd(data, part, inside)
        if inside is None:
            ends = np.flatnonzero(feeds)
        else:
            ends = np.flatnonzero(feeds & ~inside)
        ends = ends[ends < odd]
        is_open = inside is not None and bool(inside[-1] ^ (part[-1] == self._quote))
        whole = limit == len(data) and odd == len(part)
        if whole and part[-1] != FEED and not is_open:
            ends = np.append(ends, len(part))
        starts = np.concatenate([np.zeros(1, np.int64), ends + 1])[: len(ends)]
        nexts = np.minimum(ends + 1, len(part))
        returns = (ends > starts) & (part[np.maximum(ends - 1, 0)] == RETURN)
        marks = part == self._delimiter
        if inside is not None:
            marks &= ~inside
        return _Stretch(
            starts + self.at,
            ends - returns + self.at,
            nexts + self.at,
            _fields(marks, starts, nexts, self.width),
            np.ones(len(ends), np.int64) if inside is None else _spans(feeds, starts, ends, nexts),
            odd == len(part) and (not whole or (bool(len(ends)) and int(nexts[-1]) == len(part))),
        )

    def _inside(self, part: Bytes) -> Mask | None:
        """Which bytes stand between quotes (an opening quote itself does not)."""
        if not self.dialect.quote:
            return None
        quotes = part == self._quote
        if not quotes.any():
            return None
        after = np.bitwise_xor.accumulate(quotes.view(np.uint8)).view(np.bool_)
        inside: Mask = np.logical_xor(after, quotes)
        return inside

    def _first_odd(self, data: Bytes, part: Bytes, inside: Mask | None) -> int:
        """Where quotes or carriage returns first stand as a strict reader does not expect them."""
        first = len(part)
        returns = np.flatnonzero(part == RETURN)
        if len(returns):
            lone = returns[_at(data, returns + self.at + 1) != FEED]
            first = int(lone[0]) if len(lone) else first
        if self.dialect.escape:
            escapes = np.flatnonzero(part[:first] == ord(self.dialect.escape))
            first = int(escapes[0]) if len(escapes) else first
        if inside is None:
            return first
        places = np.flatnonzero(part == self._quote)
        before = np.where(places == 0, np.uint8(FEED), _at(data, places + self.at - 1))
        after = _at(data, places + self.at + 1)
        regular = np.where(inside[places], self._closes[after], self._opens[before])
        odd = places[~regular]
        return min(first, int(odd[0])) if len(odd) else first

    def _take(self, found: _Stretch) -> None:
        """Account for the records of a stretch, and pass the good ones on."""
        if not len(found.starts):
            return
        lines = self.line + np.concatenate([np.zeros(1, np.int64), np.cumsum(found.spans)[:-1]])
        length = found.ends - found.starts
        good = (found.fields == self.width) & (length > 0) & (length <= MAX_RECORD)
        if not self.valid:
            good &= self._decodable(found)
        if self.width == 1:
            good &= self._written(found)
        if self._comment:
            good &= np.frombuffer(self.text, np.uint8)[found.starts] != ord(self._comment)
        for index in np.flatnonzero(~good):
            start, end, after = (
                int(each[index]) for each in (found.starts, found.ends, found.nexts)
            )
            spans, fields = int(found.spans[index]), int(found.fields[index])
            self._leave_out(int(lines[index]), start, end, after, spans, fields)
        self.layout.continuation += int((found.spans[good] - 1).sum())
        self._pass_on(found, lines, good)
        self.at, self.line = int(found.nexts[-1]), self.line + int(found.spans.sum())

    def _pass_on(self, found: _Stretch, lines: Positions, good: Mask) -> None:
        start, end, rows = int(found.starts[0]), int(found.nexts[-1]), len(found.starts)
        if bool(good.all()) and not (self._spans.is_copying and end - start < _SMALL):
            if int(found.spans.sum()) == rows:
                self._spans.direct(start, end, rows, self.line)
            else:
                self._spans.direct(start, end, rows, self.line, found.starts, lines)
            return
        edges = np.flatnonzero(np.diff(np.concatenate([[False], good, [False]]).astype(np.int8)))
        texts = (
            self.text[int(found.starts[first]) : int(found.nexts[last - 1])]
            for first, last in zip(edges[::2], edges[1::2], strict=True)
        )
        self._spans.copied(texts, found.starts[good], lines[good])

    def _written(self, found: _Stretch) -> Mask:
        """Which lines of a single column hold more than white space."""
        written = np.ones(len(found.starts), np.bool_)
        begun = np.frombuffer(self.text, np.uint8)[np.minimum(found.starts, len(self.text) - 1)]
        for index in np.flatnonzero(np.isin(begun, BLANKS)):
            text = self.text[int(found.starts[index]) : int(found.ends[index])]
            written[index] = bool(text.strip())
        return written

    def _decodable(self, found: _Stretch) -> Mask:
        start, end = int(found.starts[0]), int(found.ends[-1])
        if is_utf8(self.text[start:end]):
            return np.ones(len(found.starts), np.bool_)
        return np.array(
            [is_utf8(self.text[a:b]) for a, b in zip(found.starts, found.ends, strict=True)]
        )

    def _leave_out(
        self, line: int, start: int, end: int, after: int, spans: int, fields: int
    ) -> None:
        text = self.text[start : min(end, start + MAX_RECORD)]
        if (not text.strip() and fields == 1) or self._is_comment(text):
            self.layout.blank += 1
            self.layout.continuation += spans - 1
            return
        if end - start > MAX_RECORD:
            reason = TOO_LONG
        elif fields != self.width:
            reason = TOO_FEW if fields < self.width else TOO_MANY
        else:
            reason = BAD_ENCODING
        self.layout.rejects.add(line, start, after, reason)
        self.layout.continuation += spans - 1

    def _is_comment(self, text: bytes) -> bool:
        return bool(self._comment) and text.startswith(self._comment)

    def _one_by_one(self, count: int) -> None:
        for _ in range(count):
            if self.at >= len(self.text):
                return
            record = read_record(self.text, self.at, self.dialect)
            # A broken record ends with its first line, which may be very long.
            text = b"" if record.error else self.text[record.start : record.end]
            spans = 1 if record.error else count_lines(text)
            reason = self._judge(record, text)
            if (record.is_blank and len(record.fields) == 1) or self._is_comment(
                self.text[record.start : record.start + 1]
            ):
                self.layout.blank += 1
                self.layout.continuation += spans - 1
            elif reason:
                self.layout.rejects.add(self.line, record.start, record.end, reason)
                self.layout.continuation += spans - 1
            else:
                self._spans.rewritten(record, self.line)
                self.layout.continuation += spans - 1
            self.at, self.line = record.end, self.line + spans

    def _judge(self, record: Record, text: bytes) -> str:
        """Say why a record cannot be used; empty when it can."""
        if record.error:
            self._suspect = True
            return record.error
        quote = self.dialect.quote.encode()
        if self._suspect and quote in text and text.partition(b"\n")[0].count(quote) % 2:
            # The far end of the broken quote above, unless it is a sound record of its own.
            self._suspect = False
            if not record.quoted or len(record.fields) != self.width:
                return MALFORMED_QUOTE
        if len(record.fields) != self.width:
            return TOO_FEW if len(record.fields) < self.width else TOO_MANY
        return "" if self.valid or is_utf8(text) else BAD_ENCODING


def _at(data: Bytes, places: Positions) -> Bytes:
    """Bytes at positions; a line feed where the file has ended."""
    inside = data[np.minimum(places, len(data) - 1)]
    return np.where(places < len(data), inside, np.uint8(10)).astype(np.uint8)


def _fields(marks: Mask, starts: Positions, nexts: Positions, width: int) -> Positions:
    """How many fields each record has; cheap where all have as many as the header."""
    places = np.flatnonzero(marks[: int(nexts[-1]) if len(nexts) else 0])
    if width > 1 and len(places) == len(starts) * (width - 1):
        first, last = places[:: width - 1], places[width - 2 :: width - 1]
        if bool((first >= starts).all()) and bool((last < nexts).all()):
            return np.full(len(starts), width, np.int64)
    return _count(marks, starts, nexts) + 1


def _count(marks: Mask, starts: Positions, nexts: Positions) -> Positions:
    """How many marks stand in each record."""
    if not len(starts):
        return np.empty(0, np.int64)
    upto = marks[: int(nexts[-1])].view(np.uint8)
    counts: Positions = np.add.reduceat(upto, starts, dtype=np.int64)
    return counts


def _spans(feeds: Mask, starts: Positions, ends: Positions, nexts: Positions) -> Positions:
    """How many physical lines each record takes; the last of a file may end without a feed."""
    spans: Positions = _count(feeds, starts, nexts) + (ends == nexts)
    return spans
