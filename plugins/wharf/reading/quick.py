"""Casts of what is written in the usual way: cast, written back, and compared.

A text that comes out of its own cast unchanged was cast without loss, whatever the rules of the
cast are; that costs a third of holding it against a pattern. `casts.py` takes the rest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from wharf.contracts import Column
from wharf.reading.casts import FLOATING, Spelling, duckdb_type
from wharf.reading.dates import ISO_DATE
from wharf.reading.opened import text

_NARROW: Final = 18
"""Digits of a decimal that fits a machine word; wider ones cost ten times as much to write back."""
_YEARS: Final = "BETWEEN DATE '0001-01-01' AND DATE '9999-12-31'"
"""Leaves out infinity, other eras and years of five digits, which the contract's formats do not."""


@dataclass(frozen=True)
class Quick:
    """A cast, and whether it says exactly what is written; both as SQL."""

    value: str
    fits: str
    """Over the value's alias."""


def quick(cell: str, alias: str, column: Column, spelling: Spelling) -> Quick | None:
    """The quick cast of a text to a column's type; None where there is none.

    Args:
        cell: SQL of the cell as it is written.
        alias: What the value will be called.
        column: The column.
        spelling: How the feed writes values.
    """
    nulls = column.nulls if column.nulls is not None else spelling.nulls
    if any(re.search(r"\d", each) or each in {"true", "false"} for each in nulls):
        return None  # what looks like a value may mean that there is none
    kind, type_ = column.type, duckdb_type(column.type)
    plain = spelling.decimal == "." and not spelling.thousands
    value, written = f"try_cast({cell} AS {type_})", f"{alias}::VARCHAR"
    if kind in {"int", "long"}:
        return Quick(value, f"{written} = {cell}")
    if kind == "boolean":
        return Quick(
            f"CASE {cell} WHEN 'true' THEN true WHEN 'false' THEN false END",
            f"{alias} IS NOT NULL",
        )
    if kind.startswith("decimal") and plain:
        digits = int(kind.removeprefix("decimal(").partition(",")[0])
        return Quick(value, f"{written} = {cell}") if digits <= _NARROW else None
    if kind in {"float", "double"} and plain:
        matches = f"regexp_full_match({cell}, {text('[+-]?(?:' + FLOATING + ')')})"
        return Quick(value, f"isfinite({alias}) AND {matches}")
    formats = (column.format,) if column.format else spelling.date_formats
    if kind == "date" and formats[0] == ISO_DATE:
        return Quick(value, f"{written} = {cell} AND {alias} {_YEARS}")
    if kind == "timestamp" and not column.format:
        bare = f"CASE WHEN contains({cell}, 'T') THEN replace({cell}, 'T', ' ') ELSE {cell} END"
        return Quick(value, f"{written} = {bare} AND {alias} {_YEARS}")
    return None
