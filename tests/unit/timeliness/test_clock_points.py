from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wharf.contracts import Calendar, ClockPoint, Period, Terms
from wharf.contracts.product import ProductTerms
from wharf.timeliness.calendars import OpenDays, open_days
from wharf.timeliness.points import clock_points, product_points, resolve, to_utc

EVERY_DAY = OpenDays()
WORKING = open_days(None, "business_day")
ZONES = ["Europe/Amsterdam", "America/New_York", "Australia/Sydney", "Australia/Lord_Howe"]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def terms(**values: str) -> Terms:
    written = {"tz": "UTC", "opens": "T 00:00", "due": "T 12:00", "cutoff": "T+1d 12:00"}
    return Terms.model_validate({**written, **values})


@pytest.mark.parametrize(
    ("tz", "wall", "first", "last"),
    [
        pytest.param(*row, id=f"{row[0]} {row[1]}")
        for row in [
            ("Europe/Amsterdam", "2026-03-29T01:59", "2026-03-29T00:59", "2026-03-29T00:59"),
            ("Europe/Amsterdam", "2026-03-29T02:00", "2026-03-29T01:00", "2026-03-29T01:00"),
            ("Europe/Amsterdam", "2026-03-29T02:59", "2026-03-29T01:00", "2026-03-29T01:00"),
            ("Europe/Amsterdam", "2026-03-29T03:00", "2026-03-29T01:00", "2026-03-29T01:00"),
            ("Europe/Amsterdam", "2026-10-25T01:59", "2026-10-24T23:59", "2026-10-24T23:59"),
            ("Europe/Amsterdam", "2026-10-25T02:00", "2026-10-25T00:00", "2026-10-25T01:00"),
            ("Europe/Amsterdam", "2026-10-25T02:59", "2026-10-25T00:59", "2026-10-25T01:59"),
            ("Europe/Amsterdam", "2026-10-25T03:00", "2026-10-25T02:00", "2026-10-25T02:00"),
            ("America/New_York", "2026-03-08T01:59", "2026-03-08T06:59", "2026-03-08T06:59"),
            ("America/New_York", "2026-03-08T02:30", "2026-03-08T07:00", "2026-03-08T07:00"),
            ("America/New_York", "2026-03-08T03:00", "2026-03-08T07:00", "2026-03-08T07:00"),
            ("America/New_York", "2026-11-01T01:00", "2026-11-01T05:00", "2026-11-01T06:00"),
            ("America/New_York", "2026-11-01T01:59", "2026-11-01T05:59", "2026-11-01T06:59"),
            ("America/New_York", "2026-11-01T02:00", "2026-11-01T07:00", "2026-11-01T07:00"),
            ("Australia/Sydney", "2026-10-04T01:59", "2026-10-03T15:59", "2026-10-03T15:59"),
            ("Australia/Sydney", "2026-10-04T02:30", "2026-10-03T16:00", "2026-10-03T16:00"),
            ("Australia/Sydney", "2026-10-04T03:00", "2026-10-03T16:00", "2026-10-03T16:00"),
            ("Australia/Sydney", "2026-04-05T02:00", "2026-04-04T15:00", "2026-04-04T16:00"),
            ("Australia/Sydney", "2026-04-05T02:59", "2026-04-04T15:59", "2026-04-04T16:59"),
            ("Australia/Sydney", "2026-04-05T03:00", "2026-04-04T17:00", "2026-04-04T17:00"),
            # Lord Howe moves by half an hour only.
            ("Australia/Lord_Howe", "2026-10-04T01:59", "2026-10-03T15:29", "2026-10-03T15:29"),
            ("Australia/Lord_Howe", "2026-10-04T02:29", "2026-10-03T15:30", "2026-10-03T15:30"),
            ("Australia/Lord_Howe", "2026-10-04T02:30", "2026-10-03T15:30", "2026-10-03T15:30"),
            ("Australia/Lord_Howe", "2026-04-05T01:29", "2026-04-04T14:29", "2026-04-04T14:29"),
            ("Australia/Lord_Howe", "2026-04-05T01:30", "2026-04-04T14:30", "2026-04-04T15:00"),
            ("Australia/Lord_Howe", "2026-04-05T01:59", "2026-04-04T14:59", "2026-04-04T15:29"),
            ("Australia/Lord_Howe", "2026-04-05T02:00", "2026-04-04T15:30", "2026-04-04T15:30"),
            # Samoa had no 30 December 2011 at all.
            ("Pacific/Apia", "2011-12-30T12:00", "2011-12-30T10:00", "2011-12-30T10:00"),
        ]
    ],
)
def test_wall_time_on_a_daylight_saving_day_is_minute_exact(
    tz: str, wall: str, first: str, last: str
) -> None:
    local = datetime.fromisoformat(wall)
    assert to_utc(local, tz, "first") == utc(first)
    assert to_utc(local, tz, "last") == utc(last)


def test_night_that_has_its_hour_twice_opens_at_the_first_and_falls_due_at_the_second() -> None:
    night = Period.parse("day", "2026-10-25")
    points = clock_points(
        terms(
            tz="Europe/Amsterdam",
            opens="T 02:30",
            warn="T 02:30",
            due="T 02:30",
            grace="20m",
            cutoff="T 02:55",
        ),
        night,
        EVERY_DAY,
    )
    assert points.opens_at == points.warn_at == points.expected_at == utc("2026-10-25T00:30")
    assert points.due_at == utc("2026-10-25T01:30")
    assert points.late_at == utc("2026-10-25T01:50")
    assert points.cutoff_at == utc("2026-10-25T01:55")


def test_grace_is_added_in_real_minutes_across_the_spring_gap() -> None:
    points = clock_points(
        terms(tz="Europe/Amsterdam", due="T 01:50", grace="20m", cutoff="T 09:00"),
        Period.parse("day", "2026-03-29"),
        EVERY_DAY,
    )
    assert points.late_at == utc("2026-03-29T01:10")


def test_points_of_the_worked_timeline() -> None:
    points = clock_points(
        terms(
            tz="Europe/Amsterdam",
            opens="T+0 22:00",
            due="T+1bd 06:30",
            grace="20m",
            cutoff="T+3bd 18:00",
        ),
        Period.parse("business_day", "2026-11-20"),
        WORKING,
    )
    assert points.opens_at == utc("2026-11-20T21:00")
    assert points.due_at == utc("2026-11-23T05:30")
    assert points.late_at == utc("2026-11-23T05:50")
    assert points.cutoff_at == utc("2026-11-25T17:00")
    assert points.warn_at == points.expected_at == points.due_at


@pytest.mark.parametrize(
    ("kind", "key", "point", "expected"),
    [
        pytest.param("week", "2026-W47", "T-7d 00:00", "2026-11-09T00:00", id="before the week"),
        pytest.param("week", "2026-W47", "E+1bd 09:00", "2026-11-24T09:00", id="after its end"),
        pytest.param("month", "2026-11", "T+2bd 08:00", "2026-11-04T08:00", id="third open day"),
        pytest.param("month", "2026-10", "E-1bd 08:00", "2026-10-30T08:00", id="last open day"),
        pytest.param("quarter", "2026-Q4", "E 12:00", "2026-12-31T12:00", id="end of a quarter"),
        pytest.param("year", "2013", "E+31d 00:00", "2014-01-31T00:00", id="month after a year"),
        pytest.param("hour", "2026-11-20T0600Z", "T 01:20", "2026-11-20T07:20", id="from an hour"),
        pytest.param("day", "2026-11-21", "T+0bd 06:00", "2026-11-23T06:00", id="closed day rolls"),
    ],
)
def test_points_count_from_the_first_or_last_day(
    kind: str, key: str, point: str, expected: str
) -> None:
    period = Period.parse(kind, key)
    assert resolve(ClockPoint.parse(point), "UTC", period, WORKING) == utc(expected)


@pytest.mark.parametrize(
    ("on_holiday", "opens", "due", "cutoff"),
    [
        pytest.param("skip", "2026-11-21", "2026-11-21", "2026-11-22", id="skip stays"),
        pytest.param("expect_anyway", "2026-11-21", "2026-11-21", "2026-11-22", id="anyway stays"),
        pytest.param("roll_forward", "2026-11-21", "2026-11-23", "2026-11-24", id="forward"),
        pytest.param("roll_back", "2026-11-20", "2026-11-20", "2026-11-21", id="back"),
    ],
)
def test_holiday_rule_moves_the_due_day_of_a_closed_day(
    on_holiday: str, opens: str, due: str, cutoff: str
) -> None:
    saturday = Period.parse("day", "2026-11-21")
    points = clock_points(terms(), saturday, WORKING, on_holiday=on_holiday)
    assert points.opens_at == utc(f"{opens}T00:00")
    assert points.due_at == utc(f"{due}T12:00")
    assert points.cutoff_at == utc(f"{cutoff}T12:00")


def test_product_opens_at_local_midnight_and_decides_at_its_own_time() -> None:
    decides = ProductTerms.model_validate(
        {
            "tz": "America/New_York",
            "decide_at": "T+1bd 07:30",
            "due": "T+1bd 08:00",
            "cutoff": "T+3bd 18:00",
        }
    )
    points = product_points(decides, Period.parse("day", "2026-11-20"), WORKING)
    assert points.opens_at == utc("2026-11-20T05:00")
    assert points.decide_at == utc("2026-11-23T12:30")
    assert points.resolve(ClockPoint.parse("T+1bd 09:00")) == utc("2026-11-23T14:00")


def test_points_in_the_wrong_order_are_named() -> None:
    wrong = clock_points(
        terms(opens="T 13:00", due="T 12:00", grace="2h", cutoff="T 13:30"),
        Period.parse("day", "2026-11-20"),
        EVERY_DAY,
    )
    assert wrong.disorder() == [
        "expected (2026-11-20 12:00Z) comes before opens",
        "cutoff (2026-11-20 13:30Z) comes not after due + grace",
    ]
    right = clock_points(terms(), Period.parse("day", "2026-11-20"), EVERY_DAY)
    assert right.disorder() == []


WALLS = st.builds(
    datetime.combine,
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    st.builds(time, st.integers(0, 23), st.integers(0, 59)),
)


@given(st.sampled_from(ZONES), WALLS)
def test_instant_of_a_wall_time_reads_back_as_it_or_as_the_end_of_the_gap(
    tz: str, wall: datetime
) -> None:
    zone = ZoneInfo(tz)
    for ambiguous in ("first", "last"):
        at = to_utc(wall, tz, ambiguous)
        local = at.astimezone(zone).replace(tzinfo=None)
        before = (at - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None)
        assert local == wall or before < wall < local


@given(st.sampled_from(ZONES), WALLS, st.integers(0, 300))
def test_later_wall_times_never_give_earlier_instants(tz: str, wall: datetime, more: int) -> None:
    later = wall + timedelta(minutes=more)
    for ambiguous in ("first", "last"):
        assert to_utc(wall, tz, ambiguous) <= to_utc(later, tz, ambiguous)
    assert to_utc(wall, tz, "first") <= to_utc(wall, tz, "last")


HOLIDAYS = open_days(
    Calendar.model_validate(
        {
            "calendar": "dutch",
            "weekmask": "mon tue wed thu fri",
            "public_holidays": {"country": "NL"},
        }
    )
)


@given(
    st.sampled_from(ZONES),
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    st.sampled_from(["day", "week", "month"]),
    st.sampled_from(["T", "E"]),
    st.sampled_from(["d", "bd"]),
    st.lists(st.tuples(st.integers(-5, 5), st.times()), min_size=2, max_size=2),
    st.sampled_from([EVERY_DAY, WORKING, HOLIDAYS]),
)
def test_points_keep_the_order_in_which_the_contract_writes_them(
    tz: str,
    day: date,
    kind: str,
    base: str,
    unit: str,
    written: list[tuple[int, time]],
    days: OpenDays,
) -> None:
    period = Period.containing(kind, day)
    early, late = sorted((n, at.replace(second=0, microsecond=0, fold=0)) for n, at in written)
    points = [ClockPoint(base, n, unit, at) for n, at in (early, late)]  # type: ignore[arg-type]
    first, second = (resolve(point, tz, period, days) for point in points)
    assert first <= second
