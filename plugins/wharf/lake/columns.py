"""Column types in the three spellings the lake needs, and which changes of them are safe."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pyarrow as pa
from pyiceberg import types as iceberg

from wharf.errors import LakeError, PublishRefused
from wharf.lake.batch import LakeColumn
from wharf.lake.names import column_name

_DECIMAL = re.compile(r"^decimal\((\d{1,2}), ?(\d{1,2})\)\Z")
_ICEBERG: dict[str, iceberg.PrimitiveType] = {
    "boolean": iceberg.BooleanType(),
    "int": iceberg.IntegerType(),
    "long": iceberg.LongType(),
    "float": iceberg.FloatType(),
    "double": iceberg.DoubleType(),
    "string": iceberg.StringType(),
    "date": iceberg.DateType(),
    "time": iceberg.TimeType(),
    "timestamp": iceberg.TimestampType(),
    "timestamptz": iceberg.TimestamptzType(),
    "binary": iceberg.BinaryType(),
}
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
_WIDER = {("int", "long"), ("float", "double")}


def iceberg_type(text: str) -> iceberg.PrimitiveType:
    """The pyiceberg type of a type text.

    Raises:
        LakeError: The lake keeps no such type.
    """
    if match := _DECIMAL.match(text):
        return iceberg.DecimalType(int(match[1]), int(match[2]))
    if text not in _ICEBERG:
        raise LakeError(
            f"{text!r} is not a column type of the lake; use {', '.join(_ICEBERG)} "
            "or decimal(18, 2). Cast nested, unsigned and nanosecond values first."
        )
    return _ICEBERG[text]


def duckdb_type(text: str) -> str:
    """The DuckDB spelling of a type text."""
    if match := _DECIMAL.match(text):
        return f"DECIMAL({match[1]},{match[2]})"
    iceberg_type(text)
    return _DUCKDB[text]


def arrow_type(text: str) -> pa.DataType:
    """The Arrow type of a type text."""
    if match := _DECIMAL.match(text):
        return pa.decimal128(int(match[1]), int(match[2]))
    iceberg_type(text)
    return _ARROW[text]


def text_of_arrow(given: pa.DataType) -> str | None:
    """The type text that holds exactly what an Arrow type holds; None when there is none."""
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

    Safe are int and long, float and double, and decimals of one scale.
    """
    if iceberg_type(standing) == iceberg_type(wanted):
        return standing
    if (standing, wanted) in _WIDER:
        return wanted
    if (wanted, standing) in _WIDER:
        return standing
    left, right = _DECIMAL.match(standing), _DECIMAL.match(wanted)
    if left and right and int(left[2]) == int(right[2]):
        return wanted if int(right[1]) > int(left[1]) else standing
    return None


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
    planned: list[LakeColumn] = []
    problems: list[str] = []
    for name, type_text in wanted.items():
        column_name(name)
        other = folded.setdefault(name.casefold(), name)
        if other != name:
            problems.append(f"column {name!r} differs from {other!r} in case only")
        elif name in known:
            merged = merged_type(known[name].type, type_text)
            if merged is None:
                problems.append(f"column {name!r} is {known[name].type}, not {type_text}")
            before = known[name].name if known[name].name != name else ""
            planned.append(
                LakeColumn(name, merged or type_text, known[name].field_id, formerly=before)
            )
        else:
            last_id += 1
            iceberg_type(type_text)
            planned.append(LakeColumn(name, type_text, last_id))
    if problems:
        raise PublishRefused(
            f"{table}: {'; '.join(problems)}. Change the contract's type back, or give the column "
            "a new name: a table's column keeps its type, but for wider numbers."
        )
    return tuple(planned)


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
