"""What changed between two batches of a table: rows added, removed, and cells that differ."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wharf.contracts.feed import SYSTEM_COLUMNS
from wharf.errors import LakeError
from wharf.lake import Batch, Lake
from wharf.lake.scan import name as quoted
from wharf.reading.shapes import HIDDEN

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SYSTEM = frozenset({*SYSTEM_COLUMNS, "_manifest_id"})
MEMORY_LIMIT = "1GB"
SHOWN = 100


@dataclass(frozen=True)
class Changed:
    """A row that stands in both batches under one key, with other cells."""

    key: Mapping[str, Any]
    cells: Mapping[str, tuple[Any, ...]]
    """Column -> its value before and after."""


@dataclass(frozen=True)
class Changes:
    """One batch beside another."""

    was: str
    now: str
    key: tuple[str, ...]
    """What tells rows apart; empty where whole rows were compared."""
    rows_was: int
    rows_now: int
    added: int
    removed: int
    changed: int
    columns_added: tuple[str, ...] = ()
    columns_removed: tuple[str, ...] = ()
    by_column: Mapping[str, int] = field(default_factory=dict)
    """How many changed rows differ in each column."""
    rows_added: Sequence[Mapping[str, Any]] = ()
    """The first of them; `_line` says where the supplier wrote each."""
    rows_removed: Sequence[Mapping[str, Any]] = ()
    rows_changed: Sequence[Changed] = ()

    @property
    def is_empty(self) -> bool:
        """Whether readers of the two see the same rows."""
        return not (self.added or self.removed or self.changed)


def changes(
    lake: Lake,
    was: Batch,
    now: Batch,
    key: Sequence[str],
    *,
    sensitive: Collection[str] = (),
    shown: int = SHOWN,
) -> Changes:
    """Compare two batches of one table, row by row.

    Rows that are equal in every column are the same, as often as they stand in both. What is left
    is paired by the key where that names one row on each side; a key that is no longer a column,
    or no key at all, leaves rows added and removed.

    Args:
        lake: The lake.
        was: The earlier batch.
        now: The later one.
        key: The columns that tell rows apart.
        sensitive: Columns whose values are hidden; that they differ is not.
        shown: How many rows of each kind to give.

    Raises:
        LakeError: They cannot be compared.
    """
    import duckdb

    names_was, names_now = ([c.name for c in b.columns if c.name not in SYSTEM] for b in (was, now))
    both = [name for name in names_was if name in set(names_now)]
    if was.table != now.table or not both:
        raise LakeError(f"batches {was.batch_id} and {now.batch_id} have no column in common")
    own = tuple(key) if set(key) <= set(both) else ()
    connection = duckdb.connect(":memory:", config={"memory_limit": MEMORY_LIMIT})
    try:
        lake.prepare(connection)
        comparison = _Comparison(connection, both, own, shown, frozenset(sensitive))
        comparison.load(lake.scan_batches_sql([was]), lake.scan_batches_sql([now]))
        return Changes(
            was.batch_id, now.batch_id, own, was.rows, now.rows,
            columns_added=tuple(name for name in names_now if name not in set(both)),
            columns_removed=tuple(name for name in names_was if name not in set(both)),
            **comparison.found(),
        )  # fmt: skip
    except duckdb.Error as error:
        raise LakeError(f"{was.table}: the batches cannot be compared: {error}") from error
    finally:
        connection.close()


class _Comparison:
    """The rows in which two relations differ, as the tables `gone` and `new`."""

    def __init__(
        self,
        connection: DuckDBPyConnection,
        names: list[str],
        key: tuple[str, ...],
        shown: int,
        sensitive: frozenset[str],
    ) -> None:
        self._connection, self._names, self._key = connection, names, key
        self._shown, self._sensitive = shown, sensitive

    def load(self, was: str, now: str) -> None:
        listed = ", ".join(map(quoted, self._names))
        for table, one, other in (("gone", was, now), ("new", now, was)):
            self._connection.execute(
                f"CREATE TABLE {table} AS SELECT * FROM "
                f"(SELECT {listed} FROM {one} EXCEPT ALL SELECT {listed} FROM {other})"
            )
        self._connection.execute(f"CREATE TABLE pairs AS {self._paired()}")

    def found(self) -> dict[str, Any]:
        """What differs, as the fields of `Changes`."""
        gone, new, pairs = (self._count(each) for each in ("gone", "new", "pairs"))
        return {
            "added": new - pairs,
            "removed": gone - pairs,
            "changed": pairs,
            "by_column": self._by_column() if pairs else {},
            "rows_added": self._alone("new"),
            "rows_removed": self._alone("gone"),
            "rows_changed": tuple(self._changed()),
        }

    def _paired(self) -> str:
        if not self._key:
            return "SELECT 0 AS gone_id, 0 AS new_id LIMIT 0"
        key = ", ".join(map(quoted, self._key))
        once = f"(SELECT {key}, any_value(rowid) AS _place FROM {{}} GROUP BY {key} "
        once += "HAVING count(*) = 1)"
        alike = " AND ".join(
            f"g.{quoted(each)} IS NOT DISTINCT FROM n.{quoted(each)}" for each in self._key
        )
        return (
            f"SELECT g._place AS gone_id, n._place AS new_id FROM {once.format('gone')} g "
            f"JOIN {once.format('new')} n ON {alike}"
        )

    def _count(self, table: str) -> int:
        return int(self._connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])

    def _alone(self, table: str) -> tuple[dict[str, Any], ...]:
        found = self._connection.execute(
            f"SELECT {', '.join(map(quoted, self._names))} FROM {table} "
            f"WHERE rowid NOT IN (SELECT {table}_id FROM pairs) ORDER BY rowid LIMIT {self._shown}"
        )
        rows = (dict(zip(self._names, row, strict=True)) for row in found.fetchall())
        return tuple({n: self._shown_as(n, value) for n, value in row.items()} for row in rows)

    def _by_column(self) -> dict[str, int]:
        rest = [name for name in self._names if name not in self._key]
        if not rest:
            return {}
        counted = ", ".join(
            f"count(*) FILTER (g.{quoted(name)} IS DISTINCT FROM n.{quoted(name)})" for name in rest
        )
        [row] = self._connection.execute(f"SELECT {counted} FROM {_JOINED}").fetchall()
        found = {name: int(count) for name, count in zip(rest, row, strict=True) if count}
        return dict(sorted(found.items(), key=lambda each: (-each[1], each[0])))

    def _changed(self) -> Iterator[Changed]:
        listed = ", ".join(f"{side}.{quoted(name)}" for side in "gn" for name in self._names)
        found = self._connection.execute(
            f"SELECT {listed} FROM {_JOINED} ORDER BY p.gone_id LIMIT {self._shown}"
        )
        width = len(self._names)
        for row in found.fetchall():
            before = dict(zip(self._names, row[:width], strict=True))
            after = dict(zip(self._names, row[width:], strict=True))
            yield Changed(
                {name: self._shown_as(name, before[name]) for name in self._key},
                {
                    name: tuple(self._shown_as(name, row[name]) for row in (before, after))
                    for name in self._names
                    if name not in self._key and not _same(before[name], after[name])
                },
            )

    def _shown_as(self, name: str, value: Any) -> Any:
        return HIDDEN if name in self._sensitive and value is not None else value


_JOINED = "pairs p JOIN gone g ON g.rowid = p.gone_id JOIN new n ON n.rowid = p.new_id"


def _same(left: Any, right: Any) -> bool:
    """Equal, a number that is none included."""
    return bool(left == right or (left != left and right != right))
