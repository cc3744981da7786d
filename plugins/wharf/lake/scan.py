"""SQL that reads exact files with DuckDB, columns matched by field id.

No copy and no catalog extension: a column renamed, added, dropped or widened since a file was
written reads right, where a plain `read_parquet` fails or takes columns by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wharf.lake.batch import LakeColumn
from wharf.lake.columns import duckdb_type, merged_type
from wharf.lake.storage import local_path


def text(value: str) -> str:
    """A value as an SQL text literal."""
    return "'" + value.replace("'", "''") + "'"


def name(value: str) -> str:
    """A value as a quoted SQL name."""
    return '"' + value.replace('"', '""') + '"'


def relation(uris: Sequence[str], columns: Sequence[LakeColumn]) -> str:
    """A DuckDB relation over files; without files an empty one with the same columns."""
    if not uris:
        nothing = ", ".join(
            f"CAST(NULL AS {duckdb_type(c.type)}) AS {name(c.name)}" for c in columns
        )
        return f"(SELECT {nothing} LIMIT 0)"
    files = ", ".join(text(local_path(uri)) for uri in uris)
    fields = ", ".join(
        f"{c.field_id}: {{name: {text(c.name)}, type: {text(duckdb_type(c.type))}, "
        "default_value: NULL}"
        for c in columns
    )
    return f"read_parquet([{files}], schema=MAP {{{fields}}}, hive_partitioning=false)"


def united_columns(schemas: Sequence[Sequence[LakeColumn]]) -> tuple[LakeColumn, ...]:
    """Columns of several batches of one table, each with its widest type.

    The first schema gives the order; a later type wins where it is wider.
    """
    united: dict[int, LakeColumn] = {}
    for columns in schemas:
        for column in columns:
            standing = united.setdefault(column.field_id, column)
            wider = merged_type(standing.type, column.type) or standing.type
            united[column.field_id] = LakeColumn(standing.name, wider, column.field_id)
    return tuple(united.values())


def register_s3(connection: Any, filesystem: Any) -> None:
    """Let a DuckDB connection read `s3://` files through pyarrow's file system."""
    from fsspec.implementations.arrow import ArrowFSWrapper

    connection.register_filesystem(ArrowFSWrapper(filesystem))
