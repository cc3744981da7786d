"""Expectations of our own and of a project: one file each, native in suites, broken ones named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from wharf.errors import SuiteError
from wharf.quality import Audit, check_custom, check_suite

Run = Callable[..., Audit]
WriteSuite = Callable[..., Path]
RIGHT = {
    "iban": ["GB82 WEST 1234 5698 7654 32", "NL91ABNA0417164300", "DE89370400440532013000"],
    "ean": ["4006381333931", "73513537", "036000291452", "10012345678902"],
    "isin": ["US0378331005", "AU0000XVGZA3", "GB0002634946", "NL0000009165"],
}
WRONG = {
    "iban": ["GB82 WEST 1234 5698 7654 33", "NL91ABNA041716430", "nl91abna0417164300", ""],
    "ean": ["4006381333932", "73513538", "40063813339", "abc", ""],
    "isin": ["US0378331006", "AU0000XVGZA4", "US037833100", "", "us0378331005"],
}


def expect(kind: str, severity: str = "critical", **kwargs: Any) -> dict[str, Any]:
    return {"type": kind, "kwargs": kwargs, "severity": severity}


def one_column(path: Path, values: list[str | None]) -> Path:
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE t AS SELECT v AS code, 'f.csv' AS _file,"
            " row_number() OVER () + 1 AS _line FROM (SELECT unnest($1::VARCHAR[]) AS v)",
            [values],
        )
        connection.execute(f"COPY t TO '{path}' (FORMAT parquet)")
    return path


@pytest.mark.parametrize("code", sorted(RIGHT))
def test_check_digits_are_checked(run: Run, tmp_path: Path, code: str) -> None:
    file = one_column(tmp_path / "codes.parquet", [*RIGHT[code], *WRONG[code], None])
    outcome = run(expect(f"expect_column_values_to_be_{code}", column="code"), files=[file])
    (check,) = outcome.checks
    assert check.error == ""
    assert check.unexpected_count == len(WRONG[code])
    assert next(one.line for one in check.sample) == len(RIGHT[code]) + 2
    assert check.expected.startswith("code is an ")
    assert outcome.failing is not None
    assert outcome.failing.rows == len(WRONG[code])


def test_values_are_looked_up_in_another_published_table(run: Run, tmp_path: Path) -> None:
    known = one_column(tmp_path / "known.parquet", ["a", "b", None])
    file = one_column(tmp_path / "codes.parquet", ["a", "b", "c", None])
    entry = expect(
        "expect_column_values_to_be_in_table",
        column="code", other_table="raw.known", other_column="code",
    )  # fmt: skip
    outcome = run(entry, files=[file], tables=lambda name: f"read_parquet('{known}')")
    assert outcome.failed_critical == (
        "code is one of code in raw.known: 1 of 4 rows (25 %) break it",
    )
    absent = run(entry, files=[file])
    assert "could not be evaluated" in absent.failed_critical[0]


def in_periods(path: Path, rows: dict[str, list[str | None]]) -> Path:
    values = [(period, code) for period, codes in rows.items() for code in codes]
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE t (_period VARCHAR, code VARCHAR)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", values)
        connection.execute(
            f"COPY (SELECT *, 'f.csv' AS _file, 1 AS _line FROM t) TO '{path}' (FORMAT parquet)"
        )
    return path


def test_values_of_the_period_before_are_still_there_but_for_a_share(
    run: Run, tmp_path: Path
) -> None:
    published = in_periods(
        tmp_path / "published.parquet",
        {"2026-11-01": ["z"], "2026-11-02": ["a", "b", "c", "d", None], "2026-11-04": ["x"]},
    )
    file = in_periods(tmp_path / "batch.parquet", {"2026-11-03": ["a", "b", "c", "e", None]})

    def kept(share: float) -> dict[str, Any]:
        return expect(
            "expect_column_to_keep_values_of_period_before",
            column="code", other_table="raw.accounts", max_missing=share,
        )  # fmt: skip

    def lake(name: str) -> str:
        return f"read_parquet('{published}')"

    outcome = run(kept(0.25), kept(0.2), files=[file], tables=lake)
    assert [(check.success, check.error) for check in outcome.checks] == [(True, ""), (False, "")]
    assert outcome.failed_critical == (
        "the share of code of the period before that is gone is at most 0.2: it is 0.25, 1 of 4",
    )
    first = run(kept(0), files=[file], tables=lambda name: f"SELECT * FROM {lake(name)} LIMIT 0")
    assert first.checks[0].observed.endswith("nothing came before")
    assert first.passed


def test_a_column_that_never_falls_names_the_lines_where_it_does(run: Run, tmp_path: Path) -> None:
    file = one_column(tmp_path / "times.parquet", ["1", "3", None, "2", "3", "4"])
    outcome = run(expect("expect_column_values_to_never_fall", column="code"), files=[file])
    (check,) = outcome.checks
    assert check.error == ""
    assert check.unexpected_count == 1
    assert [one.line for one in check.sample] == [5]


@pytest.fixture
def folder(write_suite: WriteSuite) -> Path:
    custom = write_suite().parents[1] / "custom"
    custom.mkdir()
    return custom


def test_a_rule_of_a_project_is_one_file(run: Run, folder: Path) -> None:
    (folder / "expect_column_values_to_be_far_apart.sql").write_text(
        "-- {column} is at least {gap} from 100\n-- arguments: gap\nabs({column} - 100) >= {gap}\n"
    )
    entry = expect("expect_column_values_to_be_far_apart", column="amount", gap=50)
    (check,) = run(entry).checks
    assert check.expected == "amount is at least 50 from 100"
    assert check.unexpected_count == 66
    assert check.element_count == 1000


def test_a_changed_rule_counts_from_the_next_audit_on(run: Run, folder: Path) -> None:
    rule = folder / "expect_column_values_to_be_large.sql"
    entry = expect("expect_column_values_to_be_large", column="amount")
    rule.write_text("-- {column} is large\n{column} >= 0")
    assert run(entry).checks[0].unexpected_count == 7
    rule.write_text("-- {column} is large\n{column} >= 5")
    assert run(entry).checks[0].unexpected_count == 10


def test_a_class_of_the_library_can_be_written_in_python(run: Run, folder: Path) -> None:
    (folder / "few_rows.py").write_text(
        "import great_expectations.expectations as gxe\n\n\n"
        "class ExpectFewRows(gxe.ExpectTableRowCountToBeBetween):\n    max_value: int = 10\n"
    )
    outcome = run(expect("expect_few_rows"), expect("expect_few_rows", max_value=1000))
    assert [check.success for check in outcome.checks] == [False, True]


def test_a_broken_rule_is_named_and_stops_only_who_uses_it(
    run: Run, folder: Path, write_suite: WriteSuite
) -> None:
    (folder / "expect_nonsense.sql").write_text("-- {column} is nonsense\n{column} IS OR")
    (folder / "broken.py").write_text("import nowhere_to_be_found\n")
    (folder / "no_name.sql").write_text("{column} > 0")
    holds = expect("expect_column_values_to_be_unique", column="account_id")
    assert run(holds).passed
    problems = check_custom(folder.parents[1])
    assert sorted(problems) == [
        "expectations/custom/broken.py",
        "expectations/custom/expect_nonsense.sql",
        "expectations/custom/no_name.sql",
    ]
    assert "nowhere_to_be_found" in problems["expectations/custom/broken.py"]
    found = check_suite(write_suite(expect("expect_nonsense", column="a")))
    assert any(
        "expectations/custom/expect_nonsense.sql could not be loaded" in each for each in found
    )
    with pytest.raises(SuiteError, match="there is no such expectation"):
        run(expect("expect_nonsense", column="a"))


def test_an_argument_is_a_value_and_never_sql(run: Run, folder: Path) -> None:
    (folder / "expect_column_values_to_not_say.sql").write_text(
        "-- {column} is not {word}\n-- arguments: word\n{column}::VARCHAR <> {word}"
    )
    hostile = "x' OR 1=1; DROP VIEW batch; --"
    entry = expect("expect_column_values_to_not_say", column="use_code", word=hostile)
    assert run(entry).passed
