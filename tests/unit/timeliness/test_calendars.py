from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wharf.contracts import Calendar
from wharf.errors import ContractError
from wharf.timeliness.calendars import OpenDays, open_days

COUNTY = open_days(
    Calendar.model_validate(
        {
            "calendar": "county_working_days",
            "weekmask": "Mon Tue Wed Thu Fri",
            "public_holidays": {"country": "US", "subdivision": "CO"},
            "holidays": ["2026-11-27"],
            "extra_days": ["2026-11-28"],
            "closed": [{"from": "2026-12-24", "until": "2027-01-01", "why": "year end closure"}],
        }
    )
)
DAYS = st.dates(date(2024, 1, 1), date(2029, 12, 31))


@pytest.mark.parametrize(
    ("day", "why"),
    [
        pytest.param(date(2026, 11, 25), None, id="a working day is open"),
        pytest.param(date(2026, 11, 26), "Thanksgiving Day", id="a public holiday is closed"),
        pytest.param(date(2026, 11, 27), "holiday in county_working_days", id="a listed holiday"),
        pytest.param(date(2026, 11, 28), None, id="an extra day beats its weekday"),
        pytest.param(
            date(2026, 11, 29), "Sunday is no open day in county_working_days", id="a weekday"
        ),
        pytest.param(date(2026, 12, 24), "year end closure", id="first day of a closed range"),
        pytest.param(date(2027, 1, 1), "year end closure", id="last day of a closed range"),
        pytest.param(date(2027, 1, 4), None, id="the day after a closed range"),
    ],
)
def test_calendar_says_why_a_day_is_closed(day: date, why: str | None) -> None:
    assert COUNTY.why_closed(day) == why
    assert COUNTY.is_open(day) is (why is None)


@pytest.mark.parametrize(
    ("day", "count", "expected"),
    [
        pytest.param(date(2026, 11, 25), 0, date(2026, 11, 25), id="open day plus none stays"),
        pytest.param(date(2026, 11, 26), 0, date(2026, 11, 28), id="closed day is the next open"),
        pytest.param(date(2026, 11, 26), 1, date(2026, 11, 30), id="one more counts from there"),
        pytest.param(date(2026, 11, 25), 2, date(2026, 11, 30), id="closed days do not count"),
        pytest.param(date(2026, 11, 30), -2, date(2026, 11, 25), id="backwards"),
        pytest.param(date(2026, 11, 29), -1, date(2026, 11, 28), id="last open before a closed"),
        pytest.param(date(2026, 12, 23), 1, date(2027, 1, 4), id="over the year end"),
    ],
)
def test_business_days_count_open_days_only(day: date, count: int, expected: date) -> None:
    assert COUNTY.add_business_days(day, count) == expected


def test_without_a_calendar_every_day_is_open() -> None:
    assert open_days(None).is_open(date(2026, 11, 28))


def test_business_day_feed_without_a_calendar_works_monday_to_friday() -> None:
    days = open_days(None, "business_day")
    assert [days.is_open(date(2026, 11, 23) + timedelta(days=n)) for n in range(7)] == [
        True, True, True, True, True, False, False,
    ]  # fmt: skip


def test_calendar_without_any_open_day_is_an_error_and_no_endless_search() -> None:
    never = OpenDays("never", weekdays=frozenset())
    with pytest.raises(ContractError, match="never: has no open day within ten years"):
        never.next_open(date(2026, 11, 20))


def test_unknown_country_is_a_contract_error() -> None:
    calendar = Calendar.model_validate(
        {"calendar": "nowhere", "public_holidays": {"country": "ZZ"}}
    )
    with pytest.raises(ContractError, match="ZZ"):
        open_days(calendar).is_open(date(2026, 11, 20))


@given(DAYS, st.integers(-30, 30), st.integers(-30, 30))
def test_moving_by_business_days_in_two_steps_is_moving_by_their_sum(
    day: date, first: int, second: int
) -> None:
    halfway = COUNTY.add_business_days(day, first)
    assert COUNTY.add_business_days(halfway, second) == COUNTY.add_business_days(
        day, first + second
    )


@given(DAYS, st.integers(0, 40))
def test_business_days_between_two_open_days_are_those_that_lead_there(
    day: date, count: int
) -> None:
    start = COUNTY.next_open(day)
    assert COUNTY.between(start, COUNTY.add_business_days(start, count)) == count
