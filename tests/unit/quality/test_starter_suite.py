"""A first suite for a new feed: it is right, it holds for the file it was made from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from wharf.quality import Audit, check_suite, starter_suite

Run = Callable[..., Audit]
WriteSuite = Callable[..., Path]


COLUMNS = {
    "account_id": "string",
    "units": "long",
    "amount": "decimal(14, 2)",
    "tax_code": "string",
    "use_code": "string",
    "share": "double",
    "on_date": "date",
    "is_even": "boolean",
}


def kinds(suite: dict[str, Any], column: str) -> set[str]:
    entries = suite["expectations"]
    return {entry["type"] for entry in entries if entry["kwargs"].get("column") == column}


def test_a_starter_suite_is_right_and_holds_for_its_file(
    run: Run, staged: Path, write_suite: WriteSuite
) -> None:
    suite = starter_suite(
        "acme.positions", COLUMNS, key=["account_id"], required=["account_id"], staged=staged
    )
    assert check_suite(write_suite(*suite["expectations"]), COLUMNS) == []
    outcome = run(*suite["expectations"])
    assert outcome.passed
    assert outcome.failed_warnings == ()


def test_what_was_seen_becomes_warnings_that_leave_room(staged: Path) -> None:
    suite = starter_suite("acme.positions", COLUMNS, staged=staged)
    entries = {(e["type"], e["kwargs"].get("column")): e for e in suite["expectations"]}
    amount = entries[("expect_column_values_to_be_between", "amount")]
    assert amount["severity"] == "warning"
    assert amount["kwargs"] == {"column": "amount", "min_value": -1000, "max_value": 3000}
    uses = entries[("expect_column_values_to_be_in_set", "use_code")]
    assert uses["kwargs"]["value_set"] == ["C1", "R1", "R2"]


def test_a_column_of_many_values_becomes_no_list(staged: Path) -> None:
    assert kinds(starter_suite("a.b", COLUMNS, staged=staged), "tax_code") == {
        "expect_column_values_to_not_be_null",
        "expect_column_value_lengths_to_be_between",
        "expect_column_values_to_be_unique",
    }


def test_a_pattern_that_all_values_have_becomes_a_regex(
    tmp_path: Path, run: Run, write_suite: WriteSuite
) -> None:
    path = tmp_path / "codes.parquet"
    duckdb.execute(
        "COPY (SELECT 'NL-' || (1000 + i) || '.x' AS code, DATE '2026-11-20' AS on_date "
        f"FROM range(30) t(i)) TO '{path}' (FORMAT parquet)"
    )
    suite = starter_suite("a.b", {"code": "string", "on_date": "date"}, staged=path)
    found = {e["type"]: e["kwargs"] for e in suite["expectations"]}
    regex = found["expect_column_values_to_match_regex"]["regex"]
    assert regex == "^[A-Z]{2}\\-[0-9]{4}\\.x$"
    assert found["expect_column_values_to_be_between"]["max_value"] == "2036-12-31"
    assert check_suite(write_suite(*suite["expectations"])) == []
    assert run(*suite["expectations"], files=[path], rows=30).failed_warnings == ()


def test_sensitive_columns_leave_no_value_in_the_suite(staged: Path) -> None:
    columns = ["use_code", "amount"]
    suite = starter_suite("a.b", COLUMNS, sensitive=columns, staged=staged)
    assert kinds(suite, "use_code") == kinds(suite, "amount") == set()


def test_a_key_that_repeats_in_the_file_is_not_promised(staged: Path) -> None:
    alone = starter_suite("a.b", COLUMNS, key=["use_code"], staged=staged)
    assert "expect_column_values_to_be_unique" not in kinds(alone, "use_code")
    both = starter_suite("a.b", COLUMNS, key=["use_code", "account_id"], staged=staged)
    assert both["expectations"][1]["kwargs"] == {"column_list": ["use_code", "account_id"]}


def test_without_a_file_the_suite_says_what_the_contract_says() -> None:
    suite = starter_suite("a.b", COLUMNS, key=["account_id"], required=["account_id", "units"])
    assert [entry["severity"] for entry in suite["expectations"]] == ["critical"] * 4


@pytest.mark.parametrize("rows", [0, 1])
def test_a_file_of_hardly_any_rows_still_gives_a_suite(
    tmp_path: Path, write_suite: WriteSuite, rows: int
) -> None:
    path = tmp_path / "few.parquet"
    duckdb.execute(
        f"COPY (SELECT 'a' AS account_id, 'nan'::DOUBLE AS share LIMIT {rows}) TO '{path}'"
        " (FORMAT parquet)"
    )
    columns = {"account_id": "string", "share": "double"}
    suite = starter_suite("a.b", columns, key=["account_id"], staged=path)
    assert check_suite(write_suite(*suite["expectations"]), columns) == []
