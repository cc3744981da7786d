"""No cell of ours is a formula, and the way back is exact."""

from __future__ import annotations

import csv
import io

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wharf.spreadsheet import csv_line, guard, guard_sql, guarded, unguard

STARTS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
TRICKY = st.text(st.sampled_from("'" + STARTS + 'a1; "é\0'), max_size=8)


@given(st.text() | TRICKY)
def test_the_way_back_is_exact(text: str) -> None:
    assert unguard(guard(text)) == text


@given(st.text() | TRICKY)
def test_no_guarded_text_begins_as_a_formula_does(text: str) -> None:
    assert not guard(text).startswith(tuple(STARTS))


@given(st.text() | TRICKY)
def test_what_needs_no_guard_is_left_alone(text: str) -> None:
    if not text.lstrip("'").startswith(tuple(STARTS)):
        assert guard(text) == text == unguard(text)


@pytest.mark.parametrize("start", list(STARTS), ids=[f"U+{ord(c):04X}" for c in STARTS])
def test_each_way_to_begin_a_formula_is_guarded(start: str) -> None:
    assert guard(f"{start}cmd|' /C calc'!A0") == f"'{start}cmd|' /C calc'!A0"


def test_a_name_with_an_apostrophe_that_somebody_typed_keeps_it() -> None:
    assert unguard("'s-Gravenhage") == "'s-Gravenhage"


@given(st.lists(st.text().filter(lambda text: "\0" not in text) | TRICKY, min_size=1, max_size=5))
def test_a_line_of_csv_comes_back_as_it_was_and_splits_at_no_other_mark(texts: list[str]) -> None:
    line = csv_line(texts)
    [cells] = csv.reader(io.StringIO(line, newline=""))
    assert [unguard(each) for each in cells] == texts
    assert line.startswith('"')


def test_numbers_stay_numbers() -> None:
    assert csv_line([1, -2.5, None, "-2.5"]) == '1,-2.5,"","\'-2.5"\r\n'
    assert guarded(-1) == -1


@given(TRICKY)
def test_sql_guards_as_python_does(text: str) -> None:
    if "\0" in text:
        return
    [[got]] = duckdb.execute(f"SELECT {guard_sql('t')} FROM (SELECT $1 AS t)", [text]).fetchall()
    assert got == guard(text)
