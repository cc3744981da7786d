"""What a batch looks like in figures: one pass over its rows."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

from duckdb import DuckDBPyConnection

from wharf.quality.engines import TABLE, quoted

SMALL_SET = 12
"""A column with at most so many different values is a small set."""
SAMPLE = 250_000
"""Counting different values is the dear part; beyond so many rows every nth row is looked at."""
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")
_DAYS = ("DATE", "TIMESTAMP")
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class ColumnProfile:
    """One column in figures."""

    kind: str
    """`number`, `date`, `text` or `other`."""
    nulls: float
    """Share of empty cells."""
    distinct: int | None = None
    low: float | None = None
    """Smallest number; earliest day, counted from 1970."""
    mean: float | None = None
    high: float | None = None
    values: tuple[str, ...] | None = None
    """The different values of a small set of texts."""


@dataclass(frozen=True)
class Profile:
    """One batch in figures."""

    rows: int
    quarantined: float = 0.0
    """Share of rows that were set aside."""
    columns: Mapping[str, ColumnProfile] = field(default_factory=dict)

    def describe(self) -> dict[str, Any]:
        """The profile as a JSON object."""
        return asdict(self)

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Profile:
        """Read what `describe` gave."""
        columns = {
            name: ColumnProfile(**{**each, "values": _tuple(each.get("values"))})
            for name, each in said["columns"].items()
        }
        return cls(int(said["rows"]), float(said["quarantined"]), columns)


def profile_batch(
    connection: DuckDBPyConnection,
    columns: Mapping[str, str],
    *,
    rows: int,
    rows_quarantined: int = 0,
    sensitive: Collection[str] = (),
) -> Profile:
    """Profile the view `batch` by one query.

    Args:
        connection: What `staged_rows` gave.
        columns: Column -> DuckDB type.
        rows: Rows of the batch.
        rows_quarantined: Rows set aside when it was read.
        sensitive: Columns of which only counts are taken, no value.
    """
    own = {name: kind for name, kind in columns.items() if not name.startswith("_")}
    step = max(1, rows // SAMPLE)
    some = f"FILTER (_line % {step} = 0)" if step > 1 and "_line" in columns else ""
    asked = [
        part for name, kind in own.items() for part in _asked(name, kind, some, name in sensitive)
    ]
    found = iter(
        connection.execute(f"SELECT count(*){''.join(', ' + a for a in asked)} FROM {TABLE}")
        .fetchall()[0]
    )  # fmt: skip
    count = int(next(found))
    profiled = {}
    for name, kind in own.items():
        told = [next(found) for _ in _asked(name, kind, some, name in sensitive)]
        profiled[name] = _column(kind, told, count, name in sensitive)
    delivered = count + rows_quarantined
    return Profile(count, rows_quarantined / delivered if delivered else 0.0, profiled)


def _asked(name: str, kind: str, some: str, is_sensitive: bool) -> list[str]:
    column, which = quoted(name), _kind(kind)
    asked = [f"count({column})"]
    if which == "other":
        return asked
    asked.append(f"approx_count_distinct({column}) {some}")
    if is_sensitive:
        return asked
    if which == "number":
        value = f"CASE WHEN isfinite({column}::DOUBLE) THEN {column}::DOUBLE END"
        return [*asked, f"min({value})", f"avg({value})", f"max({value})"]
    if which == "date":
        return [*asked, f"min({column})", f"max({column})"]
    return [*asked, f"approx_top_k(left({column}, 100), {SMALL_SET + 1}) {some}"]


def _column(kind: str, told: list[Any], rows: int, is_sensitive: bool) -> ColumnProfile:
    which = _kind(kind)
    nulls = round(1 - told[0] / rows, 6) if rows else 0.0
    if which == "other":
        return ColumnProfile(which, nulls)
    distinct = int(told[1])
    if is_sensitive:
        return ColumnProfile(which, nulls, distinct)
    if which == "number":
        low, mean, high = (_finite(each) for each in told[2:5])
        return ColumnProfile(which, nulls, distinct, low, mean, high)
    if which == "date":
        return ColumnProfile(which, nulls, distinct, _day(told[2]), None, _day(told[3]))
    values = sorted(each for each in told[2] or [] if each is not None)
    return ColumnProfile(
        which, nulls, distinct, values=tuple(values) if len(values) <= SMALL_SET else None
    )


def _kind(duckdb_type: str) -> str:
    if "[" in duckdb_type or duckdb_type.startswith(("STRUCT", "MAP", "UNION")):
        return "other"
    if duckdb_type.startswith(_NUMBERS):
        return "number"
    if duckdb_type.startswith(_DAYS):
        return "date"
    return "text" if duckdb_type == "VARCHAR" else "other"


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _day(value: Any) -> float | None:
    if isinstance(value, datetime):
        value = value.date()
    return float((value - _EPOCH).days) if isinstance(value, date) else None


def _tuple(values: Any) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)
