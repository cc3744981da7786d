"""Suite files are read strictly: what the library would drop in silence is an error here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wharf.errors import SuiteError
from wharf.quality import Audit, check_suite, read_suite

Run = Callable[..., Audit]
WriteSuite = Callable[..., Path]


def expect(kind: str, severity: str = "critical", **kwargs: Any) -> dict[str, Any]:
    return {"type": kind, "kwargs": kwargs, "severity": severity}


PROJECT = Path(__file__).parents[3]
GOOD = expect("expect_column_values_to_not_be_null", column="account_id")


def test_a_misspelt_expectation_is_refused_with_the_nearest_names(
    run: Run, write_suite: WriteSuite
) -> None:
    misspelt = expect("expect_column_values_to_be_betwen", column="amount", min_value=0)
    with pytest.raises(SuiteError) as caught:
        run(GOOD, misspelt)
    assert str(caught.value) == (
        "expectations/acme/positions.json: expectation 2 (expect_column_values_to_be_betwen): "
        "there is no such expectation; did you mean expect_column_values_to_be_between or "
        "expect_column_values_to_be_ean or expect_column_values_to_be_iban?"
    )
    (problem,) = check_suite(write_suite(GOOD, misspelt))
    assert problem.startswith("expectation 2")


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("x", "must be an object with `type` and `kwargs`"),
        ({"kwargs": {}}, "`type` is required"),
        ({**GOOD, "sevrity": "info"}, "unknown key 'sevrity'; did you mean 'severity'?"),
        ({**GOOD, "severity": "fatal"}, "severity is 'fatal'; use critical, warning, info"),
        ({**GOOD, "kwargs": ["column"]}, "`kwargs` must be an object"),
        ({"expectation_type": "x", "kwargs": {}}, "write `type` in place of `expectation_type`"),
        (
            expect("expect_column_values_to_be_between", column="a", min_vale=1, max_value=2),
            "unknown argument 'min_vale'",
        ),
        (expect("expect_column_values_to_not_be_null"), "argument 'column' is required"),
        (
            expect("expect_column_values_to_be_between", column="a"),
            "min_value and max_value cannot both be None",
        ),
        (
            expect("expect_column_values_to_be_between", column="a", min_value="low"),
            "min_value is 'low'; value is not a valid float",
        ),
        (
            expect("expect_column_values_to_match_regex", column="a", regex="^a|b$"),
            "regex '^a|b$' must be anchored as a whole: write '^(...)$'",
        ),
        (
            expect("expect_column_values_to_match_regex_list", column="a", regex_list=["a$"]),
            "regex 'a$' must be anchored as a whole",
        ),
        (
            expect("expect_column_values_to_match_regex", column="a", regex="^(?=a)a$"),
            "regex '^(?=a)a$' is not understood",
        ),
        (
            expect("expect_column_values_to_match_regex", column="a", regex="^(a$"),
            "regex '^(a$' is not understood",
        ),
        (
            expect(
                "expect_column_values_to_be_unique",
                column="a",
                row_condition="a == 1",
                condition_parser="pandas",
            ),
            "condition_parser is 'pandas'; write it as",
        ),
        (
            expect("expect_column_values_to_be_of_type", column="a", type_="BIGINT"),
            "types are checked against the contract",
        ),
        (
            expect("expect_table_row_count_to_equal_other_table", other_table_name="x"),
            "it needs another table",
        ),
    ],
)  # fmt: skip
def test_a_mistake_in_an_expectation_is_named(
    write_suite: WriteSuite, entry: Any, problem: str
) -> None:
    problems = check_suite(write_suite(entry))
    assert any(problem in line and line.startswith("expectation 1 (") for line in problems)
    with pytest.raises(SuiteError, match=r"expectations/acme/positions\.json: expectation 1"):
        read_suite(write_suite(entry))


@pytest.mark.parametrize("regex", ["^a$", "^(a|b)$", r"^[|(]\|a$", "^[]|]$", r"^a\$b$", "^[^]|]+$"])
def test_a_whole_anchored_regex_is_accepted(write_suite: WriteSuite, regex: str) -> None:
    entry = expect("expect_column_values_to_match_regex", column="a", regex=regex)
    assert check_suite(write_suite(entry)) == []


def test_an_unknown_column_is_named_with_the_nearest(write_suite: WriteSuite) -> None:
    suite = write_suite(
        expect("expect_column_values_to_be_unique", column="acount_id"),
        expect("expect_compound_columns_to_be_unique", column_list=["account_id", "day"]),
        expect("expect_column_values_to_not_be_null", column="_line"),
    )
    assert check_suite(suite) == []
    assert check_suite(suite, ["account_id", "amount"]) == [
        "expectation 1 (expect_column_values_to_be_unique): there is no column 'acount_id'; did "
        "you mean 'account_id'? (columns: account_id, amount)",
        "expectation 2 (expect_compound_columns_to_be_unique): there is no column 'day' (columns: "
        "account_id, amount)",
    ]


def test_expectations_for_different_engines_cannot_stand_together(write_suite: WriteSuite) -> None:
    suite = write_suite(
        expect("expect_column_values_to_match_like_pattern", column="a", like_pattern="p%"),
        expect("expect_column_values_to_be_increasing", column="a"),
    )
    (problem,) = check_suite(suite)
    assert "work on different engines" in problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "is not valid JSON: Expecting property name"),
        ("[]", "must be one JSON object"),
        ('{"name": "x"}', "`expectations` must be a list that holds at least one"),
        ('{"name": "x", "expectations": []}', "at least one expectation"),
        ('{"nam": "x", "expectations": [{}]}', "unknown key 'nam'; did you mean 'name'?"),
    ],
    ids=["broken", "list", "none", "empty", "typo"],
)
def test_a_file_that_is_no_suite_is_refused(
    write_suite: WriteSuite, text: str, problem: str
) -> None:
    path = write_suite()
    path.write_text(text, encoding="utf-8")
    assert any(problem in line for line in check_suite(path))
    with pytest.raises(SuiteError):
        read_suite(path)


def test_a_file_that_is_not_text_is_refused(write_suite: WriteSuite) -> None:
    path = write_suite()
    path.write_bytes(b"\xff\xfe\x00")
    (problem,) = check_suite(path)
    assert problem.startswith("cannot be read as UTF-8 text")


def test_reading_a_suite_does_not_change_the_file(run: Run, write_suite: WriteSuite) -> None:
    before = write_suite(GOOD).read_bytes()
    outcome = run(GOOD)
    assert write_suite(GOOD).read_bytes() == before
    assert outcome.suite == "expectations/acme/positions.json"


def test_every_suite_of_this_project_is_right_and_anchored() -> None:
    suites = sorted((PROJECT / "expectations").glob("*/*.json"))
    assert len(suites) >= 7
    assert {str(path): check_suite(path) for path in suites if check_suite(path)} == {}


def test_every_suite_of_this_project_can_block_a_batch() -> None:
    for path in (PROJECT / "expectations").glob("*/*.json"):
        entries = json.loads(path.read_text(encoding="utf-8"))["expectations"]
        assert any(entry.get("severity", "critical") == "critical" for entry in entries), path
