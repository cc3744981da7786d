"""Rows that DuckDB reads as they are made, not from a table: any size in the same memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import pyarrow as pa

from wharf.reading.layout import Positions
from wharf.reading.refusals import Refused


class Chunk(Protocol):
    """Some rows of a file that follow one another, not made into cells yet."""

    @property
    def rows(self) -> int:
        """How many they are."""
        ...

    def line_numbers(self) -> Positions:
        """Physical line of each row, ascending."""
        ...


C = TypeVar("C", bound=Chunk)
Batches = Iterator[pa.RecordBatch]


@dataclass
class Stream(Generic[C]):
    """The rows of one file, chunk by chunk; each query over it makes them anew.

    Registered in DuckDB under a name, it is a relation with the columns of `schema`, in the order
    of the file.

    Attributes:
        schema: `_row`, `_line` and the cells.
        chunks: What the rows are made from.
        make: Makes one batch of each of some chunks, in their order.
        failure: Why a query over it ended early, when it did.
    """

    schema: pa.Schema
    chunks: Sequence[C]
    make: Callable[[Sequence[C]], Batches]
    failure: Refused | None = field(default=None, init=False)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """What DuckDB asks for, more than once in a query: nothing is made before it is read."""
        reader = pa.RecordBatchReader.from_batches(self.schema, self.batches())
        return reader.__arrow_c_stream__(requested_schema)

    def only(self, chunks: Sequence[C]) -> Stream[C]:
        """The same file, but just some of its chunks."""
        return Stream(self.schema, chunks, self.make)

    def batches(self) -> Batches:
        """All rows, one batch for each chunk."""
        try:
            yield from self.make(self.chunks)
        except Refused as error:
            self.failure = error
            raise
