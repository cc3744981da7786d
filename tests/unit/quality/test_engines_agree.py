"""The two engines say the same about the same rows, for every expectation a suite may use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from wharf.quality import Audit
from wharf.quality.library import expectation_types, great_expectations
from wharf.quality.portability import ANOTHER_TABLE, ENGINE_TYPES, NEEDS_FRAME, NEEDS_SQL

Run = Callable[..., Audit]


def expect(kind: str, severity: str = "critical", **kwargs: Any) -> dict[str, Any]:
    return {"type": kind, "kwargs": kwargs, "severity": severity}


USES = ["R1", "R2"]
PORTABLE = [
    expect("expect_column_distinct_values_to_be_in_set", column="use_code", value_set=USES),
    expect("expect_column_distinct_values_to_contain_set", column="use_code", value_set=["X"]),
    expect("expect_column_distinct_values_to_equal_set", column="use_code", value_set=USES),
    expect(
        "expect_column_kl_divergence_to_be_less_than",
        column="use_code",
        partition_object={"values": [*USES, "C1"], "weights": [0.2, 0.2, 0.6]},
        threshold=0.01,
    ),
    expect("expect_column_max_to_be_between", column="amount", max_value=10),
    expect("expect_column_mean_to_be_between", column="amount", max_value=10),
    expect("expect_column_median_to_be_between", column="amount", max_value=10),
    expect("expect_column_min_to_be_between", column="amount", min_value=0),
    expect("expect_column_most_common_value_to_be_in_set", column="use_code", value_set=["R1"]),
    expect("expect_column_pair_values_a_to_be_greater_than_b", column_A="amount", column_B="share"),
    expect("expect_column_pair_values_to_be_equal", column_A="account_id", column_B="use_code"),
    expect(
        "expect_column_pair_values_to_be_in_set",
        column_A="use_code",
        column_B="_period",
        value_pairs_set=[["R1", "2026-11-20"]],
    ),
    expect(
        "expect_column_proportion_of_non_null_values_to_be_between", column="units", min_value=0.95
    ),
    expect(
        "expect_column_proportion_of_unique_values_to_be_between", column="use_code", min_value=0.5
    ),
    expect(
        "expect_column_quantile_values_to_be_between",
        column="share",
        quantile_ranges={"quantiles": [0.5], "value_ranges": [[0, 1]]},
    ),
    expect("expect_column_stdev_to_be_between", column="share", max_value=1),
    expect("expect_column_sum_to_be_between", column="amount", max_value=1),
    expect("expect_column_to_exist", column="nowhere"),
    expect("expect_column_unique_value_count_to_be_between", column="use_code", max_value=2),
    expect("expect_column_value_lengths_to_be_between", column="account_id", max_value=3),
    expect("expect_column_value_lengths_to_equal", column="account_id", value=4),
    expect(
        "expect_column_value_z_scores_to_be_less_than",
        column="share",
        threshold=1,
        double_sided=True,
    ),
    expect("expect_column_values_to_be_between", column="amount", min_value=0, max_value=100),
    expect("expect_column_values_to_be_between", column="units", min_value=10),
    expect("expect_column_values_to_be_between", column="on_date", max_value="2026-11-22"),
    expect(
        "expect_column_values_to_be_between", column="seen_at", max_value="2026-11-20T03:00:00Z"
    ),
    expect("expect_column_values_to_be_in_set", column="use_code", value_set=USES),
    expect("expect_column_values_to_be_null", column="units"),
    expect("expect_column_values_to_be_unique", column="use_code"),
    expect("expect_column_values_to_match_regex", column="account_id", regex="^p[0-9]$"),
    expect(
        "expect_column_values_to_match_regex_list", column="account_id", regex_list=["^p[0-9]$"]
    ),
    expect("expect_column_values_to_not_be_in_set", column="use_code", value_set=USES),
    expect("expect_column_values_to_not_be_null", column="units", mostly=0.95),
    expect("expect_column_values_to_not_match_regex", column="account_id", regex="^p[0-9]$"),
    expect(
        "expect_column_values_to_not_match_regex_list", column="account_id", regex_list=["^p1$"]
    ),
    expect("expect_compound_columns_to_be_unique", column_list=["use_code", "on_date"]),
    expect(
        "expect_select_column_values_to_be_unique_within_record", column_list=["units", "_line"]
    ),
    expect("expect_table_column_count_to_be_between", max_value=2),
    expect("expect_table_column_count_to_equal", value=2),
    expect("expect_table_columns_to_match_ordered_list", column_list=["account_id"]),
    expect("expect_table_columns_to_match_set", column_set=["account_id"]),
    expect("expect_table_row_count_to_be_between", max_value=10),
    expect("expect_table_row_count_to_equal", value=10),
    expect(
        "expect_column_values_to_be_between",
        column="amount",
        min_value=100,
        row_condition='col("use_code") == "R1"',
        condition_parser="great_expectations",
    ),
]
# A median of an even number of rows: one engine takes the lower of the two in the middle.
APPROXIMATE = {"expect_column_quantile_values_to_be_between"}


def test_both_engines_give_the_same_verdict_counts_and_rows(run: Run) -> None:
    frame = run(*PORTABLE, engine="pandas").checks
    sql = run(*PORTABLE, engine="duckdb").checks
    assert [check.error for check in (*frame, *sql) if check.error] == []
    for entry, one, other in zip(PORTABLE, frame, sql, strict=True):
        assert said(one) == said(other), entry


def said(check: Any) -> tuple[Any, ...]:
    rows = [(row.file, row.line) for row in check.sample if row.line is not None]
    observed = "" if check.type in APPROXIMATE else check.observed
    pointed = rows if check.type != "expect_compound_columns_to_be_unique" else []
    return check.success, check.unexpected_count, check.element_count, observed, pointed


def test_every_expectation_there_is_was_looked_at() -> None:
    with great_expectations():
        known = {kind for kind in expectation_types() if is_native(kind)}
    tried = {entry["type"] for entry in PORTABLE}
    assert known == tried | NEEDS_SQL | NEEDS_FRAME | ANOTHER_TABLE | ENGINE_TYPES


def is_native(kind: str) -> bool:
    from great_expectations.expectations.registry import get_expectation_impl

    return str(get_expectation_impl(kind).__module__).startswith("great_expectations.")


@pytest.mark.parametrize("kind", sorted(NEEDS_FRAME | NEEDS_SQL))
def test_an_expectation_for_one_engine_errors_on_the_other(run: Run, kind: str) -> None:
    arguments: dict[str, Any] = {
        "expect_column_values_to_match_json_schema": {"json_schema": {}},
        "expect_column_values_to_match_strftime_format": {"strftime_format": "%Y"},
        "expect_column_values_to_not_be_outliers": {"method": "iqr", "multiplier": 1.5},
        "unexpected_rows_expectation": {"unexpected_rows_query": "SELECT * FROM {batch}"},
    }.get(kind, {})
    if kind.endswith("pattern_list"):
        arguments = {"like_pattern_list": ["p%"]}
    elif kind.endswith("like_pattern"):
        arguments = {"like_pattern": "p%"}
    if kind.startswith("expect_multicolumn"):
        arguments = {"column_list": ["units", "_line"]}
        arguments |= {"sum_total": 1} if "sum" in kind else {}
    elif kind != "unexpected_rows_expectation":
        arguments["column"] = "share" if "outliers" in kind else "account_id"
    other = "pandas" if kind in NEEDS_SQL else "duckdb"
    assert run(expect(kind, **arguments), engine=other).checks[0].error


@pytest.mark.parametrize("engine", ["pandas", "duckdb"])
def test_a_column_may_be_called_by_any_word_of_sql(run: Run, tmp_path: Path, engine: str) -> None:
    words = ["at", "select", "order", "user", "offset", "qualify", "asof", "positional"]
    path = tmp_path / "words.parquet"
    listed = ", ".join(f'i AS "{word}"' for word in words)
    duckdb.execute(f"COPY (SELECT {listed} FROM range(3) AS r(i)) TO '{path}' (FORMAT parquet)")
    found = run(
        *(expect("expect_column_values_to_not_be_null", column=word) for word in words),
        *(expect("expect_column_values_to_be_unique", column=word) for word in words),
        files=[path],
        engine=engine,
    )
    assert [check.sentence for check in found.checks if not check.success] == []
