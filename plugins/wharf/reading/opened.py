"""A file whose cells stand in DuckDB, ready to be cast: the same shape for every format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import duckdb

from wharf.contracts import Column
from wharf.contracts.feed import SchemaPolicy
from wharf.contracts.formats import FileFormat
from wharf.contracts.shapes import Type
from wharf.reading.findings import Finding
from wharf.reading.header import Mapped
from wharf.reading.layout import Layout
from wharf.reading.stream import Stream

STREAM: Final = "{the stream}"
"""Stands in SQL for the name of a stream."""


@dataclass(frozen=True)
class SourceFile:
    """One file of a delivery."""

    path: Path
    """The local copy."""
    name: str
    """As the supplier calls it; stands in `_file` and in messages."""
    part: str = ""


@dataclass(frozen=True)
class Sniffed:
    """What a file turned out to be."""

    kind: str
    compression: str = ""
    encoding: str | None = None
    bom: bool = False
    """Whether a byte-order mark stands in front of a text."""
    delimiter: str | None = None
    header_line: int | None = None
    """Physical line (or sheet row) of the header, from 1; None where there is none."""
    columns: tuple[str, ...] = ()
    """Header cells as they stand in the file."""
    quote: str | None = None
    escape: str = ""
    comment: str = ""
    sheet: str | None = None
    records: str | None = None
    """Path of the list of objects in a JSON document; empty for the whole."""
    spans: tuple[tuple[int, int], ...] = ()
    """First and last character of each cell, from 1, in text of fixed width."""

    def describe(self) -> dict[str, Any]:
        """What it is as a JSON object, without what does not apply to its kind."""
        said = {key: value for key, value in asdict(self).items() if value not in (None, "", False)}
        return {**said, "columns": list(self.columns)}


@dataclass(frozen=True)
class Wanted:
    """What the contract says; without columns, whatever the file holds is taken as text."""

    format: FileFormat | None
    columns: Mapping[str, Column] | None
    policy: SchemaPolicy


@dataclass(frozen=True)
class Raw:
    """Where a row stands in its file, and its text there."""

    byte: int | None
    text: str


@dataclass(frozen=True)
class Opened:
    """One file, read and counted, nothing cast.

    The relation has the columns `_row` (from 0), `_line` (from 1) and `c0`, `c1`, ... for the cells
    of the header.
    """

    name: str
    sniffed: Sniffed
    relation: str
    types: Mapping[int, str]
    """DuckDB type of each cell that the relation has; VARCHAR for text."""
    mapped: Mapped
    layout: Layout
    raw: Callable[[Sequence[int]], list[Raw]]
    """The raw texts of rows, by their `_row`."""
    reject: Callable[[int, int], Raw]
    """The raw text between two positions of `layout.rejects`."""
    findings: tuple[Finding, ...] = ()
    stream: Stream[Any] | None = None
    """What the relation reads, unless it is a table: rows can then be had in part."""
    size: int = 0
    """Bytes as it was delivered."""
    nested: Mapping[int, Type] = field(default_factory=dict)
    """Shapes of cells that are structs, lists or maps; their ends are DuckDB types."""
    nested_values: Mapping[int, int] = field(default_factory=dict)
    """How many values of a cell are lists or objects that stand there as JSON."""
    unfold: str = ""
    """SQL that makes cells of the texts of `STREAM`; empty where the stream gives cells."""

    def cells_of(self, relation: str) -> str:
        """The relation with the cells of what the file, or a part of its stream, gives."""
        if not self.unfold or relation == self.relation:
            return relation
        return f"({self.unfold.replace(STREAM, relation)})"


def text(value: str) -> str:
    """Write a text as an SQL literal; the parser takes no zero byte as it is."""
    quoted = ["'" + part.replace("'", "''") + "'" for part in value.split("\0")]
    return quoted[0] if len(quoted) == 1 else f"({' || chr(0) || '.join(quoted)})"


def identifier(name: str) -> str:
    """Write a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def count_rows(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    """Count a relation's rows."""
    return int(connection.execute(f"SELECT count(*) FROM {relation}").fetchall()[0][0])
