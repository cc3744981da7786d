"""Casts that lose nothing: a value comes out exactly, or the row goes to quarantine.

DuckDB's own casts round ('1.5' becomes 2) and guess ('1_000', '1e3', '0x1F'), so each text is first
held against a pattern of what may be written for its type. Every function returns an SQL expression
that is NULL where the cell cannot be cast.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from wharf.contracts import Column
from wharf.contracts.formats import CsvFormat, FileFormat, FixedFormat
from wharf.contracts.shapes import List, Map, Struct, Type, is_nested, parse_type
from wharf.reading.dates import ISO_DATE, date_of_formats, literal, moment, time_of_day
from wharf.reading.opened import identifier, text

BLANKS: Final = " \t\r\n\u00a0"
_DECIMAL: Final = re.compile(r"decimal\((\d+), ?(\d+)\)")
_PRIMITIVE: Final = {
    "boolean": "BOOLEAN",
    "int": "INTEGER",
    "long": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "string": "VARCHAR",
    "date": "DATE",
    "time": "TIME",
    "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMPTZ",
    "binary": "BLOB",
}
FLOATING: Final = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"
_TRUE: Final = "true|t|yes|y|1"
_FALSE: Final = "false|f|no|n|0"


def duckdb_type(iceberg: str) -> str:
    """The DuckDB type of an Iceberg type text."""
    return _duckdb(parse_type(iceberg))


def _duckdb(type_: Type) -> str:
    match type_:
        case Struct(fields):
            return f"STRUCT({', '.join(f'{identifier(n)} {_duckdb(t)}' for n, t in fields)})"
        case List(element):
            return f"{_duckdb(element)}[]"
        case Map(key, value):
            return f"MAP({_duckdb(key)}, {_duckdb(value)})"
    decimal = type_.decimal
    return f"DECIMAL({decimal[0]}, {decimal[1]})" if decimal else _PRIMITIVE[type_.name]


@dataclass(frozen=True)
class Spelling:
    """How a feed writes its values."""

    decimal: str = "."
    thousands: str = ""
    tz: str = "UTC"
    nulls: tuple[str, ...] = ("",)
    trim: bool = False
    date_formats: tuple[str, ...] = ("%Y-%m-%d",)
    excel: bool = False

    @staticmethod
    def of(fmt: FileFormat) -> Spelling:
        """The spelling that a contract's `format` describes."""
        marks = (
            (fmt.decimal, fmt.thousands) if isinstance(fmt, CsvFormat | FixedFormat) else (".", "")
        )
        return Spelling(
            *marks, fmt.tz, fmt.nulls, fmt.trim, fmt.date_formats, fmt.kind == "excel"
        )  # fmt: skip


def cleaned(cell: str, column: Column, spelling: Spelling) -> str:
    """The text of a cell, NULL where it is one of the contract's null spellings.

    Blanks around a value never matter but in a string, and there only without `format.trim`.

    Args:
        cell: SQL of the cell.
        column: Its column.
        spelling: How the feed writes values.
    """
    if spelling.trim or column.type not in {"string", "binary"}:
        cell = f"trim({cell}, {text(BLANKS)})"
    nulls = column.nulls if column.nulls is not None else spelling.nulls
    if not nulls:
        return cell
    if nulls == ("",):
        return f"nullif({cell}, '')"
    # Not IN: a longer list would become a join for each column.
    listed = "|".join(map(literal, nulls))
    return f"CASE WHEN regexp_full_match({cell}, {text(listed)}) THEN NULL ELSE {cell} END"


def cast_text(cell: str, column: Column, spelling: Spelling) -> str:
    """Cast a cleaned text to the column's type."""
    kind = column.type
    if kind == "string":
        return cell
    if is_nested(kind):  # no text says exactly what a nested value is; `nested.py` casts those
        return f"NULL::{duckdb_type(kind)}"
    if kind == "binary":
        return f"encode({cell})"
    if kind == "boolean":
        return _boolean(cell)
    if kind in {"int", "long"}:
        return _number(cell, "[0-9]+", duckdb_type(kind), spelling)
    if kind in {"float", "double"}:
        return _floating(cell, duckdb_type(kind), spelling)
    if match := _DECIMAL.fullmatch(kind):
        return _exact(cell, int(match[2]), duckdb_type(kind), spelling)
    return _temporal(cell, column, spelling)


def _boolean(cell: str) -> str:
    true, false = (text(f"(?i:{words})") for words in (_TRUE, _FALSE))
    return (
        f"CASE WHEN regexp_full_match({cell}, {true}) THEN true "
        f"WHEN regexp_full_match({cell}, {false}) THEN false END"
    )


def _number(cell: str, pattern: str, type_: str, spelling: Spelling) -> str:
    """Cast what matches a pattern (written with a plain decimal point) and nothing else."""
    mark, group = spelling.decimal, spelling.thousands
    pattern = pattern.replace(r"\.", re.escape(mark))
    plain = cell
    if group:
        grouped = pattern.replace("[0-9]+", "(?:[0-9]{1,3}(?:G[0-9]{3})+|[0-9]+)", 1)
        marks = f"[ {chr(0xA0)}{chr(0x202F)}]" if group == " " else re.escape(group)
        pattern = grouped.replace("G", marks)
        gone = [" ", "\u00a0", "\u202f"] if group == " " else [group]
        for each in gone:
            plain = f"replace({plain}, {text(each)}, '')"
    if mark != ".":
        plain = f"replace({plain}, {text(mark)}, '.')"
    match = f"regexp_full_match({cell}, {text('[+-]?(?:' + pattern + ')')})"
    return f"CASE WHEN {match} THEN try_cast({plain} AS {type_}) END"


def _floating(cell: str, type_: str, spelling: Spelling) -> str:
    value = _number(cell, FLOATING, type_, spelling)
    return f"nullif(nullif({value}, 'inf'::{type_}), '-inf'::{type_})"


def _exact(cell: str, scale: int, type_: str, spelling: Spelling) -> str:
    if spelling.excel:
        # A sheet's number has 15 digits; more of them are the noise of its binary form.
        noisy = f"length({cell}) > 16 AND regexp_full_match({cell}, '-?[0-9]+\\.[0-9]+')"
        cell = f"CASE WHEN {noisy} THEN printf('%.15g', try_cast({cell} AS DOUBLE)) ELSE {cell} END"
    fraction = rf"[0-9]{{0,{scale}}}0*" if scale else "0*"
    start = rf"|\.[0-9]{{1,{scale}}}0*" if scale else ""
    return _number(cell, rf"[0-9]+(?:\.{fraction})?{start}", type_, spelling)


def _temporal(cell: str, column: Column, spelling: Spelling) -> str:
    if column.type == "time":
        return time_of_day(cell)
    if column.type == "date":
        formats = (column.format,) if column.format else spelling.date_formats
        if spelling.excel and not {*formats} & {ISO_DATE}:
            formats = (*formats, ISO_DATE)
        return date_of_formats(cell, formats)
    return moment(cell, column.type == "timestamptz", spelling.tz, column.format)


def cast_typed(cell: str, source: str, column: Column, spelling: Spelling) -> str:
    """Cast a cell that has a type already (Parquet); anything unforeseen goes by way of text."""
    target = duckdb_type(column.type)
    if _same(source, target):
        return cell
    if _is_number(source) and _is_number(target):
        value = f"try_cast({cell} AS {target})"
        return f"CASE WHEN try_cast({value} AS {source}) = {cell} THEN {value} END"
    if source.startswith("TIMESTAMP_") and target == "TIMESTAMP":
        value = f"try_cast({cell} AS TIMESTAMP)"
        return f"CASE WHEN try_cast({value} AS {source}) = {cell} THEN {value} END"
    if source.startswith("TIMESTAMP") and "ZONE" not in source and target == "TIMESTAMPTZ":
        return moment(f"{cell}::VARCHAR", True, spelling.tz, None)
    if source in {"FLOAT", "DOUBLE"} and target == "VARCHAR":
        whole = f"{cell} = trunc({cell}) AND abs({cell}) < 1e15"
        return f"CASE WHEN {whole} THEN {cell}::BIGINT::VARCHAR ELSE {cell}::VARCHAR END"
    if target == "VARCHAR":
        return f"{cell}::VARCHAR"
    plain = Spelling(tz=spelling.tz, date_formats=(ISO_DATE,))
    return cast_text(f"{cell}::VARCHAR", column.model_copy(update={"format": None}), plain)


def cleaned_typed(cell: str, source: str, column: Column, spelling: Spelling) -> str:
    """A typed cell; NaN counts as a null where the contract lists it as one."""
    nulls = column.nulls if column.nulls is not None else spelling.nulls
    if source in {"FLOAT", "DOUBLE"} and any(each.lower() == "nan" for each in nulls):
        return f"CASE WHEN isnan({cell}) THEN NULL ELSE {cell} END"
    return cell


def _same(source: str, target: str) -> bool:
    return source.replace(" ", "") == target.replace(" ", "") or (
        source == "TIMESTAMP WITH TIME ZONE" and target == "TIMESTAMPTZ"
    )


def _is_number(type_: str) -> bool:
    return type_.startswith("DECIMAL") or type_.removeprefix("U") in {
        "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE",
    }  # fmt: skip
