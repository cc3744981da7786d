"""Data frames as Arrow tables and back, without silent loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from wharf.errors import LakeError
from wharf.lake import arrow_type, text_of_arrow, type_of_arrow

_SMALL = {"int8": "int", "int16": "int", "uint8": "int", "uint16": "int", "uint32": "long"}
_NUMBERS = ("int", "long", "float", "double")


def arrow_of_frame(frame: Any) -> pa.Table:
    """An Arrow table of a pandas or polars data frame, an Arrow table or a reader.

    Raises:
        LakeError: It is something else, a column mixes kinds, or a named index would be lost.
    """
    module = type(frame).__module__.partition(".")[0]
    if isinstance(frame, pa.Table):
        return frame
    if isinstance(frame, pa.RecordBatchReader):
        return frame.read_all()
    if module == "polars" and hasattr(frame, "to_arrow"):
        return frame.to_arrow()
    if module == "pandas" and hasattr(frame, "columns"):
        if any(name is not None for name in frame.index.names):
            raise LakeError(
                "the frame's index has a name; call reset_index() to keep it, or drop it"
            )
        try:
            return pa.Table.from_pandas(frame, preserve_index=False)
        except pa.ArrowException as error:
            raise LakeError(f"a column mixes kinds of values: {error}") from error
    raise LakeError(f"{type(frame).__name__} is no data frame; give pandas, polars or Arrow")


def column_types(rows: pa.Table, standing: Mapping[str, str]) -> dict[str, str]:
    """The lake's type for each column: the table's where the values fit it without loss.

    Raises:
        LakeError: A column is of a kind that the lake does not keep.
    """
    return {
        name: _type_of(name, rows.column(name), standing.get(name)) for name in rows.column_names
    }


def frame_of_arrow(rows: pa.Table, kind: str) -> Any:
    """A data frame of an Arrow table.

    Raises:
        LakeError: The kind is none of pandas, polars, arrow and duckdb.
    """
    if kind == "arrow":
        return rows
    if kind == "polars":
        import polars

        return polars.from_arrow(rows)
    if kind == "pandas":
        import pandas

        nullable = {
            pa.int32(): pandas.Int32Dtype(),
            pa.int64(): pandas.Int64Dtype(),
            pa.bool_(): pandas.BooleanDtype(),
        }
        return rows.to_pandas(types_mapper=nullable.get)
    raise LakeError(f"{kind!r} is no kind of data frame; use pandas, polars, arrow or duckdb")


def _type_of(name: str, values: pa.ChunkedArray, standing: str | None) -> str:
    given = values.type
    if pa.types.is_dictionary(given):
        given = given.value_type
    if standing and (pa.types.is_null(given) or _fits(values, given, standing)):
        return standing
    text = _text(given)
    if text is None:
        raise LakeError(
            f"column {name!r} is {given}, which the lake does not keep; "
            "cast it, or what is inside it, to a number, text, date, time or timestamp"
        )
    return text


def _text(given: pa.DataType) -> str | None:
    found = type_of_arrow(given, _simple)
    return str(found) if found else None


def _simple(given: pa.DataType) -> str | None:
    if pa.types.is_null(given):
        return "string"
    if str(given) in _SMALL:
        return _SMALL[str(given)]
    if pa.types.is_uint64(given):
        return "decimal(20, 0)"
    if pa.types.is_float16(given):
        return "float"
    if pa.types.is_timestamp(given):
        return "timestamptz" if given.tz else "timestamp"
    if pa.types.is_date(given):
        return "date"
    if pa.types.is_time(given):
        return "time"
    return text_of_arrow(given)


def _fits(values: pa.ChunkedArray, given: pa.DataType, standing: str) -> bool:
    """Whether numbers fit the table's number type, value by value."""
    exact = pa.types.is_integer(given) or pa.types.is_decimal(given)
    numeric = standing in _NUMBERS or standing.startswith("decimal")
    if not (exact and numeric):
        return False
    try:
        values.cast(arrow_type(standing))
    except pa.ArrowException:
        return False
    return True
