"""A first suite for a new feed, from what one good file looks like."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

_NUMBERS = ("int", "long", "float", "double", "decimal")
# More different values than this are no fixed list.
_LIST_UP_TO = 12


def starter_suite(
    name: str,
    columns: Mapping[str, str],
    *,
    key: Sequence[str] = (),
    required: Collection[str] = (),
    sensitive: Collection[str] = (),
    staged: Path | None = None,
) -> dict[str, Any]:
    """Write a first suite, to be edited by hand.

    Args:
        name: The feed's name.
        columns: Column name -> Iceberg type.
        key: Columns that together name a row.
        required: Columns that may not be empty.
        sensitive: Columns whose values must not be written into the suite.
        staged: Parquet file of one good delivery; its counts and ranges become warnings.

    Returns:
        The suite as its JSON file holds it; it holds for `staged`.
    """
    seen = _Profile(staged) if staged is not None else None
    expectations = [_entry("expect_table_row_count_to_be_between", min_value=1)]
    expectations += [
        _entry("expect_column_values_to_not_be_null", column=column)
        for column in columns
        if column in required
    ]
    expectations += _key_entries(key, seen)
    if seen is not None:
        expectations += _seen_entries(columns, seen, key, sensitive)
    return {"name": name, "expectations": expectations, "meta": {}}


class _Profile:
    """Counts and ranges of one staged file."""

    def __init__(self, staged: Path) -> None:
        self._from = "FROM read_parquet('{}')".format(str(staged).replace("'", "''"))
        self.rows = int(self._one("count(*)")[0])

    def unique(self, columns: Sequence[str]) -> bool:
        listed = ", ".join(_quoted(column) for column in columns)
        return bool(self._one(f"count(*) = count(DISTINCT ({listed}))")[0])

    def filled(self, column: str) -> bool:
        return bool(self._one(f"count(*) = count({_quoted(column)})")[0])

    def range(self, column: str) -> tuple[float, float] | None:
        name = _quoted(column)
        low, high = self._one(f"min({name})::DOUBLE, max({name})::DOUBLE")
        finite = low is not None and math.isfinite(low) and math.isfinite(high)
        return (low, high) if finite else None

    def values(self, column: str) -> list[str] | None:
        """The different values, when they are few and each comes often."""
        name = _quoted(column)
        (count,) = self._one(f"approx_count_distinct({name})")
        if not 0 < count <= 2 * _LIST_UP_TO or self.rows < 20 * count:
            return None
        (found,) = self._one(f"list_sort(list(DISTINCT {name}))")
        return [str(value) for value in found] if len(found) <= _LIST_UP_TO else None

    def _one(self, what: str) -> tuple[Any, ...]:
        with duckdb.connect() as connection:
            return connection.execute(f"SELECT {what} {self._from}").fetchall()[0]


def _key_entries(key: Sequence[str], seen: _Profile | None) -> Iterator[dict[str, Any]]:
    if not key:
        return
    severity = "critical" if seen is None or seen.unique(key) else None
    if severity is None:
        return
    if len(key) == 1:
        yield _entry("expect_column_values_to_be_unique", column=key[0])
    else:
        yield _entry("expect_compound_columns_to_be_unique", column_list=list(key))


def _seen_entries(
    columns: Mapping[str, str], seen: _Profile, key: Sequence[str], sensitive: Collection[str]
) -> Iterator[dict[str, Any]]:
    if seen.rows:
        yield _entry(
            "expect_table_row_count_to_be_between",
            "warning",
            min_value=max(1, seen.rows // 2),
            max_value=seen.rows * 2,
        )
    for column, kind in columns.items():
        if column in sensitive:
            continue
        if kind.startswith(_NUMBERS) and (found := seen.range(column)):
            low, high = _widened(*found)
            yield _entry(
                "expect_column_values_to_be_between",
                "warning",
                column=column,
                min_value=low,
                max_value=high,
            )
        elif kind == "string" and column not in key and (values := seen.values(column)):
            yield _entry(
                "expect_column_values_to_be_in_set", "warning", column=column, value_set=values
            )


def _widened(low: float, high: float) -> tuple[int, int]:
    """A range a good deal wider than the one seen, on round numbers."""
    reach = max(abs(low), abs(high), 1.0)
    step = int(10 ** math.floor(math.log10(reach)))
    wide_low = 0 if low >= 0 else math.floor(low * 2 / step) * step
    return wide_low, math.ceil(max(high * 2, 0.0) / step) * step


def _entry(kind: str, severity: str = "critical", **kwargs: Any) -> dict[str, Any]:
    return {"type": kind, "kwargs": kwargs, "severity": severity}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
