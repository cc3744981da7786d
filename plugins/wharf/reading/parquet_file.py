"""Parquet: cells keep their types; casts to the contract's types must lose nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from duckdb.sqltypes import DuckDBPyType

from wharf.contracts import Column
from wharf.contracts.shapes import List, Map, Primitive, Struct, Type, parse_type
from wharf.contracts.shapes import is_nested as is_nested_text
from wharf.errors import disk_is_full
from wharf.reading.apart import SHIELD, Shield
from wharf.reading.findings import Finding
from wharf.reading.header import as_found, map_header
from wharf.reading.layout import Layout
from wharf.reading.nested import shape_problem
from wharf.reading.opened import Opened, Raw, Sniffed, Wanted, count_rows, identifier, text
from wharf.reading.refusals import Refused, listed


def open_parquet(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    path: Path,
    name: str,
    wanted: Wanted,
) -> Opened:
    """Look at a Parquet file through a DuckDB view.

    Raises:
        Refused: It is damaged, holds nested columns that the contract does not describe, or
            cannot be read as the contract says.
    """
    rows, names, is_nested = SHIELD.call(name, _survives, path, name)
    findings: list[Finding] = []
    if wanted.columns is None:
        mapped = as_found(name, names, findings)
    else:
        mapped = map_header(name, names, wanted.columns, wanted.policy)
    if wanted.columns is not None:
        _refuse_undescribed(name, mapped.cells, names, is_nested, wanted.columns)
    if blank := [i + 1 for i in mapped.cells.values() if not names[i]]:
        raise Refused(name, "unnamed_column", f"column {blank[0]} has no name")
    used = sorted({*mapped.cells.values(), *mapped.unnamed}) or [0]
    cells = ", ".join(f"{identifier(names[i])} AS c{i}" for i in used)
    source = f"read_parquet({text(str(path))}, file_row_number=true, hive_partitioning=false)"
    try:
        connection.execute(
            f"CREATE VIEW {relation} AS SELECT file_row_number AS _row, "
            f"file_row_number + 1 AS _line, {cells} FROM {source}"
        )
        described = connection.execute(f"DESCRIBE {relation}").fetchall()
        seen = count_rows(
            connection, f"(SELECT {', '.join(f'c{i}' for i in used)} FROM {relation})"
        )
    except duckdb.Error as error:
        if disk_is_full(error):
            raise
        raise Refused(name, "damaged", f"the Parquet data cannot be read: {error}") from error
    types = {i: str(described[2 + place][1]) for place, i in enumerate(used)}
    found = connection.table(relation).types
    nested = {i: shape_of(found[2 + at]) for at, i in enumerate(used) if i in is_nested}
    if wanted.columns is not None:
        _refuse_other_shapes(name, mapped.cells, nested, wanted.columns)
    layout = Layout(lines=rows, counted=seen, rows=rows)
    reader = _RawRows(connection, relation)
    return Opened(
        name, Sniffed("parquet", columns=names), relation, types, mapped, layout,
        reader.rows, reader.between, (*findings, *mapped.findings), nested=nested,
    )  # fmt: skip


def _refuse_undescribed(
    name: str,
    cells: Mapping[str, int],
    names: Sequence[str],
    nested: set[int],
    columns: Mapping[str, Column],
) -> None:
    """Refuse nested columns for which the contract has no nested type."""
    deep = [
        names[i]
        for column, i in cells.items()
        if i in nested and not (column in columns and is_nested_text(columns[column].type))
    ]
    if deep:
        raise Refused(name, "nested", f"columns hold nested values: {listed(deep)}")


def _refuse_other_shapes(
    name: str,
    cells: Mapping[str, int],
    nested: Mapping[int, Type],
    columns: Mapping[str, Column],
) -> None:
    """Refuse columns whose nesting is another than the contract's."""
    for column, i in cells.items():
        if column in columns and is_nested_text(columns[column].type):
            shape = nested.get(i, Primitive("VARCHAR"))
            if problem := shape_problem(shape, parse_type(columns[column].type), column):
                raise Refused(name, "nested", problem)


def shape_of(type_: DuckDBPyType) -> Type:
    """The shape of a DuckDB type."""
    if type_.id not in {"struct", "list", "array", "map"}:
        return Primitive(str(type_))
    inner = [
        (name, shape_of(each)) for name, each in type_.children if isinstance(each, DuckDBPyType)
    ]  # an array's size is among them
    if type_.id == "struct":
        return Struct(tuple(inner))
    if type_.id == "map":
        return Map(Primitive(str(inner[0][1])), inner[1][1])
    return List(inner[0][1])


def _survives(path: Path, name: str) -> tuple[int, tuple[str, ...], set[int]]:
    """The schema, once both libraries have gone through the file and are still there.

    Raises:
        Refused: It is damaged.
    """
    found = _schema(path, name)
    if not Shield.inside or not found[1]:
        return found
    source = f"read_parquet({text(str(path))}, hive_partitioning=false)"
    with duckdb.connect() as connection:
        try:
            connection.execute(f"SELECT count(COLUMNS(*)) FROM {source}").fetchall()
        except duckdb.Error as error:
            if disk_is_full(error):
                raise
            raise Refused(name, "damaged", f"the Parquet data cannot be read: {error}") from error
    return found


def _schema(path: Path, name: str) -> tuple[int, tuple[str, ...], set[int]]:
    """Rows and columns by the footer, and which columns are nested."""
    try:
        footer = pq.ParquetFile(path)
        with footer:
            schema, rows = footer.schema_arrow, footer.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        with path.open("rb") as handle:
            handle.seek(max(0, path.stat().st_size - 4))
            ended = handle.read() in {b"PAR1", b"PARE"}
        kind, reason = ("damaged", str(error)) if ended else ("truncated", "its footer is missing")
        raise Refused(name, kind, f"the Parquet file is {kind}: {reason}") from error
    nested = {i for i, field in enumerate(schema) if pa.types.is_nested(field.type)}
    return rows, tuple(schema.names), nested


@contextmanager
def damage_named(files: Sequence[Opened]) -> Iterator[None]:
    """Turn what only shows while Parquet pages are read into a refusal.

    Raises:
        Refused: The database could not read on.
    """
    try:
        yield
    except duckdb.Error as error:
        if disk_is_full(error):
            raise
        names = [each.name for each in files if each.sniffed.kind == "parquet"]
        if not names or isinstance(error, duckdb.OutOfMemoryException):
            raise
        reason = f"the Parquet data cannot be read: {str(error).partition(chr(10))[0]}"
        raise Refused(names[0], "damaged", reason) from error


class _RawRows:
    """Shows rows of a relation as JSON objects, where there is no text to show."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, relation: str) -> None:
        self._connection, self._relation = connection, relation

    def rows(self, rows: Sequence[int]) -> list[Raw]:
        """Rows by their number, in that order."""
        self._connection.register("wharf_wanted", pa.table({"_row": pa.array(rows, pa.int64())}))
        found = self._connection.execute(
            f"SELECT r._row, to_json(r)::VARCHAR FROM {self._relation} r "
            "SEMI JOIN wharf_wanted w ON r._row = w._row"
        ).fetchall()
        self._connection.unregister("wharf_wanted")
        texts = dict(found)
        return [Raw(None, texts[row]) for row in rows]

    def between(self, start: int, end: int) -> Raw:
        """Nothing here has positions."""
        raise NotImplementedError
