"""Iceberg field ids as DuckDB writes them into Parquet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import pyarrow as pa

from wharf.reading.opened import identifier

FieldIds: TypeAlias = "int | Mapping[str, FieldIds]"
"""A field id; for a nested column a mapping, in which `""` is the column's own."""
_FIELD_ID = "PARQUET:field_id"
_OWN = "__duckdb_field_id"


def field_ids_sql(ids: FieldIds) -> str:
    """Field ids as the option FIELD_IDS takes them."""
    if isinstance(ids, int):
        return str(ids)
    listed = (f"{identifier(n) if n else _OWN}: {field_ids_sql(i)}" for n, i in ids.items())
    return f"{{{', '.join(listed)}}}"


def with_ids(field: pa.Field, ids: FieldIds) -> pa.Field:
    """An Arrow field with its field ids, those inside it too, and no other metadata."""
    own, inside = (ids, {}) if isinstance(ids, int) else (ids[""], ids)
    type_ = field.type
    if pa.types.is_struct(type_):
        type_ = pa.struct([with_ids(each, inside[each.name]) for each in type_])
    elif pa.types.is_map(type_):
        key, value = type_.key_field.with_name("key"), type_.item_field.with_name("value")
        type_ = pa.map_(with_ids(key, inside["key"]), with_ids(value, inside["value"]))
    elif pa.types.is_list(type_):
        element = type_.value_field.with_name("element")
        type_ = pa.list_(with_ids(element, inside["element"]))
    return pa.field(field.name, type_, field.nullable, {_FIELD_ID: str(own)})
