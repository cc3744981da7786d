"""The good rows of a delivery in files near a size that readers like, in the order of the rows."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from wharf.reading.field_ids import FieldIds, field_ids_sql
from wharf.reading.opened import Opened, text
from wharf.reading.refusals import shown
from wharf.reading.stream import Batches
from wharf.reading.table_sql import TableSql
from wharf.reading.wide import write_wide

FILE_SIZE: Final = 256 << 20
"""Bytes of a data file: readers open few files, and the memory to write one stays small."""
_SAY_EVERY: Final = 10.0
"""Seconds between two lines about rows so far."""
_log = logging.getLogger(__name__)


def parts_of(good: Path) -> list[Path]:
    """The files in which the good rows stand, in their order."""
    found = [good]
    while (following := _part(good, len(found))).exists():
        found.append(following)
    return found


def _part(good: Path, number: int) -> Path:
    return good.with_name(f"{good.stem}-{number}{good.suffix}") if number else good


class Parts:
    """Writes the rows of a delivery's files, and begins a new Parquet file when one is full."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        good: Path,
        field_ids: Mapping[str, FieldIds],
        size: int,
        *,
        wide: bool,
    ) -> None:
        self.paths: list[Path] = []
        self._connection, self._good, self._size = connection, good, size
        self._ids, self._is_wide = field_ids, wide

    def write(self, tables: Sequence[TableSql]) -> int:
        """Write the good rows of all files.

        Returns:
            How many they were.
        """
        if sum(each.file.size for each in tables) <= self._size:
            # Parquet is about as large as the compressed text, so this fits one file.
            return self._copy(" UNION ALL ".join(f"({each.passing()})" for each in tables))
        return sum(self._write_large(each) for each in tables)

    def _write_large(self, table: TableSql) -> int:
        stream = table.file.stream
        if stream is None:
            return sum(map(self._copy, self._slices(table)))
        rest, rows, more = stream.batches(), 0, True
        relation, said = f"{table.file.relation}_part", _Said(table.file)
        while more:
            self._connection.register(relation, _OnePart(stream.schema, rest, self._is_full, said))
            rows += self._copy(table.passing(relation))
            self._connection.unregister(relation)
            following = next(rest, None)
            more = following is not None
            rest = chain([following], rest) if more else rest
        return rows

    def _slices(self, table: TableSql) -> Iterator[str]:
        file = table.file
        step = -(-file.layout.rows // -(-file.size // self._size))
        for first in range(0, file.layout.rows, step):
            within = f"_row >= {first} AND _row < {first + step}"
            yield table.passing(f"(SELECT * FROM {file.relation} WHERE {within})")

    def _is_full(self) -> bool:
        path = self.paths[-1]
        return path.exists() and path.stat().st_size >= self._size

    def _copy(self, sql: str) -> int:
        path = _part(self._good, len(self.paths))
        self.paths.append(path)
        if self._is_wide:
            return write_wide(self._connection, sql, path, self._ids)
        [(rows,)] = self._connection.execute(
            f"COPY ({sql}) TO {text(str(path))} ({_options(self._ids)})"
        ).fetchall()
        return int(rows)


def _options(field_ids: Mapping[str, FieldIds]) -> str:
    # Level 1 takes half the time of the default, 3, and makes files of the same size: +-2 %.
    options = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"
    return f"{options}, FIELD_IDS {field_ids_sql(field_ids)}" if field_ids else options


@dataclass(frozen=True)
class _OnePart:
    """What is left of a stream, until the file that it is written to is full."""

    schema: pa.Schema
    rest: Iterator[pa.RecordBatch]
    is_full: Callable[[], bool]
    said: _Said

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        reader = pa.RecordBatchReader.from_batches(self.schema, self._batches())
        return reader.__arrow_c_stream__(requested_schema)

    def _batches(self) -> Batches:
        for batch in self.rest:
            self.said.add(batch.num_rows)
            yield batch
            if self.is_full():
                return


class _Said:
    """Says from time to time how far a large file was read."""

    def __init__(self, file: Opened) -> None:
        self._file, self._rows, self._next = file, 0, time.monotonic() + _SAY_EVERY

    def add(self, rows: int) -> None:
        self._rows += rows
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _SAY_EVERY
            name, total = shown(self._file.name), self._file.layout.rows
            _log.info("%s: %s of %s rows read", name, f"{self._rows:,}", f"{total:,}")
