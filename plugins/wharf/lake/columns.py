"""Column types in the three spellings the lake needs, and which changes of them are safe."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import count

import pyarrow as pa
from pyiceberg import types as iceberg

from wharf.contracts.shapes import (
    List,
    Map,
    Primitive,
    Struct,
    Type,
    inner_paths,
    merged,
    parse_type,
)
from wharf.errors import LakeError, PublishRefused
from wharf.lake.batch import LakeColumn
from wharf.lake.names import column_name
from wharf.lake.nested import added_paths, fresh_ids, ids_by_path, restricted, to_iceberg

_DUCKDB = {
    "boolean": "BOOLEAN",
    "int": "INTEGER",
    "long": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "string": "VARCHAR",
    "date": "DATE",
    "time": "TIME",
    "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMP WITH TIME ZONE",
    "binary": "BLOB",
}
_ARROW = {
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "string": pa.string(),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", tz="UTC"),
    "binary": pa.binary(),
}


def known_type(text: str) -> Type:
    """The type that a type text stands for.

    Raises:
        LakeError: The lake keeps no such type.
    """
    try:
        return parse_type(text)
    except ValueError as error:
        raise LakeError(
            f"{text!r} is not a column type of the lake: {error}. "
            "Cast unsigned and nanosecond values first."
        ) from error


def iceberg_type(text: str, ids: tuple[int, ...] = ()) -> iceberg.IcebergType:
    """The pyiceberg type of a type text.

    Args:
        text: The type text.
        ids: The ids inside it, in the order of `inner_paths`; without them they are 0.

    Raises:
        LakeError: The lake keeps no such type.
    """
    type_ = known_type(text)
    return to_iceberg(type_, ids_by_path(type_, ids) if ids else {})


def duckdb_type(text: str) -> str:
    """The DuckDB spelling of a type text."""
    return _duckdb(known_type(text))


def _duckdb(type_: Type) -> str:
    match type_:
        case Struct(fields):
            inner = ('"{}" {}'.format(n.replace('"', '""'), _duckdb(t)) for n, t in fields)
            return f"STRUCT({', '.join(inner)})"
        case List(element):
            return f"{_duckdb(element)}[]"
        case Map(key, value):
            return f"MAP({_duckdb(key)}, {_duckdb(value)})"
    decimal = type_.decimal
    return f"DECIMAL({decimal[0]},{decimal[1]})" if decimal else _DUCKDB[type_.name]


def arrow_type(text: str, ids: tuple[int, ...] = ()) -> pa.DataType:
    """The Arrow type of a type text, with the field ids inside it where they are given."""
    type_ = known_type(text)
    return _arrow(type_, ids_by_path(type_, ids) if ids else {}, "")


def _arrow(type_: Type, ids: Mapping[str, int], at: str) -> pa.DataType:
    def inner(name: str, each: Type, *, nullable: bool = True) -> pa.Field:
        path = f"{at}.{name}" if at else name
        said = {"PARQUET:field_id": str(ids[path])} if path in ids else None
        return pa.field(name, _arrow(each, ids, path), nullable, said)

    match type_:
        case Struct(fields):
            return pa.struct([inner(name, each) for name, each in fields])
        case List(element):
            return pa.list_(inner("element", element))
        case Map(key, value):
            return pa.map_(inner("key", key, nullable=False), inner("value", value))
    decimal = type_.decimal
    return pa.decimal128(*decimal) if decimal else _ARROW[type_.name]


def text_of_arrow(given: pa.DataType) -> str | None:
    """The type text that holds exactly what an Arrow type holds; None when there is none."""
    found = type_of_arrow(given, _exact)
    return str(found) if found else None


def type_of_arrow(given: pa.DataType, simple: Callable[[pa.DataType], str | None]) -> Type | None:
    """The type of an Arrow type, whose simple values are typed by a function."""
    if pa.types.is_struct(given):
        fields = [(each.name, type_of_arrow(each.type, simple)) for each in given]
        struct = Struct(tuple((name, type_) for name, type_ in fields if type_))
        return struct if len(struct.fields) == len(fields) and _is_spelled(struct) else None
    if pa.types.is_map(given):
        key, value = (type_of_arrow(t, simple) for t in (given.key_type, given.item_type))
        return Map(key, value) if isinstance(key, Primitive) and value else None
    if pa.types.is_list(given) or pa.types.is_large_list(given):
        element = type_of_arrow(given.value_type, simple)
        return List(element) if element else None
    text = simple(given)
    return parse_type(text) if text else None


def _is_spelled(struct: Struct) -> bool:
    """Whether a type text can hold the names of a struct's fields."""
    try:
        return parse_type(str(struct)) == struct
    except ValueError:
        return False


def _exact(given: pa.DataType) -> str | None:
    if pa.types.is_decimal128(given):
        return f"decimal({given.precision}, {given.scale})" if given.scale >= 0 else None
    if pa.types.is_large_string(given) or pa.types.is_string_view(given):
        return "string"
    if pa.types.is_large_binary(given):
        return "binary"
    if pa.types.is_timestamp(given) and given.unit == "us" and given.tz:
        return "timestamptz"
    return next((text for text, arrow in _ARROW.items() if arrow.equals(given)), None)


def merged_type(standing: str, wanted: str) -> str | None:
    """The type that holds both without loss by a metadata change alone; None when there is none.

    Safe are int and long, float and double, decimals of one scale, and fields that a struct gains
    or leaves out.
    """
    found = merged(known_type(standing), known_type(wanted))
    if found is None:
        return None
    return standing if found == known_type(standing) else str(found)


def plan_columns(
    table: str,
    standing: Sequence[LakeColumn],
    wanted: Mapping[str, str],
    last_id: int,
    formerly: Mapping[str, Sequence[str]] | None = None,
) -> tuple[LakeColumn, ...]:
    """Give wanted columns the field ids and types that the table has, or will give them.

    Args:
        table: Its name, for messages.
        standing: The table's columns; none when it does not exist yet.
        wanted: Type text by column name, in file order.
        last_id: The highest field id the table ever gave.
        formerly: Names that a column had before, by its name now.

    Raises:
        PublishRefused: A type change that is not safe, or two names that differ in case only.
    """
    renamed = _renamed(standing, wanted, formerly or {})
    known = {renamed.get(each.name, each.name): each for each in standing}
    folded = {name.casefold(): name for name in known}
    ids = count(last_id + 1)
    # A new table numbers its columns before what is inside them; a new column is added whole.
    own_ids = {} if standing else {name: next(ids) for name in wanted}
    planned: list[LakeColumn] = []
    problems: list[str] = []
    for name, type_text in wanted.items():
        column_name(name)
        other = folded.setdefault(name.casefold(), name)
        if other != name:
            problems.append(f"column {name!r} differs from {other!r} in case only")
        elif name not in known:
            own = own_ids.get(name) or next(ids)
            planned.append(_new_column(name, type_text, own, partial(next, ids)))
        elif (column := _grown(known[name], name, type_text, partial(next, ids))) is not None:
            planned.append(column)
        else:
            problems.append(f"column {name!r} is {known[name].type}, not {type_text}")
    if problems:
        raise PublishRefused(
            f"{table}: {'; '.join(problems)}. Change the contract's type back, or give the column "
            "a new name: a table's column keeps its type, but for wider numbers and new fields."
        )
    return tuple(planned)


def _new_column(name: str, text: str, own: int, following: Callable[[], int]) -> LakeColumn:
    type_ = known_type(text)
    inner = dict(fresh_ids(type_, following))
    return LakeColumn(name, text, own, inner=tuple(inner[path] for path in inner_paths(type_)))


def _grown(
    column: LakeColumn, name: str, text: str, following: Callable[[], int]
) -> LakeColumn | None:
    """A column of the table as a batch with a type will have it; None where that is not safe."""
    standing, wanted = known_type(column.type), known_type(text)
    both = merged(standing, wanted)
    if both is None:
        return None
    inner = ids_by_path(standing, column.inner)
    for path, added in added_paths(standing, both):
        inner[path] = following()
        inner |= dict(fresh_ids(added, following, path))
    type_ = restricted(both, wanted)
    said = column.type if type_ == standing else str(type_)
    ids = tuple(inner[path] for path in inner_paths(type_))
    before = column.name if column.name != name else ""
    return LakeColumn(name, said, column.field_id, formerly=before, inner=ids)


def _renamed(
    standing: Sequence[LakeColumn],
    wanted: Mapping[str, str],
    formerly: Mapping[str, Sequence[str]],
) -> dict[str, str]:
    """The table's columns that get another name, by the name they have."""
    known = {column.name for column in standing}
    found: dict[str, str] = {}
    for name in wanted.keys() - known:
        old = next((each for each in formerly.get(name, ()) if each in known - wanted.keys()), None)
        if old is not None:
            found[old] = name
    return found
