from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wharf.contracts import Period
from wharf.contracts.periods import SAMPLE
from wharf.errors import PeriodError

KINDS = ["day", "business_day", "week", "month", "quarter", "year"]
DAYS = st.dates(date(1970, 1, 1), date(2200, 1, 1))


@given(st.sampled_from(KINDS), DAYS)
def test_a_period_parses_what_it_prints(kind: str, day: date) -> None:
    period = Period.containing(kind, day)
    assert Period.parse(kind, str(period)) == period
    assert period.first <= day <= period.last


@given(st.sampled_from(KINDS), DAYS)
def test_periods_follow_each_other_without_gap(kind: str, day: date) -> None:
    period = Period.containing(kind, day)
    assert period.next().previous() == period
    assert (period.next().first - period.last).days == 1


@pytest.mark.parametrize("kind", SAMPLE)
def test_the_sample_of_each_kind_is_a_key(kind: str) -> None:
    assert Period.parse(kind, SAMPLE[kind]).key == SAMPLE[kind]


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("day", "2026-1-1"), ("day", "2026-02-30"), ("week", "2026-W54"), ("week", "2026-W7"),
        ("month", "2026-13"), ("quarter", "2026-Q5"), ("year", "26"), ("hour", "2026-11-20T06:00"),
        ("day", "../../etc"), ("week", ""),
    ],
)  # fmt: skip
def test_what_is_no_key_is_refused_with_a_sample(kind: str, key: str) -> None:
    with pytest.raises(PeriodError) as caught:
        Period.parse(kind, key)
    assert SAMPLE[kind] in str(caught.value)


def test_any_date_inside_a_period_finds_it() -> None:
    assert Period.find("week", "2026-11-22").key == "2026-W47"
    assert Period.find("year", "2013-08-31").key == "2013"


def test_paths_are_filled_from_first_and_last_day() -> None:
    week = Period.parse("week", "2026-W47")
    filled = week.fill("{period}/{period:%Y%m%d}-{period_end:%Y%m%d}_{part}")
    assert filled == "2026-W47/20261116-20261122_{part}"
