"""Field ids inside nested columns of a Parquet file, held against those that were planned."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from wharf.lake.batch import LakeColumn
from wharf.lake.columns import known_type
from wharf.lake.nested import ids_by_path

_FIELD_ID = b"PARQUET:field_id"


def inner_problem(field: pa.Field, column: LakeColumn) -> str | None:
    """Say where the field ids inside a column are not those that were planned."""
    wanted = ids_by_path(known_type(column.type), column.inner) if column.inner else {}
    for path, found in _inner_ids(field.type, ""):
        if found != wanted.get(path):
            given = "no field id" if found is None else f"field id {found}"
            return f"has {given} at {path!r}, not {wanted.get(path)}"
    return None


def _inner_ids(type_: pa.DataType, at: str) -> Iterator[tuple[str, int | None]]:
    inside: list[tuple[str, pa.Field]] = []
    if pa.types.is_struct(type_):
        inside = [(field.name, field) for field in type_]
    elif pa.types.is_map(type_):
        inside = [("key", type_.key_field), ("value", type_.item_field)]
    elif pa.types.is_list(type_) or pa.types.is_large_list(type_):
        inside = [("element", type_.value_field)]
    for name, field in inside:
        path = f"{at}.{name}" if at else name
        said = (field.metadata or {}).get(_FIELD_ID)
        yield path, int(said) if said is not None else None
        yield from _inner_ids(field.type, path)
