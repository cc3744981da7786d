"""Looking through a quarantine file: its rows by filter and page, and counts by reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from wharf.reading.opened import identifier, text
from wharf.reading.refusals import UNNAMED_VALUE
from wharf.reading.shapes import Shape, masked

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

AT_ONCE = 5_000
_SHOWN = '"file", "line", "byte", coalesce("column", \'\'), "reason", coalesce("raw", \'\')'


@dataclass(frozen=True)
class Held:
    """One row in quarantine."""

    file: str
    line: int
    byte: int | None
    column: str
    reason: str
    raw: str | None
    """Its text as the supplier wrote it; None where that may not be shown."""

    def describe(self) -> Mapping[str, Any]:
        """The row as a JSON object."""
        return asdict(self)


@dataclass(frozen=True)
class Filter:
    """Which rows are wanted; an empty text is the same as any."""

    reason: str = ""
    column: str = ""
    file: str = ""

    @property
    def clause(self) -> tuple[str, list[str]]:
        """An SQL condition and its values."""
        given = [(name, value) for name, value in asdict(self).items() if value]
        named = " AND ".join(f"{identifier(name)} = ?" for name, _ in given)
        return f" WHERE {named}" if given else "", [value for _, value in given]


def _shown(row: Held, shape: Shape | None, sensitive: frozenset[str]) -> str | None:
    """A row's text for everybody; a value where no column is may have moved the others."""
    if sensitive and row.reason == UNNAMED_VALUE:
        return None
    return masked(shape, row.raw or "", sensitive)


class Quarantined:
    """The rows of one quarantine file.

    Args:
        connection: A DuckDB that can read the file.
        path: The file.
        shapes: How the files of the delivery are written, by name.
        sensitive: Columns whose values nobody is shown; without any, rows are shown as they are.
    """

    def __init__(
        self,
        connection: DuckDBPyConnection,
        path: str,
        shapes: Mapping[str, Shape],
        sensitive: frozenset[str] = frozenset(),
    ) -> None:
        self._connection, self._shapes, self._sensitive = connection, shapes, sensitive
        self._relation = (
            f"read_parquet({text(path)}, hive_partitioning=false, file_row_number=true)"
        )

    def count(self, wanted: Filter | None = None) -> int:
        """How many rows there are."""
        where, values = (wanted or Filter()).clause
        found = self._connection.execute(f"SELECT count(*) FROM {self._relation}{where}", values)
        return int(found.fetchall()[0][0])

    def tally(self, by: str) -> list[tuple[str, int]]:
        """Rows by `reason`, `column` or `file`, the most frequent first."""
        found = self._connection.execute(
            f"SELECT coalesce({identifier(by)}, ''), count(*) AS n FROM {self._relation} "
            "GROUP BY ALL ORDER BY n DESC, 1"
        )
        return [(str(value), int(count)) for value, count in found.fetchall()]

    def rows(
        self, wanted: Filter | None = None, *, start: int = 0, most: int | None = None
    ) -> Iterator[Held]:
        """Rows by file and line, sensitive values hidden."""
        for each in self.plain(wanted, start=start, most=most):
            shape = self._shapes.get(each.file)
            yield replace(each, raw=_shown(each, shape, self._sensitive))

    def plain(
        self, wanted: Filter | None = None, *, start: int = 0, most: int | None = None
    ) -> Iterator[Held]:
        """The same with every value; for who may see the supplier's files."""
        where, values = (wanted or Filter()).clause
        limit = "" if most is None else f" LIMIT {int(most)}"
        found = self._connection.execute(
            f"SELECT {_SHOWN} FROM {self._relation}{where} "
            f"ORDER BY file, line, file_row_number{limit} OFFSET {int(start)}",
            values,
        )
        while some := found.fetchmany(AT_ONCE):
            yield from (Held(*each) for each in some)
