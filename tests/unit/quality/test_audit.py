"""The gate: what blocks a batch, what is noted, and what could not be said."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from wharf.errors import SuiteError, UnsafePath
from wharf.quality import Audit
from wharf.quality.portability import engine_for

Run = Callable[..., Audit]
WriteSuite = Callable[..., Path]


def expect(kind: str, severity: str = "critical", **kwargs: Any) -> dict[str, Any]:
    return {"type": kind, "kwargs": kwargs, "severity": severity}


BELOW_ZERO = expect("expect_column_values_to_be_between", column="amount", min_value=0)
HOLDS = expect("expect_column_values_to_be_unique", column="account_id")


def test_a_batch_that_holds_passes(run: Run) -> None:
    outcome = run(HOLDS)
    assert outcome.passed
    assert outcome.failed_critical == outcome.failed_warnings == ()


def test_a_failed_critical_expectation_blocks_and_says_how_many_rows(run: Run) -> None:
    outcome = run(HOLDS, BELOW_ZERO)
    assert not outcome.passed
    assert outcome.failed_critical == ("amount is at least 0: 7 of 1,000 rows (0.7 %) break it",)


@pytest.mark.parametrize("severity", ["warning", "info"])
def test_a_failed_warning_is_noted_and_blocks_nothing(run: Run, severity: str) -> None:
    outcome = run(HOLDS, {**BELOW_ZERO, "severity": severity})
    assert outcome.passed
    assert len(outcome.failed_warnings) == 1


def test_an_expectation_without_severity_is_critical(run: Run) -> None:
    entry = {key: value for key, value in BELOW_ZERO.items() if key != "severity"}
    assert not run(entry).passed


@pytest.mark.parametrize("engine", ["pandas", "duckdb"])
def test_an_expectation_that_errors_is_told_from_one_that_fails(run: Run, engine: str) -> None:
    nowhere = expect("expect_column_mean_to_be_between", column="nowhere", min_value=0)
    errored, failed = run(nowhere, BELOW_ZERO, engine=engine).checks
    assert errored.error == 'The column "nowhere" does not exist.'
    assert not failed.error
    assert not errored.success
    assert not failed.success


def test_a_critical_expectation_that_errors_blocks_too(run: Run) -> None:
    outcome = run(expect("expect_column_values_to_be_unique", column="nowhere"))
    assert not outcome.passed
    assert "could not be evaluated" in outcome.failed_critical[0]


def test_checks_come_in_the_order_of_the_suite(run: Run) -> None:
    same = [expect("expect_column_values_to_not_be_null", column="units") for _ in range(3)]
    suite = [BELOW_ZERO, *same, HOLDS, BELOW_ZERO, expect("expect_column_to_exist", column="x")]
    assert [check.type for check in run(*suite).checks] == [one["type"] for one in suite]


@pytest.mark.parametrize("engine", ["pandas", "duckdb"])
def test_examples_name_file_line_and_value(run: Run, engine: str) -> None:
    (check,) = run(BELOW_ZERO, engine=engine).checks
    assert [(one.file, one.line, one.value) for one in check.sample[:2]] == [
        ("acme_20261120.csv", 2, "-10.00"),
        ("acme_20261120.csv", 3, "-8.50"),
    ]


def test_a_suite_for_a_table_without_file_and_line_runs(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    duckdb.execute(f"COPY (SELECT 1.5 AS score) TO '{path}' (FORMAT parquet)")
    (check,) = run(
        expect("expect_column_values_to_be_between", column="score", max_value=1), files=[path]
    ).checks
    assert check.unexpected_count == 1
    assert check.sample[0].value == "1.5"


def test_an_empty_batch_breaks_the_row_count_and_nothing_else(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "empty.parquet"
    duckdb.execute(f"COPY (SELECT 1.5::DOUBLE AS amount LIMIT 0) TO '{path}' (FORMAT parquet)")
    for engine in ("pandas", "duckdb"):
        outcome = run(
            BELOW_ZERO,
            expect("expect_table_row_count_to_be_between", min_value=1),
            files=[path],
            engine=engine,
        )
        assert outcome.failed_critical == ("the number of rows is at least 1: it is 0",)


@pytest.mark.parametrize("relation", ["SELECT * FROM read_parquet('{}')", "read_parquet('{}')"])
def test_a_relation_is_read_in_place_of_files(run: Run, staged: Path, relation: str) -> None:
    outcome = run(BELOW_ZERO, files=[], relation_sql=relation.format(staged))
    assert outcome.checks[0].unexpected_count == 7


def test_files_may_be_given_as_addresses_and_hold_quotes(run: Run, staged: Path) -> None:
    odd = staged.with_name("o'clock.parquet")
    staged.rename(odd)
    assert run(BELOW_ZERO, files=[f"file://{odd}"]).checks[0].unexpected_count == 7


def test_a_connection_can_be_prepared_for_files_elsewhere(run: Run, staged: Path) -> None:
    def prepare(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute(f"CREATE MACRO elsewhere() AS TABLE FROM read_parquet('{staged}')")

    for engine in ("pandas", "duckdb"):
        outcome = run(
            BELOW_ZERO, files=[], relation_sql="elsewhere()", prepare=prepare, engine=engine
        )
        assert outcome.checks[0].unexpected_count == 7


def test_the_engine_is_chosen_by_rows_unless_something_needs_one() -> None:
    columns = {"amount": "DECIMAL(14,2)", "account_id": "VARCHAR"}
    query = expect("unexpected_rows_expectation", unexpected_rows_query="SELECT 1")
    rising = expect("expect_column_values_to_be_increasing", column="account_id")
    assert engine_for([HOLDS], 200_000, columns) == "pandas"
    assert engine_for([HOLDS], 200_001, columns) == "duckdb"
    assert engine_for([query], 5, columns) == "duckdb"
    assert engine_for([rising], 10**7, columns) == "pandas"


def test_money_goes_to_the_engine_that_sums_it_to_the_cent(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "cents.parquet"
    duckdb.execute(
        f"COPY (SELECT 0.1::DECIMAL(18, 2) AS amount FROM range(10)) TO '{path}' (FORMAT parquet)"
    )
    total = expect("expect_column_sum_to_be_between", column="amount", min_value=1, max_value=1)
    outcome = run(total, files=[path])
    assert outcome.engine == "duckdb"
    assert outcome.passed


@pytest.mark.parametrize("engine", ["pandas", "duckdb"])
def test_cents_are_compared_exactly(run: Run, tmp_path: Path, engine: str) -> None:
    path = tmp_path / "cents.parquet"
    duckdb.execute(
        f"COPY (SELECT unnest([0.10, 0.30, 9999999999999.99, 10000000000000.00])"
        f"::DECIMAL(16, 2) AS amount) TO '{path}' (FORMAT parquet)"
    )
    limit = 9999999999999.99
    within = expect("expect_column_values_to_be_between", column="amount", max_value=limit)
    assert run(within, files=[path], engine=engine).checks[0].unexpected_count == 1


def test_a_query_of_the_suite_finds_rows_in_a_small_batch(run: Run) -> None:
    query = "SELECT * FROM {batch} WHERE amount < 0 AND tax_code <> ''"
    outcome = run(expect("unexpected_rows_expectation", unexpected_rows_query=query))
    assert outcome.engine == "duckdb"
    assert outcome.failed_critical[0].endswith("7 rows break it")


def test_whole_numbers_beyond_floats_stay_distinct_on_both_engines(
    run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "big.parquet"
    duckdb.execute(
        f"COPY (SELECT unnest([9007199254740992, 9007199254740993, NULL]) AS account_id)"
        f" TO '{path}' (FORMAT parquet)"
    )
    for engine in ("pandas", "duckdb"):
        assert run(HOLDS, files=[path], engine=engine).passed


@pytest.mark.parametrize(
    ("field", "name"),
    [("period", "../../etc"), ("table", "raw/x"), ("batch_id", "a\nb"), ("period", "")],
)
def test_a_result_never_leaves_its_folder(run: Run, tmp_path: Path, field: str, name: str) -> None:
    with pytest.raises(UnsafePath, match="is not a plain name; no result is kept under it"):
        run(HOLDS, **{field: name})
    assert not (tmp_path / "results").exists()


def test_a_missing_suite_says_where_to_write_it(run: Run, tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"nowhere\.json: is missing; write a suite there"):
        run(HOLDS, suite=tmp_path / "nowhere.json")


def test_audits_of_one_process_do_not_mix(run: Run, write_suite: WriteSuite) -> None:
    suite = write_suite(BELOW_ZERO, HOLDS)
    suite = suite.rename(suite.with_name("other.json"))
    outcomes = {}

    def one(period: str) -> None:
        outcomes[period] = run(HOLDS, suite=suite, period=period).failed_critical

    threads = [threading.Thread(target=one, args=(f"2026-11-{day}",)) for day in range(20, 24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 4
    assert {len(failed) for failed in outcomes.values()} == {1}


def test_an_audit_logs_nothing_and_draws_no_progress(
    run: Run, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.INFO):
        run(HOLDS, BELOW_ZERO, expect("expect_column_values_to_be_unique", column="nowhere"))
    assert [record.message for record in caplog.records] == []
    assert capfd.readouterr() == ("", "")


def test_importing_the_room_loads_neither_great_expectations_nor_pandas() -> None:
    heavy = "[name for name in ('great_expectations', 'pandas') if name in sys.modules]"
    code = f"import sys, wharf.quality; print({heavy})"
    paths = {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=paths
    )
    assert done.stdout.strip() == "[]"
