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
from wharf.reading.json_rows import Rows, Window, line_windows
from wharf.reading.layout import Positions
from wharf.reading.opened import text

_SCHEMA: Final = pa.schema([("_row", pa.int64()), ("_line", pa.int64()), ("text", pa.string())])


@dataclass(frozen=True)
class Stream:
    """Rows as Arrow batches; DuckDB asks for a new stream at each scan."""

    rows: Rows
    lines: Positions
    """The line of each row in the delivered file, from 1."""

    def __arrow_c_schema__(self) -> object:
        return _SCHEMA.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        reader = pa.RecordBatchReader.from_batches(_SCHEMA, self._batches())
        return reader.__arrow_c_stream__(requested_schema)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        done = 0
        for window in line_windows(self.rows.path, self.rows.begins):
            upto = int(np.searchsorted(self.rows.lines, window.first + len(window)))
            if upto > done:
                yield self._batch(window, done, upto)
            done = upto

    def _batch(self, window: Window, first: int, upto: int) -> pa.RecordBatch:
        kept = self.rows.lines[first:upto] - window.first
        texts = window.texts()
        if len(kept) != len(window):
            texts = texts.take(pa.array(kept))
        begin, end = (int(each) for each in np.searchsorted(self._anew, [first, upto]))
        if end > begin:
            mask = np.zeros(upto - first, np.bool_)
            mask[self._anew[begin:end] - first] = True
            texts = pc.replace_with_mask(texts, pa.array(mask), self._written(begin, end))
        return pa.record_batch(
            [pa.array(np.arange(first, upto)), pa.array(self.lines[first:upto]), texts],
            schema=_SCHEMA,
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
    source = f"{relation}_lines"
    connection.register(source, Stream(rows, lines))
    wanted = {rows.field(names[index]): structure(shapes[index]) for index in used}
    fields = ", ".join(
        f"struct_extract(j, {text(rows.field(names[index]))}) AS c{index}" for index in used
    )
    connection.execute(
        f"CREATE {'TABLE' if kept else 'VIEW'} {relation} AS SELECT _row, _line, {fields} FROM "
        f"(SELECT _row, _line, from_json(text, {text(json.dumps(wanted))}) AS j FROM {source})"
    )
    return Cells(
        {index: duckdb_text(shape) for index, shape in shapes.items()},
        {index: shape for index, shape in shapes.items() if not isinstance(shape, Primitive)},
    )
