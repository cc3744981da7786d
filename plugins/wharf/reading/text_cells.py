"""The cells of a scanned text: spans of it parsed as they are asked for, and its raw texts."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Final

import numpy as np
import pyarrow as pa
from pyarrow import csv

from wharf.reading.ahead import ahead
from wharf.reading.encoding import Text
from wharf.reading.layout import Positions
from wharf.reading.opened import Raw
from wharf.reading.plain import FEED
from wharf.reading.records import Dialect, read_record
from wharf.reading.refusals import Refused
from wharf.reading.scan import Scanned
from wharf.reading.spans import Span
from wharf.reading.stream import Stream

RAW_LIMIT: Final = 1 << 16
"""Bytes of a raw text that are kept; the file itself stays whole in the landing area."""
_LONGEST: Final = 16 << 20
"""More bytes than a record and what is looked at around it."""


@dataclass(frozen=True)
class TextCells:
    """Parses spans, strictly: a count that differs from the scan's ends the reading."""

    name: str
    scanned: Scanned
    dialect: Dialect
    width: int
    used: Sequence[int]
    """Cells of the header that are looked at."""

    def stream(self) -> Stream[Span]:
        """All cells as a relation."""
        cells = [(f"c{i}", pa.string()) for i in self.used]
        schema = pa.schema([("_row", pa.int64()), ("_line", pa.int64()), *cells])
        return Stream(schema, self.scanned.spans, self._make)

    def _make(self, spans: Sequence[Span]) -> Iterator[pa.RecordBatch]:
        with _Bytes(self.scanned) as source:
            yield from ahead(lambda span: self._parse(source.of(span), span), spans)

    def _parse(self, text: bytes, span: Span) -> pa.RecordBatch:
        try:
            table = csv.read_csv(pa.py_buffer(text), **self._options(len(text), span.has_breaks))
        except pa.ArrowInvalid as error:
            raise self._disagrees(span, str(error)) from error
        if table.num_rows != span.rows:
            raise self._disagrees(span, f"{table.num_rows} rows there")
        rows = np.arange(span.first, span.first + span.rows, dtype=np.int64)
        cells = [column.combine_chunks() for column in table.columns]
        return pa.RecordBatch.from_arrays(
            [pa.array(rows), pa.array(span.line_numbers()), *cells], names=self._names
        )

    def _options(self, size: int, has_breaks: bool) -> dict[str, Any]:
        return {
            "read_options": csv.ReadOptions(
                column_names=self._all, use_threads=False, block_size=size + 1
            ),
            "parse_options": csv.ParseOptions(
                delimiter=self.dialect.delimiter,
                quote_char=self.dialect.quote or False,
                newlines_in_values=has_breaks,
                ignore_empty_lines=self.width > 1,
            ),
            "convert_options": self._conversion,
        }

    @cached_property
    def _all(self) -> list[str]:
        return [f"c{i}" for i in range(self.width)]

    @cached_property
    def _names(self) -> list[str]:
        return ["_row", "_line", *(f"c{i}" for i in self.used)]

    @cached_property
    def _conversion(self) -> csv.ConvertOptions:
        return csv.ConvertOptions(
            column_types=dict.fromkeys(self._all, pa.string()),
            include_columns=self._names[2:],
            strings_can_be_null=False,
            quoted_strings_can_be_null=False,
        )

    def _disagrees(self, span: Span, found: str) -> Refused:
        reason = f"the CSV reader disagrees with the scan at line {span.line}: {found}"
        return Refused(self.name, "counts", reason)


class _Bytes:
    """The bytes of spans, read without mapping the files: mapped pages count as memory."""

    def __init__(self, scanned: Scanned) -> None:
        self._files = [os.open(scanned.path, os.O_RDONLY)]
        if any(each.is_copy for each in scanned.spans):
            self._files.append(os.open(scanned.copy, os.O_RDONLY))

    def __enter__(self) -> _Bytes:
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._files:
            os.close(each)

    def of(self, span: Span) -> bytes:
        return os.pread(self._files[span.is_copy], span.end - span.start, span.start)


class RawText:
    """Raw texts of records, from the file as it was delivered."""

    def __init__(self, source: Text, dialect: Dialect, scanned: Scanned) -> None:
        self._source, self._dialect, self._scanned = source, dialect, scanned
        self._firsts = [each.first for each in scanned.spans]
        self._starts_of = lru_cache(maxsize=4)(self._starts)

    def rows(self, rows: Sequence[int]) -> list[Raw]:
        """Raw texts of records by their number."""
        return list(map(self._row, rows))

    def between(self, start: int, end: int) -> Raw:
        """Raw text between two positions."""
        text = self._read(start, min(end - start, RAW_LIMIT)).rstrip(b"\r\n")
        return Raw(start if self._source.exact else None, text.decode("utf-8", "replace"))

    def _row(self, row: int) -> Raw:
        place = bisect_right(self._firsts, row) - 1
        start = int(self._starts_of(place)[row - self._firsts[place]])
        record = read_record(self._read(start, _LONGEST), 0, self._dialect)
        return self.between(start, start + record.end)

    def _starts(self, place: int) -> Positions:
        """Where the records of a span begin in the file."""
        span = self._scanned.spans[place]
        if span.starts is not None:
            return span.starts
        text = np.frombuffer(self._read(span.start, span.end - span.start), np.uint8)
        ends = np.flatnonzero(text == FEED)[: span.rows - 1]
        starts: Positions = np.concatenate([[0], ends + 1]) + span.start
        return starts

    def _read(self, start: int, size: int) -> bytes:
        with self._source.path.open("rb", buffering=0) as handle:
            return os.pread(handle.fileno(), size, start)
