"""What a lake must be after any course of events: periods, batches, columns and anchors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import duckdb
from lake_world import TABLE

from wharf.lake import Batch, Lake

POINTS = (
    "pyiceberg.manifest.ManifestWriter.to_manifest_file",
    "wharf.lake.catalog.LakeCatalog._write_metadata",
    "pyiceberg.catalog.sql.SqlCatalog.commit_table",
    "wharf.lake.publisher.Publisher._hint",
)
"""Where a publish dies, before or after."""
Row = Mapping[str, Any]


class Killed(BaseException):
    """The process ends here: no code of ours may catch it."""


@dataclass(frozen=True)
class Known:
    """A column: what it is for ever, what it is called, and its type."""

    mark: str
    name: str
    type: str


FIRST = (Known("account", "account", "string"), Known("amount", "amount", "decimal(10, 2)"))


@dataclass(frozen=True)
class Held:
    """A batch, its rows by the marks of its columns, and what it does to the table's columns."""

    batch: Batch
    rows: tuple[Row, ...]
    columns: tuple[Known, ...]
    on: tuple[Known, ...]
    """The table's columns when it was staged."""


@dataclass
class Model:
    """Periods to batches to rows, and the columns by which they are read."""

    columns: tuple[Known, ...] = FIRST
    held: dict[str, Held] = field(default_factory=dict)
    pointer: dict[str, str] = field(default_factory=dict)
    anchors: dict[str, list[Row]] = field(default_factory=dict)

    def copy(self) -> Model:
        return Model(self.columns, dict(self.held), dict(self.pointer), dict(self.anchors))

    def publish(self, held: Held) -> None:
        """Point its period at a batch; its columns become the table's where they are new."""
        self.pointer[held.batch.period] = held.batch.batch_id
        known = {each.mark: each for each in self.columns}
        was = {each.mark: each.name for each in held.on}
        for column in held.columns:
            stands = known.get(column.mark)
            if stands is None:
                known[column.mark] = column
            else:
                is_renamed = was.get(column.mark) == stands.name
                name = column.name if is_renamed else stands.name
                known[column.mark] = replace(stands, name=name, type=max(stands.type, column.type))
        self.columns = tuple(known.values())

    def rows(self) -> list[Row]:
        """What readers of the table see, by the names of today."""
        held = (self.held[batch_id] for batch_id in self.pointer.values())
        return ordered(
            {column.name: row.get(column.mark) for column in self.columns}
            | {"_period": each.batch.period}
            for each in held
            for row in each.rows
        )

    def rows_of(self, held: Held) -> list[Row]:
        """What readers of one batch see: its own columns, by the names of today where it has any"""
        names = {each.mark: each.name for each in self.columns}
        return ordered(
            {names.get(c.mark, c.name): row.get(c.mark) for c in held.columns}
            | {"_period": held.batch.period}
            for row in held.rows
        )


def ordered(rows: Iterator[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: str(sorted(row.items(), key=str)))


def read(lake: Lake, relation: str) -> list[Row]:
    """Rows of a relation, as the model says them."""
    with duckdb.connect() as connection:
        lake.prepare(connection)
        found = connection.execute(f"SELECT * FROM {relation}")
        names = [each[0] for each in found.description or ()]
        return ordered(dict(zip(names, row, strict=True)) for row in found.fetchall())


def seen_by_iceberg(lake: Lake) -> list[Row]:
    """Rows that pyiceberg alone reads."""
    table = lake._catalog.load_table(TABLE)
    return ordered(iter(table.scan().to_arrow().to_pylist()))


def row_of(columns: tuple[Known, ...], tag: str, number: int) -> Row:
    """A row that tells its batch, its place in it, and its column."""
    return {
        each.mark: Decimal(number) if each.mark == "amount" else f"{tag} {each.mark} {number}"
        for each in columns
    }


@contextmanager
def killed_at(point: str, when: str, call: int) -> Iterator[None]:
    """Let a function die before or after its n-th call."""
    owner_name, _, name = point.rpartition(".")
    module, _, class_name = owner_name.rpartition(".")
    owner = getattr(__import__(module, fromlist=["_"]), class_name)
    standing = vars(owner)[name]
    is_static = isinstance(standing, staticmethod)
    original = standing.__func__ if is_static else standing
    calls = 0

    def dying(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        mine = calls == call
        if mine and when == "before":
            raise Killed(point)
        given = original(*args, **kwargs)
        if mine:
            raise Killed(point)
        return given

    with patch.object(owner, name, staticmethod(dying) if is_static else dying):
        yield
