"""A first suite for a new feed, from what one good file looks like."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from wharf.quality.engines import literal, quoted

_NUMBERS = ("int", "long", "float", "double", "decimal")
# More different values than this are no fixed list.
_LIST_UP_TO = 12
# Fewer rows than this show a pattern by chance.
_ENOUGH = 20
_LONGEST = 200
_PLAIN = re.compile(r"[9Aa-z ._:/-]{1,40}")
_RUNS = re.compile(r"9+|A+|[a-z]|[ ._:/-]")
_CLASS = {"9": "[0-9]", "A": "[A-Z]"}


def starter_suite(
    name: str,
    columns: Mapping[str, str],
    *,
    key: Sequence[str] = (),
    required: Collection[str] = (),
    sensitive: Collection[str] = (),
    staged: Path | Sequence[Path] | None = None,
) -> dict[str, Any]:
    """Write a first suite, to be edited by hand.

    Args:
        name: The feed's name.
        columns: Column name -> Iceberg type.
        key: Columns that together name a row.
        required: Columns that may not be empty.
        sensitive: Columns whose values must not be written into the suite.
        staged: Parquet files of one good delivery; its counts and ranges become warnings.

    Returns:
        The suite as its JSON file holds it; it holds for `staged`.
    """
    files = [staged] if isinstance(staged, Path) else staged
    seen = _Profile(files) if files else None
    expectations = [_entry("expect_table_row_count_to_be_between", min_value=1)]
    expectations += [
        _entry("expect_column_values_to_not_be_null", column=column)
        for column in columns
        if column in required
    ]
    expectations += _key_entries(key, seen)
    if seen is not None:
        expectations += _seen_entries(columns, seen, key, required, sensitive)
    return {"name": name, "expectations": expectations, "meta": {}}


class _Profile:
    """Counts and ranges of one staged file."""

    def __init__(self, staged: Sequence[Path]) -> None:
        listed = ", ".join(literal(str(each)) for each in staged)
        self._from = f"FROM read_parquet([{listed}])"
        self.rows = int(self._one("count(*)")[0])

    def unique(self, columns: Sequence[str]) -> bool:
        listed = ", ".join(quoted(column) for column in columns)
        return bool(self._one(f"count(*) = count(DISTINCT ({listed}))")[0])

    def filled(self, column: str) -> bool:
        return bool(self._one(f"count(*) = count({quoted(column)})")[0])

    def range(self, column: str) -> tuple[float, float] | None:
        name = quoted(column)
        low, high = self._one(f"min({name})::DOUBLE, max({name})::DOUBLE")
        finite = low is not None and math.isfinite(low) and math.isfinite(high)
        return (low, high) if finite else None

    def values(self, column: str) -> list[str] | None:
        """The different values, when they are few and each comes often."""
        name = quoted(column)
        (count,) = self._one(f"approx_count_distinct({name})")
        if not 0 < count <= 2 * _LIST_UP_TO or self.rows < 20 * count:
            return None
        (found,) = self._one(f"list_sort(list(DISTINCT {name}))")
        return [str(value) for value in found] if len(found) <= _LIST_UP_TO else None

    def shape(self, column: str) -> str | None:
        """The one pattern that all values have, as a regex; None when there are several."""
        name = quoted(column)
        shaped = f"regexp_replace(regexp_replace({name}, '[0-9]', '9', 'g'), '[A-Z]', 'A', 'g')"
        low, high, filled = self._one(f"min({shaped}), max({shaped}), count({name})")
        if low is None or low != high or filled < _ENOUGH or not _PLAIN.fullmatch(low):
            return None
        runs = (_CLASS.get(run[0][0], re.escape(run[0][0])) + _times(run[0])
                for run in _RUNS.finditer(low))  # fmt: skip
        return f"^{''.join(runs)}$" if "9" in low or "A" in low else None

    def lengths(self, column: str) -> tuple[int, int] | None:
        """The shortest and longest text; None where there is hardly any."""
        name = quoted(column)
        low, high, filled = self._one(f"min(length({name})), max(length({name})), count({name})")
        return (int(low), int(high)) if filled >= _ENOUGH and high <= _LONGEST else None

    def days(self, column: str) -> tuple[date, date] | None:
        """The earliest and latest day."""
        name = quoted(column)
        low, high = self._one(f"min({name})::DATE, max({name})::DATE")
        return (low, high) if low is not None else None

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
    columns: Mapping[str, str],
    seen: _Profile,
    key: Sequence[str],
    required: Collection[str],
    sensitive: Collection[str],
) -> Iterator[dict[str, Any]]:
    if seen.rows:
        yield _entry(
            "expect_table_row_count_to_be_between",
            "warning",
            min_value=max(1, seen.rows // 2),
            max_value=seen.rows * 2,
        )
    for column, kind in columns.items():
        if column not in sensitive and seen.rows:
            yield from _column_entries(column, kind, seen, column in key, column in required)


def _column_entries(
    column: str, kind: str, seen: _Profile, is_key: bool, is_required: bool
) -> Iterator[dict[str, Any]]:
    """What one column of the file shows; warnings all, for one file is no promise."""
    if seen.rows >= _ENOUGH and not is_required and seen.filled(column):
        yield _entry("expect_column_values_to_not_be_null", "warning", column=column)
    if kind.startswith(_NUMBERS) and (found := seen.range(column)):
        low, high = _widened(*found)
        yield _entry(
            "expect_column_values_to_be_between", "warning", column=column, min_value=low,
            max_value=high,
        )  # fmt: skip
    elif kind.startswith(("date", "timestamp")) and (between := seen.days(column)):
        first, last = (max(1, between[0].year - 10), min(9999, between[1].year + 10))
        yield _entry(
            "expect_column_values_to_be_between", "warning", column=column,
            min_value=f"{first:04d}-01-01", max_value=f"{last:04d}-12-31",
        )  # fmt: skip
    elif kind == "string":
        yield from _text_entries(column, seen, is_key)


def _text_entries(column: str, seen: _Profile, is_key: bool) -> Iterator[dict[str, Any]]:
    if not is_key and (values := seen.values(column)):
        yield _entry(
            "expect_column_values_to_be_in_set", "warning", column=column, value_set=values
        )
        return
    if regex := seen.shape(column):
        yield _entry("expect_column_values_to_match_regex", "warning", column=column, regex=regex)
    elif found := seen.lengths(column):
        yield _entry(
            "expect_column_value_lengths_to_be_between", "warning", column=column,
            min_value=found[0] // 2, max_value=found[1] * 2,
        )  # fmt: skip
    if not is_key and seen.rows >= _ENOUGH and seen.filled(column) and seen.unique([column]):
        yield _entry("expect_column_values_to_be_unique", "warning", column=column)


def _times(run: str) -> str:
    return f"{{{len(run)}}}" if len(run) > 1 else ""


def _widened(low: float, high: float) -> tuple[int, int]:
    """A range a good deal wider than the one seen, on round numbers."""
    reach = max(abs(low), abs(high), 1.0)
    step = int(10 ** math.floor(math.log10(reach)))
    wide_low = 0 if low >= 0 else math.floor(low * 2 / step) * step
    return wide_low, math.ceil(max(high * 2, 0.0) / step) * step


def _entry(kind: str, severity: str = "critical", **kwargs: Any) -> dict[str, Any]:
    return {"type": kind, "kwargs": kwargs, "severity": severity}
