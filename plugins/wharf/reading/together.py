"""Members of one archive that nobody described: read as one table where they are written alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import duckdb

from wharf.reading.opened import Opened
from wharf.reading.refusals import Refused, listed

_ALIKE: Final = {
    "kind": "kinds", "columns": "headers", "delimiter": "delimiters", "encoding": "encodings",
    "quote": "quotes", "escape": "escapes", "comment": "comment marks", "records": "keys",
}  # fmt: skip


def refuse_unlike(name: str, opened: Sequence[Opened]) -> None:
    """Check that the members of an archive can be read by one contract.

    Raises:
        Refused: They differ; the members are named.
    """
    first = opened[0]
    for other in opened[1:]:
        what = _difference(first, other)
        if what:
            members = listed([each.name.removeprefix(f"{name}!") for each in opened])
            reason = f"it is an archive of {len(opened)} files of different {what}: {members}"
            raise Refused(name, "several_files", reason)


def as_one(connection: duckdb.DuckDBPyConnection, opened: Sequence[Opened]) -> Opened:
    """Members that are written alike as one relation, to look at all of their values."""
    first = opened[0]
    if len(opened) == 1:
        return first
    cells = ", ".join(["_row", "_line", *(f"c{index}" for index in first.types)])
    every = " UNION ALL ".join(f"SELECT {cells} FROM {each.relation}" for each in opened)
    connection.execute(f"CREATE VIEW members AS {every}")
    rows = sum(each.layout.rows for each in opened)
    whole = {
        index: sum(each.nested_values.get(index, 0) for each in opened) for index in first.nested
    }
    return replace(
        first, relation="members", layout=replace(first.layout, rows=rows), nested_values=whole
    )


def _difference(first: Opened, other: Opened) -> str:
    for field, what in _ALIKE.items():
        if getattr(first.sniffed, field) != getattr(other.sniffed, field):
            return what
    if first.mapped.cells != other.mapped.cells:
        return "headers"
    if first.types != other.types or first.nested != other.nested:
        return "types"
    return ""
