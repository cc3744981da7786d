"""What the CSV reader gets, piece by piece: stretches of the file itself, and of a clean copy."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

import numpy as np

from wharf.reading.layout import Positions
from wharf.reading.records import Dialect, Record

LONGEST: Final = 4 << 20
"""Bytes of the copy that make one span; a longer one would take more memory to parse."""


@dataclass(frozen=True)
class Span:
    """Records that the CSV reader reads at once."""

    start: int
    end: int
    """Bytes of the file, or of the copy."""
    first: int
    """Number of the first record in its file, from 0."""
    rows: int
    line: int
    """Physical line of the first record, from 1."""
    is_copy: bool = False
    starts: Positions | None = None
    """Where each record begins in the file; None where each is one line of this span."""
    lines: Positions | None = None
    """Physical line of each record; None where each is one line of this span."""

    def line_numbers(self) -> Positions:
        """Physical line of each record."""
        if self.lines is not None:
            return self.lines
        return np.arange(self.line, self.line + self.rows, dtype=np.int64)

    @property
    def has_breaks(self) -> bool:
        """Whether cells may hold line breaks."""
        return self.lines is not None


@dataclass
class _Tail:
    """The end of the copy, until it makes a span."""

    at: int = 0
    end: int = 0
    starts: array[int] = field(default_factory=lambda: array("q"))
    lines: array[int] = field(default_factory=lambda: array("q"))


class Spans:
    """Collects spans; the copy begins with the first record that cannot be read as it stands."""

    def __init__(self, dialect: Dialect, target: Path) -> None:
        self.target, self.rows = target, 0
        self._dialect = dialect
        self._found: list[Span] = []
        self._out: IO[bytes] | None = None
        self._tail = _Tail()

    @property
    def is_copying(self) -> bool:
        """Whether the records before this one stand in the copy."""
        return bool(self._tail.starts)

    def direct(
        self,
        start: int,
        end: int,
        rows: int,
        line: int,
        starts: Positions | None = None,
        lines: Positions | None = None,
    ) -> None:
        """Take records as they stand in the file."""
        self._end_tail()
        self._found.append(Span(start, end, self.rows, rows, line, False, starts, lines))
        self.rows += rows

    def copied(self, texts: Iterable[bytes], starts: Positions, lines: Positions) -> None:
        """Take records that stand among others that are left out; their own texts are sound."""
        for text in texts:
            self._write(text if text.endswith(b"\n") else text + b"\n")
        self._tail.starts.frombytes(starts.astype(np.int64).tobytes())
        self._tail.lines.frombytes(lines.astype(np.int64).tobytes())
        self._end_tail(LONGEST)

    def rewritten(self, record: Record, line: int) -> None:
        """Take one record that the CSV reader might misread, with every field quoted."""
        quote = self._dialect.quote.encode()
        fields = record.fields
        if quote:
            fields = tuple(quote + each.replace(quote, quote * 2) + quote for each in fields)
        self._write(self._dialect.delimiter.encode().join(fields) + b"\n")
        self._tail.starts.append(record.start)
        self._tail.lines.append(line)
        self._end_tail(LONGEST)

    def close(self) -> tuple[Span, ...]:
        """All spans, in the order of the file."""
        self._end_tail()
        if self._out is not None:
            self._out.close()
        return tuple(self._found)

    def _write(self, text: bytes) -> None:
        if self._out is None:
            self._out = self.target.open("wb")
        self._tail.end += self._out.write(text)

    def _end_tail(self, least: int = 0) -> None:
        tail = self._tail
        if not tail.starts or tail.end - tail.at < least:
            return
        starts, lines = (np.frombuffer(each, np.int64) for each in (tail.starts, tail.lines))
        rows, line = len(starts), int(lines[0])
        self._found.append(Span(tail.at, tail.end, self.rows, rows, line, True, starts, lines))
        self.rows += rows
        self._tail = _Tail(tail.end, tail.end)
