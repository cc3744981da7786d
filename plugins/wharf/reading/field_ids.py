"""Iceberg field ids as DuckDB writes them into Parquet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from wharf.reading.opened import identifier

FieldIds: TypeAlias = "int | Mapping[str, FieldIds]"
"""A field id; for a nested column a mapping, in which `""` is the column's own."""
_OWN = "__duckdb_field_id"


def field_ids_sql(ids: FieldIds) -> str:
    """Field ids as the option FIELD_IDS takes them."""
    if isinstance(ids, int):
        return str(ids)
    listed = (f"{identifier(n) if n else _OWN}: {field_ids_sql(i)}" for n, i in ids.items())
    return f"{{{', '.join(listed)}}}"
