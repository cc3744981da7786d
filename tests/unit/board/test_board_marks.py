from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import date, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wharf.board import marks, strips
from wharf.board.marks import ALL, NOTHING, code_of, code_of_text, worst
from wharf.board.wanted import SPANS, Wanted, read_wanted
from wharf.ledger.heat import MARKS
from wharf.timeliness.facts import DeliveryState, Timeliness

CODES = st.text(st.sampled_from([*ALL, NOTHING]), max_size=90)


def test_every_state_there_is_has_a_letter() -> None:
    assert set(MARKS) == set(get_args(Timeliness))
    for timeliness in get_args(Timeliness):
        for delivery in get_args(DeliveryState):
            for is_expected in (True, False):
                assert code_of(timeliness, delivery, is_expected) in ALL


def test_what_is_in_quarantine_counts_for_that_as_well() -> None:
    assert ALL[code_of("ON_TIME", "QUARANTINED")].tones == {"quarantined"}
    assert ALL[code_of("LATE", "QUARANTINED")].tones == {"late", "quarantined"}
    assert ALL[code_of("LATE", "NONE")].tones == {"late"}


def test_the_ledgers_text_and_a_state_give_the_same_letter() -> None:
    assert code_of_text("lq") == code_of("LATE", "QUARANTINED") == "L"
    assert code_of_text("nx") == code_of("NOT_EXPECTED", "NONE", False) == "n"
    assert code_of_text("n") == code_of("NOT_EXPECTED", "NONE", True) == "e"


@pytest.mark.parametrize(
    ("codes", "expected"), [(" o", "o"), ("no", "o"), ("oc", "c"), ("lm", "l"), ("Lq", "L")]
)
def test_the_worst_of_a_day_is_what_a_supplier_shows(codes: str, expected: str) -> None:
    assert worst(codes) == expected


@given(CODES)
def test_a_strip_draws_every_day_in_its_place(codes: str) -> None:
    drawn = ET.fromstring(str(strips.strip(codes)))
    covered = [" "] * len(codes)
    for path in drawn:
        tone = path.attrib["class"].removeprefix("s-")
        if tone in {"hole", "slit"}:
            continue
        for run in path.attrib["d"].removeprefix("M").split("M"):
            start, length = int(run.split(" ")[0]), int(run.split("h")[1])
            for day in range(start // 10, (start + length + 2) // 10):
                assert covered[day] == " "
                covered[day] = tone
    assert covered == [ALL[code].tone if code != NOTHING else " " for code in codes]


@given(CODES)
def test_a_strip_in_words_counts_every_day(codes: str) -> None:
    told = strips.summary(codes)
    held = sum(code in "LMUR" for code in codes)
    numbers = [int(each.split()[0]) for each in told.split(", ") if told != "nothing yet"]
    assert sum(numbers) == len(codes) - codes.count(NOTHING) + held


def test_a_month_of_fine_days_is_one_line() -> None:
    assert len(strips.strip("o" * 90)) < 200


def test_the_ruler_names_mondays() -> None:
    days = tuple(date(2026, 11, 1) + timedelta(days=n) for n in range(20))
    assert "2 Nov" in strips.ruler(days)
    assert "9 Nov" in strips.ruler(days)
    assert strips.ruler(()) == ""


def test_only_what_is_judged_counts_for_the_share() -> None:
    assert marks.on_time_rate("ooocl") == 0.6
    assert marks.on_time_rate("nesd u") is None
    assert marks.on_time_rate("qk") == 0.5, "in quarantine is no word on the supplier's clock"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, Wanted()),
        ({"days": "90", "view": "list", "state": "late"}, Wanted(90, "list", state="late")),
        ({"days": "9999"}, Wanted(days=SPANS[-1])),
        ({"days": "-3", "page": "²"}, Wanted()),
        ({"days": "0", "page": "0"}, Wanted(days=1)),
        ({"view": "<script>", "state": "drop table", "group": ""}, Wanted()),
        ({"q": "x" * 5000}, Wanted(q="x" * 200)),
        ({"page": "9" * 40}, Wanted()),
    ],
    ids=["plain", "given", "long", "odd", "small", "hostile", "wordy", "huge"],
)
def test_any_address_is_a_view(query: dict[str, str], expected: Wanted) -> None:
    assert read_wanted(query) == expected


@given(
    st.builds(
        Wanted,
        days=st.integers(1, 90),
        view=st.sampled_from(["grid", "list"]),
        group=st.sampled_from(["feed", "supplier"]),
        state=st.sampled_from(["", "late", "trouble"]),
        supplier=st.text(max_size=20),
        q=st.text(max_size=20),
        open=st.text(max_size=20),
    )
)
def test_a_view_and_its_address_are_the_same(wanted: Wanted) -> None:
    from urllib.parse import parse_qsl

    query = dict(parse_qsl(wanted.to().removeprefix("./").removeprefix("?")))
    assert read_wanted(query) == wanted


def test_a_change_of_view_begins_at_its_first_page() -> None:
    assert "page" not in Wanted(page=3).to(days=7)
    assert Wanted(days=7).to(page=3) == "?days=7&page=3"
    assert Wanted(open="a").toggled("b") == "?open=a%2Cb"
    assert Wanted(open="a,b").toggled("b") == "?open=a"
