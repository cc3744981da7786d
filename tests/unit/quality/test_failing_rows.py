"""Every row that breaks an expectation is kept, exactly as often as it is counted."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from wharf.quality import Audit, read_failing

Run = Callable[..., Audit]


def expect(kind: str, severity: str = "critical", **kwargs: Any) -> dict[str, Any]:
    return {"type": kind, "kwargs": kwargs, "severity": severity}


SUITE = [
    expect("expect_column_values_to_be_between", column="amount", min_value=500),
    expect("expect_column_values_to_not_be_null", "warning", column="units"),
    expect("expect_column_values_to_be_unique", column="use_code"),
    expect("expect_compound_columns_to_be_unique", column_list=["use_code", "is_even"]),
    expect("expect_column_pair_values_to_be_equal", column_A="account_id", column_B="use_code"),
    expect("expect_column_values_to_be_in_set", "info", column="use_code", value_set=["R1"],
           mostly=0.1),
    expect("expect_column_values_to_match_regex", column="account_id", regex="^p[0-4].*$"),
    expect("expect_column_values_to_be_between", column="on_date", max_value="2026-11-22"),
    expect("expect_column_value_z_scores_to_be_less_than", column="share", threshold=1,
           double_sided=True),
    expect("expect_column_values_to_be_between", column="amount", min_value=10**6,
           row_condition='col("use_code") == "R1"', condition_parser="great_expectations"),
    expect("expect_column_values_to_not_be_null", column="account_id"),
]  # fmt: skip


@pytest.mark.parametrize("engine", ["pandas", "duckdb"])
def test_every_failing_row_is_kept_as_often_as_it_is_counted(run: Run, engine: str) -> None:
    outcome = run(*SUITE, engine=engine, key=["account_id"])
    assert [check.error for check in outcome.checks if check.error] == []
    assert outcome.failing is not None
    counted = {
        number: check.unexpected_count
        for number, check in enumerate(outcome.checks, start=1)
        if check.unexpected_count
    }
    assert outcome.failing.counts == counted
    assert len(counted) == len(SUITE) - 1
    assert outcome.failing.rows > 4000
    rows = list(read_failing(str(outcome.failing.file), number=2))
    assert [row["line"] for row in rows] == list(range(2, 1002, 10))
    assert rows[0]["key"] == '{"account_id":"p0"}'
    assert rows[0]["severity"] == "warning"
    assert rows[0]["value"] is None


def test_both_engines_keep_the_same_rows(run: Run) -> None:
    kept = {}
    for engine in ("pandas", "duckdb"):
        failing = run(*SUITE, engine=engine).failing
        assert failing is not None
        kept[engine] = [(row["number"], row["line"]) for row in read_failing(str(failing.file))]
    assert kept["pandas"] == kept["duckdb"]


def test_rows_of_a_query_are_kept_too(run: Run) -> None:
    query = "SELECT * FROM {batch} WHERE amount < 0"
    outcome = run(expect("unexpected_rows_expectation", unexpected_rows_query=query))
    assert outcome.failing is not None
    assert outcome.failing.counts == {1: 7}
    (row, *_) = read_failing(str(outcome.failing.file))
    assert row["line"] == 2
    assert '"account_id":"p0"' in row["value"]


@pytest.mark.parametrize("engine", ["pandas", "duckdb"])
def test_a_sensitive_value_is_in_no_file_of_an_audit(run: Run, engine: str) -> None:
    outcome = run(
        expect("expect_column_values_to_be_in_set", column="tax_code", value_set=["x"]),
        expect("expect_column_pair_values_to_be_equal", column_A="tax_code", column_B="use_code"),
        BELOW, engine=engine, key=["account_id", "tax_code"], sensitive=["tax_code"],
    )  # fmt: skip
    assert outcome.failing is not None
    for file in outcome.json.parent.iterdir():
        assert b"secret-" not in file.read_bytes()
    with duckdb.connect() as connection:
        found = connection.execute(
            f"SELECT count(*) FROM (SELECT COLUMNS(*)::VARCHAR AS v FROM '{outcome.failing.file}')"
            " WHERE concat(*COLUMNS(*)) LIKE '%secret%'"
        ).fetchall()
    assert found == [(0,)]


BELOW = expect("expect_column_values_to_be_between", column="amount", min_value=0)


def test_the_csv_beside_the_page_holds_no_formula(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "formulas.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE f AS SELECT unnest($1) AS use_code", [["=1+1", "-5", "@a"]]
        )
        connection.execute(f"COPY f TO '{path}' (FORMAT parquet)")
    entry = expect("expect_column_values_to_be_in_set", column="use_code", value_set=["ok"])
    outcome = run(entry, files=[path])
    with outcome.page.with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        assert sorted(row["value"] for row in csv.DictReader(file)) == ["'=1+1", "'@a", "-5"]


def test_an_audit_that_finds_nothing_leaves_no_rows_of_an_earlier_one(run: Run) -> None:
    run(BELOW)
    outcome = run(expect("expect_column_values_to_be_unique", column="account_id"))
    assert outcome.failing is None
    assert sorted(path.suffix for path in outcome.json.parent.iterdir()) == [".html", ".json"]


def test_one_wrong_comparison_leaves_the_others_of_its_query_alone(run: Run) -> None:
    wrong = expect("expect_column_values_to_be_between", column="use_code", min_value=5)
    suite = [BELOW, wrong, expect("expect_column_values_to_not_be_null", column="units")]
    before, errored, after = run(*suite, engine="duckdb").checks
    assert (before.unexpected_count, after.unexpected_count) == (7, 100)
    assert errored.error
