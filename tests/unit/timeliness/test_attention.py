from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wharf.contracts import Calendar
from wharf.contracts.alerts import Attention
from wharf.timeliness.attention import may_page, next_attention
from wharf.timeliness.calendars import OpenDays, open_days

OFFICE = open_days(
    Calendar.model_validate(
        {"calendar": "office", "weekmask": "mon tue wed thu fri", "holidays": ["2026-11-26"]}
    )
)
DESK = Attention.model_validate({"tz": "Europe/Amsterdam", "hours": "08:00-18:00"})
NIGHT = Attention.model_validate({"tz": "Europe/Amsterdam", "hours": "22:00-06:00"})


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "wanted"),
    [
        pytest.param("2026-11-20T06:59", "2026-11-20T07:00", id="a minute before they look"),
        pytest.param("2026-11-20T07:00", "2026-11-20T07:00", id="as they begin"),
        pytest.param("2026-11-20T16:59", "2026-11-20T16:59", id="the last minute"),
        pytest.param("2026-11-20T17:00", "2026-11-23T07:00", id="Friday evening waits for Monday"),
        pytest.param("2026-11-25T19:00", "2026-11-27T07:00", id="over a holiday"),
        pytest.param("2026-03-27T18:00", "2026-03-30T06:00", id="into summer time"),
    ],
)
def test_people_look_in_their_own_hours_on_their_own_days(at: str, wanted: str) -> None:
    assert next_attention(DESK, OFFICE, utc(at)) == utc(wanted)


@pytest.mark.parametrize(
    ("at", "wanted"),
    [
        pytest.param("2026-11-20T23:00", "2026-11-20T23:00", id="after midnight of their day"),
        pytest.param("2026-11-21T04:59", "2026-11-21T04:59", id="until Saturday morning"),
        pytest.param("2026-11-21T05:00", "2026-11-23T21:00", id="not on Saturday night"),
        pytest.param("2026-11-23T03:00", "2026-11-23T21:00", id="nor on Sunday night"),
    ],
)
def test_hours_over_midnight_belong_to_the_day_on_which_they_begin(at: str, wanted: str) -> None:
    assert next_attention(NIGHT, OFFICE, utc(at)) == utc(wanted)


@pytest.mark.parametrize(
    ("level", "may"),
    [("L0", True), ("L1", True), ("L2", False), ("L3", True)],
    ids=["board", "channel", "page", "critical"],
)
def test_only_a_page_that_is_not_critical_waits(level: str, may: bool) -> None:
    saturday = utc("2026-11-21T10:00")
    assert may_page(DESK, OFFICE, level, saturday) is may
    assert may_page(DESK, OFFICE, level, utc("2026-11-20T10:00"))
    assert may_page(None, OFFICE, level, saturday)


def test_without_hours_people_always_look() -> None:
    assert next_attention(None, OFFICE, utc("2026-11-21T10:00")) == utc("2026-11-21T10:00")


@given(
    st.sampled_from([DESK, NIGHT]),
    st.sampled_from([OFFICE, OpenDays()]),
    st.integers(0, 60 * 24 * 400).map(lambda n: utc("2026-01-01T00:00") + timedelta(minutes=n)),
)
def test_the_next_attention_is_the_first_instant_at_which_a_page_may_go(
    attention: Attention, days: OpenDays, at: datetime
) -> None:
    found = next_attention(attention, days, at)
    assert found >= at
    assert may_page(attention, days, "L2", found)
    step = timedelta(minutes=7)
    assert not any(
        may_page(attention, days, "L2", at + n * step) for n in range(-(-(found - at) // step))
    )
