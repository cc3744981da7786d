"""Calendars of any kind: what holds for all of them, whatever they say."""

from __future__ import annotations

from datetime import date, timedelta
from functools import reduce
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from wharf.contracts import Calendar, Period, Terms
from wharf.timeliness.calendars import OpenDays, open_days
from wharf.timeliness.points import ClockPoints, clock_points

DAY = timedelta(days=1)


def calendar(**keys: Any) -> OpenDays:
    return open_days(Calendar.model_validate({"calendar": "any", **keys}))


def terms(**written: Any) -> Terms:
    return Terms.model_validate(
        {"tz": "UTC", "opens": "T 00:00", "due": "T 17:00", "cutoff": "T+1d 12:00", **written}
    )


def at(promise: Terms, key: str, days: OpenDays, kind: str, rule: str) -> ClockPoints:
    return clock_points(promise, Period.parse(kind, key), days, on_holiday=rule)


ANY_CALENDAR = st.builds(
    lambda mask, listed, first, length, extra: calendar(
        weekmask=list(mask),
        holidays=[day.isoformat() for day in listed],
        closed=[{"from": first.isoformat(), "until": (first + length * DAY).isoformat()}],
        extra_days=[day.isoformat() for day in extra],
    ),
    st.sets(
        st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), min_size=1
    ).map(sorted),
    st.lists(st.dates(date(2026, 1, 1), date(2026, 12, 31)), max_size=30),
    st.dates(date(2026, 1, 1), date(2026, 12, 31)),
    st.integers(0, 40),
    st.lists(st.dates(date(2026, 1, 1), date(2026, 12, 31)), max_size=5),
)  # fmt: skip
DAYS_OF_2026 = st.dates(date(2026, 1, 1), date(2026, 12, 31))
RULES = st.sampled_from(["skip", "roll_forward", "roll_back", "expect_anyway"])


@given(ANY_CALENDAR, DAYS_OF_2026)
def test_rolling_ends_on_the_nearest_open_day(days: OpenDays, day: date) -> None:
    forward, back = days.next_open(day), days.previous_open(day)
    assert days.is_open(forward)
    assert days.is_open(back)
    between = [day + n * DAY for n in range((forward - day).days)]
    between += [day - n * DAY for n in range((day - back).days)]
    assert not any(days.is_open(each) for each in between)


@given(
    ANY_CALENDAR,
    DAYS_OF_2026,
    RULES,
    st.sampled_from(["day", "week", "month"]),
    st.lists(st.integers(0, 6), min_size=5, max_size=5).map(sorted),
    st.sampled_from(["d", "bd"]),
)
def test_points_keep_their_order_whatever_the_calendar_and_the_rule(
    days: OpenDays, day: date, rule: str, kind: str, offsets: list[int], unit: str
) -> None:
    opens, expected, warn, due, cutoff = (f"T+{n}{unit} 12:00" for n in offsets)
    promise = terms(opens=opens, expected=expected, warn=warn, due=due,
                    cutoff=cutoff.replace("12:00", "13:00"))  # fmt: skip
    points = at(promise, Period.containing(kind, day).key, days, kind, rule)
    assert points.disorder() == []


@given(ANY_CALENDAR, DAYS_OF_2026, RULES, st.sampled_from(["d", "bd"]), st.integers(0, 4))
def test_later_days_are_never_due_before_earlier_ones(
    days: OpenDays, day: date, rule: str, unit: str, offset: int
) -> None:
    promise = terms(due=f"T+{offset}{unit} 09:00", cutoff=f"T+{offset}{unit} 23:00")
    found = [at(promise, (day + n * DAY).isoformat(), days, "day", rule) for n in range(8)]
    assert all(a.due_at <= b.due_at and a.opens_at <= b.opens_at for a, b in pairwise(found))


@given(ANY_CALENDAR, ANY_CALENDAR, ANY_CALENDAR, DAYS_OF_2026)
def test_combined_calendars_are_the_sets_they_are_called_after(
    a: OpenDays, b: OpenDays, c: OpenDays, day: date
) -> None:
    parts = (a, b, c)
    opened = [each.is_open(day) for each in parts]
    assert OpenDays(union=parts).is_open(day) is any(opened)
    assert OpenDays(intersection=parts).is_open(day) is all(opened)
    assert OpenDays(union=(a,), minus=(b, c)).is_open(day) is (
        reduce(lambda left, right: left and not right, opened)
    )
