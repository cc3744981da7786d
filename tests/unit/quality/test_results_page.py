"""What is kept of an audit: JSON for programs, a page for people, and no sensitive value."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import pytest

from wharf.quality import Audit

Run = Callable[..., Audit]
BATCH = "20261120T060412345Z-7f3a9c"


def expect(kind: str, severity: str = "critical", **kwargs: Any) -> dict[str, Any]:
    return {"type": kind, "kwargs": kwargs, "severity": severity}


BELOW_ZERO = expect("expect_column_values_to_be_between", column="amount", min_value=0)
HOLDS = expect("expect_column_values_to_be_unique", column="account_id")
SECRETS = [
    expect("expect_column_values_to_be_in_set", column="tax_code", value_set=["x"]),
    expect("expect_column_most_common_value_to_be_in_set", column="tax_code", value_set=["x"]),
    expect("expect_column_distinct_values_to_be_in_set", column="tax_code", value_set=["x"]),
    expect("expect_compound_columns_to_be_unique", column_list=["tax_code", "_period"]),
    expect("expect_column_pair_values_to_be_equal", column_A="amount", column_B="tax_code"),
    expect("expect_column_mean_to_be_between", column="tax_code", min_value=0),
    expect("expect_column_values_to_match_regex", column="tax_code", regex="^x$"),
    expect("expect_column_values_to_be_between", column="tax_code", min_value=0),
]


def test_results_lie_under_table_period_and_batch(run: Run, tmp_path: Path) -> None:
    outcome = run(HOLDS)
    folder = tmp_path / "results" / "raw.acme_positions" / "2026-11-20"
    assert outcome.json == folder / f"{BATCH}.json"
    assert outcome.page == folder / f"{BATCH}.html"
    assert sorted(path.name for path in folder.iterdir()) == [f"{BATCH}.html", f"{BATCH}.json"]


def test_the_json_says_what_was_checked_with_what_and_what_came(run: Run) -> None:
    kept = json.loads(run(HOLDS, BELOW_ZERO).json.read_text(encoding="utf-8"))
    assert (kept["passed"], kept["rows"], kept["engine"]) == (False, 1000, "duckdb")
    assert kept["audited_at"] == "2026-11-20T07:30:00+00:00"
    assert kept["suite"] == "expectations/acme/positions.json"
    assert re.fullmatch("[0-9a-f]{64}", kept["suite_sha256"])
    assert [check["success"] for check in kept["checks"]] == [True, False]
    assert kept["checks"][1]["sample"][0] == {
        "file": "acme_20261120.csv", "line": 2, "value": "-10.00",
    }  # fmt: skip


def test_auditing_again_replaces_the_results_of_the_batch(run: Run) -> None:
    run(BELOW_ZERO)
    outcome = run(HOLDS)
    assert json.loads(outcome.json.read_text(encoding="utf-8"))["passed"]
    assert len(list(outcome.json.parent.iterdir())) == 2


@pytest.mark.parametrize("engine", ["pandas", "duckdb"])
def test_no_sensitive_value_is_kept_anywhere(run: Run, engine: str) -> None:
    outcome = run(*SECRETS, sensitive=["tax_code"], engine=engine)
    kept = outcome.json.read_text(encoding="utf-8") + outcome.page.read_text(encoding="utf-8")
    assert "secret-" not in kept
    assert "secret-" not in " ".join(outcome.failed_critical)
    assert outcome.checks[0].unexpected_count == 1000
    assert outcome.checks[0].sample[0].line == 2
    assert outcome.checks[0].sample[0].value == "hidden"


def test_a_query_shows_no_values_when_any_column_is_sensitive(run: Run) -> None:
    query = "SELECT tax_code AS amount, _file, _line FROM {batch} LIMIT 3"
    outcome = run(
        expect("unexpected_rows_expectation", unexpected_rows_query=query), sensitive=["tax_code"]
    )
    assert "secret-" not in outcome.json.read_text(encoding="utf-8")
    assert outcome.checks[0].unexpected_count == 3


class Tags(HTMLParser):
    """Opening tags of a page, checked to be closed in order."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_loads_nothing_and_runs_nothing(run: Run) -> None:
    page = run(BELOW_ZERO, HOLDS).page.read_text(encoding="utf-8")
    tags = Tags(page)
    assert tags.open == []
    names = {tag for tag, _ in tags.seen}
    assert not names & {"script", "link", "img", "iframe", "object", "form"}
    assert [attrs["href"] for tag, attrs in tags.seen if tag == "a"] == [f"{BATCH}.csv"]
    assert not re.search(r"https?://|url\(|@import|javascript:", page)
    policy = [attrs["content"] for tag, attrs in tags.seen if "http-equiv" in attrs]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_the_page_can_be_read_by_all(run: Run) -> None:
    page = run(BELOW_ZERO, HOLDS).page.read_text(encoding="utf-8")
    tags = Tags(page)
    assert ("html", {"lang": "en"}) in tags.seen
    assert "<title>raw.acme_positions 2026-11-20: in quarantine</title>" in page
    headers = [attrs for tag, attrs in tags.seen if tag == "th"]
    assert headers
    assert all("scope" in attrs for attrs in headers)
    assert "prefers-color-scheme: dark" in page
    assert "did not hold" in page  # the result is a word, not a colour alone


def test_the_page_says_what_happens_to_the_batch(run: Run) -> None:
    assert (
        "In quarantine: 1 critical expectation did not hold. The batch published before is still "
        "read." in run(BELOW_ZERO, HOLDS).page.read_text(encoding="utf-8")
    )
    noted = run({**BELOW_ZERO, "severity": "info"}).page.read_text(encoding="utf-8")
    assert "Passed, with 1 thing noted." in noted
    assert "Passed: every expectation held." in run(HOLDS).page.read_text(encoding="utf-8")


def test_hostile_text_of_files_and_suites_is_shown_as_text(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "hostile.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE hostile AS SELECT ? AS amount, ? AS _file, 1 AS _line",
            ["<script>alert(1)</script>\n\u202e\x1b[31m", "<img src=x onerror=alert(1)>.csv"],
        )
        connection.execute(f"COPY hostile TO '{path}' (FORMAT parquet)")
    entry = expect("expect_column_values_to_be_in_set", column="amount", value_set=["</style>"])
    outcome = run({**entry, "notes": "<b>bold</b>"}, files=[path])
    page = outcome.page.read_text(encoding="utf-8")
    assert Tags(page).open == []
    assert not {"script", "img", "b"} & {tag for tag, _ in Tags(page).seen}
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\n\\u202e\\x1b[31m" in page
    assert page.count("</style>") == 1


def test_long_values_are_cut(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "long.parquet"
    duckdb.execute(
        f"COPY (SELECT repeat('x', 100000) AS amount, 'f' AS _file, 1 AS _line) TO '{path}'"
        " (FORMAT parquet)"
    )
    entry = expect("expect_column_values_to_be_in_set", column="amount", value_set=["a"])
    assert len(run(entry, files=[path]).page.read_text(encoding="utf-8")) < 20_000
