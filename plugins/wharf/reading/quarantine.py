"""The quarantine file: every row that is not staged, with its place, its reason and its text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final, Self, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from wharf.reading.opened import Opened, Raw

SCHEMA: Final = pa.schema(
    [
        ("file", pa.string()),
        ("line", pa.int64()),
        ("byte", pa.int64()),
        ("column", pa.string()),
        ("reason", pa.string()),
        ("raw", pa.string()),
    ]
)
_SLICE: Final = 5_000
Item = TypeVar("Item")


@dataclass(frozen=True)
class BadRow:
    """A row with a cell that cannot be used."""

    row: int
    line: int
    column: str
    reason: str


class Quarantine:
    """Writes the quarantined rows of a delivery and counts them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reasons: Counter[str] = Counter()
        self._files: Counter[str] = Counter()

    def __enter__(self) -> Self:
        self._writer = pq.ParquetWriter(self._path, SCHEMA, compression="zstd")
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def add_rejects(self, file: Opened) -> None:
        """Add the rows of a file that have no cells."""
        for some in _slices(file.layout.rejects):
            raws = [file.reject(start, end) for _, start, end, _ in some]
            bad = [BadRow(0, line, "", reason) for line, _, _, reason in some]
            self._write(file.name, bad, raws)

    def add_rows(self, file: Opened, rows: Iterable[BadRow]) -> None:
        """Add rows of a file with a bad cell."""
        for some in _slices(rows):
            self._write(file.name, some, file.raw([each.row for each in some]))

    def rows_of(self, file: str) -> int:
        """How many rows of a file are here."""
        return self._files[file]

    def reasons(self) -> dict[str, int]:
        """Reason (with its column, where it has one) -> rows."""
        return dict(self._reasons.most_common())

    def _write(self, file: str, bad: Sequence[BadRow], raws: Sequence[Raw]) -> None:
        self._files[file] += len(bad)
        named = [f"{e.column}: {e.reason}" if e.column else e.reason for e in bad]
        self._reasons.update(named)
        columns: list[Sequence[object]] = [
            [file] * len(bad),
            [each.line for each in bad],
            [each.byte for each in raws],
            [each.column or None for each in bad],
            [each.reason for each in bad],
            [each.text for each in raws],
        ]
        arrays = [pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)]
        self._writer.write_table(pa.table(arrays, schema=SCHEMA))


def first_rows(file: IO[bytes], most: int) -> list[dict[str, Any]]:
    """The first rows of a quarantine file, with the columns of `SCHEMA`."""
    some = next(pq.ParquetFile(file).iter_batches(batch_size=most), None)
    return [] if some is None else list(some.to_pylist())


def _slices(items: Iterable[Item]) -> Iterator[list[Item]]:
    iterator = iter(items)
    while some := list(islice(iterator, _SLICE)):
        yield some
