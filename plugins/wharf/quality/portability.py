"""Which expectations work on which engine (each was run on both; see the test)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

# Below about 200,000 rows the frame fits easily; above, DuckDB is 10 times faster in a third of
# the memory (10 million rows: 3.4 s and 1.1 GB, not 70 s and 4.7 GB).
ROWS_FOR_DUCKDB = 200_000

# Any decimal of up to 15 digits survives the way into a float and back.
FLOAT_DIGITS = 15
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


def engine_for(kinds: Collection[str], rows: int, columns: Mapping[str, str]) -> str:
    """Choose `pandas` or `duckdb` for a suite.

    Args:
        kinds: The expectations of the suite; some work on one engine only.
        rows: Rows of the batch.
        columns: Column -> DuckDB type; decimals too wide for a float stay out of the frame.
    """
    if NEEDS_SQL.intersection(kinds):
        return "duckdb"
    if NEEDS_FRAME.intersection(kinds):
        return "pandas"
    wide = any(digits_of(kind) > FLOAT_DIGITS for kind in columns.values())
    return "duckdb" if wide or rows > ROWS_FOR_DUCKDB else "pandas"


def digits_of(kind: str) -> int:
    """Digits of a DuckDB decimal type, 0 for other types."""
    match = _DECIMAL.match(kind)
    return int(match[1]) if match else 0
