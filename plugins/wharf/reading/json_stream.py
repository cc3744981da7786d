"""The good rows of a JSON text as a DuckDB relation, read anew at each scan, never held whole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wharf.contracts.shapes import Primitive, Type
from wharf.reading.json_patterns import duckdb_text, structure
from wharf.reading.json_rows import Kept, Rows, Window, split_lines
from wharf.reading.layout import Positions
from wharf.reading.opened import STREAM, text
from wharf.reading.stream import Stream

_SCHEMA: Final = pa.schema([("_row", pa.int64()), ("_line", pa.int64()), ("text", pa.string())])


@dataclass(frozen=True)
class Piece:
    """The rows of some lines of the file that lie behind each other."""

    kept: Kept
    first: int
    """The number of its first row."""
    lines: Positions

    @property
    def rows(self) -> int:
        """How many they are."""
        return len(self.lines)

    def line_numbers(self) -> Positions:
        """Physical line of each row."""
        return self.lines


def _pieces(rows: Rows, lines: Positions) -> list[Piece]:
    pieces, first = [], 0
    for kept in rows.kept:
        if kept.rows:
            pieces.append(Piece(kept, first, lines[first : first + kept.rows]))
        first += kept.rows
    return pieces


@dataclass(frozen=True)
class _Reader:
    """Makes Arrow batches of rows, with those in their place that were written anew."""

    rows: Rows

    def batches(self, pieces: Sequence[Piece]) -> Iterator[pa.RecordBatch]:
        with self.rows.path.open("rb") as handle:
            for piece in pieces:
                handle.seek(piece.kept.at)
                window = split_lines(handle.read(piece.kept.size), piece.kept.at, piece.kept.first)
                yield self._batch(window, piece)

    def _batch(self, window: Window, piece: Piece) -> pa.RecordBatch:
        texts = window.texts()
        first, upto = piece.first, piece.first + piece.rows
        if piece.rows != len(window):
            texts = texts.take(pa.array(self.rows.lines[first:upto] - window.first))
        begin, end = (int(each) for each in np.searchsorted(self._anew, [first, upto]))
        if end > begin:
            mask = np.zeros(piece.rows, np.bool_)
            mask[self._anew[begin:end] - first] = True
            texts = pc.replace_with_mask(texts, pa.array(mask), self._written(begin, end))
        return pa.record_batch(
            [pa.array(np.arange(first, upto)), pa.array(piece.lines), texts], schema=_SCHEMA
        )

    @cached_property
    def _anew(self) -> Positions:
        return np.asarray(self.rows.anew.rows, np.int64)

    def _written(self, begin: int, end: int) -> pa.StringArray:
        ends = self.rows.anew.ends
        with self.rows.anew.path.open("rb") as handle:
            handle.seek(ends[begin])
            content = handle.read(ends[end] - ends[begin])
        offsets = np.asarray(ends[begin : end + 1], np.int64) - ends[begin]
        return pa.StringArray.from_buffers(
            end - begin, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(content)
        )


@dataclass(frozen=True)
class Cells:
    """The relation that was made: the type of each cell, and the shape of nested ones."""

    types: Mapping[int, str]
    nested: Mapping[int, Type]
    unfold: str
    """SQL of the cells over `STREAM`, which stands for what the stream gives."""
    stream: Stream[Piece] | None


def create_relation(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    rows: Rows,
    lines: Positions,
    used: Sequence[int],
    *,
    kept: bool,
) -> Cells:
    """Make the relation of a file's cells: `_row`, `_line` and `c0`, `c1`, ... for its keys.

    Args:
        connection: Where.
        relation: Its name.
        rows: What was found.
        lines: The line of each row in the delivered file, from 1.
        used: Which keys, by their number.
        kept: Whether to keep the cells in a table, for many scans.
    """
    names = list(rows.keys)
    shapes = {index: rows.shape_of(names[index]) for index in used}
    source, stream = (
        f"{relation}_lines",
        Stream(_SCHEMA, _pieces(rows, lines), _Reader(rows).batches),
    )
    connection.register(source, stream)
    wanted = {rows.field(names[index]): structure(shapes[index]) for index in used}
    fields = ", ".join(
        f"struct_extract(j, {text(rows.field(names[index]))}) AS c{index}" for index in used
    )
    unfold = (
        f"SELECT _row, _line, {fields} FROM "
        f"(SELECT _row, _line, from_json(text, {text(json.dumps(wanted))}) AS j FROM {STREAM})"
    )
    made = f"CREATE {'TABLE' if kept else 'VIEW'} {relation} AS {unfold.replace(STREAM, source)}"
    connection.execute(made)
    return Cells(
        {index: duckdb_text(shape) for index, shape in shapes.items()},
        {index: shape for index, shape in shapes.items() if not isinstance(shape, Primitive)},
        "" if kept else unfold,
        None if kept else stream,
    )
