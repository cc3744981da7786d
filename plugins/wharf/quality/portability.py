"""Which expectations work on which engine (each was run on both; see the test)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

# Below about 200,000 rows the frame fits easily; above, DuckDB is 10 times faster in a third of
# the memory (10 million rows: 3.4 s and 1.1 GB, not 70 s and 4.7 GB).
ROWS_FOR_DUCKDB = 200_000

_DECIMAL = re.compile(r"DECIMAL\((\d+),")

NEEDS_SQL = frozenset({
    "expect_column_values_to_match_like_pattern",
    "expect_column_values_to_match_like_pattern_list",
    "expect_column_values_to_not_match_like_pattern",
    "expect_column_values_to_not_match_like_pattern_list",
    # On a frame these two stumble over an empty cell.
    "expect_multicolumn_sum_to_equal",
    "expect_multicolumn_values_to_be_equal",
    "unexpected_rows_expectation",
})  # fmt: skip
NEEDS_FRAME = frozenset({
    "expect_column_values_to_be_dateutil_parseable",
    "expect_column_values_to_be_decreasing",
    "expect_column_values_to_be_increasing",
    "expect_column_values_to_be_json_parseable",
    "expect_column_values_to_match_json_schema",
    "expect_column_values_to_match_strftime_format",
    "expect_column_values_to_not_be_outliers",
})  # fmt: skip
ANOTHER_TABLE = frozenset({
    "expect_query_results_to_match_comparison",
    "expect_table_row_count_to_equal_other_table",
})  # fmt: skip
ENGINE_TYPES = frozenset({
    "expect_column_type_to_be",
    "expect_column_values_to_be_in_type_list",
    "expect_column_values_to_be_of_type",
})  # fmt: skip


def engine_for(
    entries: Sequence[Mapping[str, Any]],
    rows: int,
    columns: Mapping[str, str],
    only: Mapping[str, str] | None = None,
) -> str:
    """Choose `pandas` or `duckdb` for a suite.

    Args:
        entries: The expectations of the suite; some work on one engine only.
        rows: Rows of the batch.
        columns: Column -> DuckDB type. A frame holds decimals as floats, so a suite that looks at
            one goes to DuckDB, where amounts are compared and summed to the cent.
        only: Engines of expectations of the project's own that work on one alone.
    """
    for engine in (only or {}).values():
        return engine
    kinds = {str(entry["type"]) for entry in entries}
    if kinds & NEEDS_SQL:
        return "duckdb"
    if kinds & NEEDS_FRAME:
        return "pandas"
    looked_at = {name for entry in entries for name in columns_of(entry.get("kwargs") or {})}
    exact = any(digits_of(columns.get(name, "")) for name in looked_at)
    return "duckdb" if exact or rows > ROWS_FOR_DUCKDB else "pandas"


def digits_of(kind: str) -> int:
    """Digits of a DuckDB decimal type, 0 for other types."""
    match = _DECIMAL.match(kind)
    return int(match[1]) if match else 0


def columns_of(kwargs: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns an expectation reads, as its arguments name them."""
    one = (kwargs.get(name) for name in ("column", "column_A", "column_B"))
    many = kwargs.get("column_list")
    return tuple(
        str(name) for name in (*one, *(many if isinstance(many, list) else ())) if name is not None
    )
