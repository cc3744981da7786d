from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from wharf.contracts import Calendar, Feed, Period, Terms
from wharf.contracts.calendars import combine_calendars
from wharf.timeliness.calendars import (
    OpenDays,
    _public_holidays,
    calendar_digest,
    calendar_problems,
    open_days,
)
from wharf.timeliness.horizon import is_expected, overlap, why_not_expected
from wharf.timeliness.points import ClockPoints, clock_points

DAY = timedelta(days=1)
# Written down by hand from the published lists, on purpose not by the library.
DUTCH = [
    "2026-01-01", "2026-04-03", "2026-04-05", "2026-04-06", "2026-04-27", "2026-05-14",
    "2026-05-24", "2026-05-25", "2026-12-25", "2026-12-26",
]  # fmt: skip
ENGLISH = [
    "2026-01-01", "2026-04-03", "2026-04-06", "2026-05-04", "2026-05-25", "2026-08-31",
    "2026-12-25", "2026-12-28",
]  # fmt: skip
NEW_YORK = [
    "2026-01-01", "2026-01-19", "2026-02-16", "2026-04-03", "2026-05-25", "2026-06-19",
    "2026-07-03", "2026-09-07", "2026-11-26", "2026-12-25",
]  # fmt: skip
WEEK = "mon tue wed thu fri"


def calendars(**written: dict[str, Any]) -> dict[str, OpenDays]:
    found = {
        name: Calendar.model_validate({"calendar": name, **keys}) for name, keys in written.items()
    }
    whole, problems = combine_calendars(found)
    assert not problems
    return {name: open_days(calendar) for name, calendar in whole.items()}


def year(first: date = date(2026, 1, 1)) -> list[date]:
    return [first + n * DAY for n in range(365)]


def working(holidays: list[str]) -> set[date]:
    closed = {date.fromisoformat(day) for day in holidays}
    return {day for day in year() if day.weekday() < 5 and day not in closed}


MADE = calendars(
    dutch={"weekmask": WEEK, "public_holidays": {"country": "NL"}},
    english={"weekmask": WEEK, "public_holidays": {"country": "GB", "subdivision": "ENG"}},
    new_york={"weekmask": WEEK, "public_holidays": {"exchange": "XNYS"}},
    weekend={"weekmask": "sat sun"},
    both={"intersection": ["dutch", "english"]},
    either={"union": ["dutch", "english"]},
    only_english={"union": ["english"], "minus": ["dutch"]},
    holidays_and_weekends={"minus": ["dutch"]},
    mixed={
        "union": ["dutch", "weekend"],
        "minus": ["only_english"],
        "closed": [{"from": "2026-07-20", "until": "2026-08-09"}],
        "holidays": ["2026-09-01"],
        "extra_days": ["2026-07-25", "2026-12-25"],
    },
)
NL, EN, NY = working(DUTCH), working(ENGLISH), working(NEW_YORK)
SUMMER = {date(2026, 7, 20) + n * DAY for n in range(21)}
ORACLE: dict[str, set[date]] = {
    "dutch": NL,
    "english": EN,
    "new_york": NY,
    "both": NL & EN,
    "either": NL | EN,
    "only_english": EN - NL,
    "holidays_and_weekends": set(year()) - NL,
    "mixed": (
        ((NL | {day for day in year() if day.weekday() > 4}) - (EN - NL) - SUMMER)
        - {date(2026, 9, 1)}
    ) | {date(2026, 7, 25), date(2026, 12, 25)},
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(ORACLE))
def test_each_day_of_a_year_is_open_as_sets_of_days_say(name: str) -> None:
    days = MADE[name]
    assert {day for day in year() if days.is_open(day)} == ORACLE[name]
    assert all((days.why_closed(day) is None) is (day in ORACLE[name]) for day in year())


@pytest.mark.parametrize("name", sorted(set(ORACLE) - {"only_english"}))
def test_counting_open_days_agrees_with_walking_over_them(name: str) -> None:
    days, listed = MADE[name], sorted(ORACLE[name])
    for day in year()[40:-90:7]:
        at = next(n for n, each in enumerate(listed) if each >= day)
        assert days.next_open(day) == listed[at]
        assert days.previous_open(day) == max(each for each in listed if each <= day)
        for count in (-5, -1, 0, 1, 5, 12):
            assert days.add_business_days(day, count) == listed[at + count], (day, count)
        later = day + 60 * DAY
        assert days.between(day, later) == sum(day < each <= later for each in listed)


def test_a_combined_calendar_says_which_part_closes_a_day() -> None:
    assert MADE["both"].why_closed(date(2026, 4, 27)) == "King's Day"
    assert MADE["both"].why_closed(date(2026, 8, 31)) == "Late Summer Bank Holiday"
    assert MADE["either"].why_closed(date(2026, 11, 21)) == (
        "Saturday is no open day in dutch; Saturday is no open day in english"
    )
    told = "dutch is open, which holidays_and_weekends leaves out"
    assert MADE["holidays_and_weekends"].why_closed(date(2026, 11, 20)) == told


def test_holidays_have_the_same_names_whatever_language_the_machine_speaks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _public_holidays.cache_clear()
    monkeypatch.setenv("LANGUAGE", "nl")
    days = calendars(berlin={"public_holidays": {"country": "DE", "subdivision": "BE"}})["berlin"]
    assert days.why_closed(date(2031, 12, 26)) == "Second Day of Christmas"


def test_an_exchange_knows_its_half_days_and_they_are_open() -> None:
    half = [day for day in year() if MADE["new_york"].is_half(day)]
    assert half == [date(2026, 11, 27), date(2026, 12, 24)]
    assert all(MADE["new_york"].is_open(day) for day in half)


def test_half_days_of_a_combined_calendar_are_those_on_which_nobody_works_longer() -> None:
    made = calendars(
        a={"half_days": ["2026-12-24", "2026-12-31"], "holidays": ["2026-12-30"]},
        b={"half_days": ["2026-12-24"], "holidays": ["2026-12-31"]},
        each={"union": ["a", "b"]},
        all={"intersection": ["a", "b"]},
    )
    assert [day for day in year() if made["each"].is_half(day)] == [
        date(2026, 12, 24), date(2026, 12, 31),
    ]  # fmt: skip
    assert [day for day in year() if made["all"].is_half(day)] == [date(2026, 12, 24)]


def test_a_calendar_ends_where_its_shortest_part_does() -> None:
    made = calendars(
        listed={"holidays": ["2026-12-25", "2027-04-05"]},
        dated={"holidays": ["2026-12-25"], "until": "2026-06-30"},
        endless={"public_holidays": {"country": "NL"}, "holidays": ["2026-12-24"]},
        all={"union": ["listed", "dated", "endless"]},
    )
    assert made["listed"].ends == date(2027, 12, 31)
    assert made["dated"].ends == made["all"].ends == date(2026, 6, 30)
    assert made["endless"].ends is None


def test_a_calendar_has_another_digest_when_a_part_of_it_changes() -> None:
    def digest(holiday: str) -> str:
        found = {
            "a": Calendar.model_validate({"calendar": "a", "holidays": [holiday]}),
            "b": Calendar.model_validate({"calendar": "b", "union": ["a"]}),
        }
        return calendar_digest(combine_calendars(found)[0]["b"])

    assert digest("2026-12-24") == digest("2026-12-24") != digest("2026-12-25")
    assert calendar_digest(None) == ""


@pytest.mark.parametrize(
    ("public", "told"),
    [
        pytest.param({"country": "ZZ"}, "ZZ", id="country"),
        pytest.param({"country": "US", "subdivision": "QQ"}, "US-QQ", id="subdivision"),
        pytest.param({"exchange": "NOWHERE"}, "NOWHERE", id="exchange"),
        pytest.param({"country": "NL", "categories": ["moon"]}, "moon", id="category"),
    ],
)
def test_holidays_that_no_library_knows_are_named(public: dict[str, Any], told: str) -> None:
    calendar = Calendar.model_validate({"calendar": "office", "public_holidays": public})
    [problem] = calendar_problems(calendar, 2026)
    assert told in problem
    assert "Python package holidays" in problem


def terms(**written: Any) -> Terms:
    return Terms.model_validate(
        {"tz": "UTC", "opens": "T 00:00", "due": "T 17:00", "cutoff": "T+1d 12:00", **written}
    )


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def at(
    promise: Terms, key: str, days: OpenDays, kind: str = "day", rule: str = "skip"
) -> ClockPoints:
    return clock_points(promise, Period.parse(kind, key), days, on_holiday=rule)


def test_a_half_day_has_the_points_that_the_terms_give_it_and_the_others_stay() -> None:
    promise = terms(on_half_day={"due": "T 14:00", "grace": "10m"})
    half = at(promise, "2026-11-27", MADE["new_york"])
    assert (half.due_at, half.late_at) == (utc("2026-11-27T14:00"), utc("2026-11-27T14:10"))
    assert half.cutoff_at == utc("2026-11-28T12:00")
    assert half.remark == "2026-11-27 is a half-day in new_york"
    whole = at(promise, "2026-11-25", MADE["new_york"])
    assert (whole.due_at, whole.late_at, whole.remark) == (
        utc("2026-11-25T17:00"), utc("2026-11-25T17:00"), "",
    )  # fmt: skip


def test_the_due_day_decides_whether_a_half_day_counts_and_not_the_day_of_the_data() -> None:
    promise = terms(due="T+1bd 12:00", cutoff="T+5bd 12:00", on_half_day={"due": "T+1bd 10:00"})
    assert at(promise, "2026-11-25", MADE["new_york"]).due_at == utc("2026-11-27T10:00")
    assert at(promise, "2026-11-27", MADE["new_york"]).due_at == utc("2026-11-30T12:00")


OFFICE = calendars(
    office={
        "weekmask": WEEK,
        "holidays": ["2026-12-25", "2026-12-28"],
        "one_off": [
            {"from": "2026-12-24", "to": "2026-12-22", "why": "the office closes early"},
            {"from": "2026-12-28", "to": "2026-12-30"},
        ],
    }
)["office"]


def test_what_is_moved_once_falls_due_on_the_other_day_and_says_why() -> None:
    earlier = at(terms(), "2026-12-24", OFFICE)
    assert (earlier.opens_at, earlier.due_at) == (utc("2026-12-22T00:00"), utc("2026-12-22T17:00"))
    assert earlier.cutoff_at == utc("2026-12-23T12:00")
    assert earlier.remark == "moved from 2026-12-24 to 2026-12-22: the office closes early"
    later = at(terms(), "2026-12-28", OFFICE)
    assert (later.opens_at, later.due_at) == (utc("2026-12-28T00:00"), utc("2026-12-30T17:00"))


def test_a_closed_day_whose_delivery_is_moved_is_expected_and_its_neighbour_is_not() -> None:
    spec = feed("day")
    assert is_expected(spec, Period.parse("day", "2026-12-28"), OFFICE)
    closed = Period.parse("day", "2026-12-25")
    assert why_not_expected(spec, closed, OFFICE) == "holiday in office"


def test_a_move_holds_for_whatever_falls_due_on_its_day() -> None:
    promise = terms(due="T+1bd 09:00", cutoff="T+4bd 09:00")
    assert at(promise, "2026-12-23", OFFICE).due_at == utc("2026-12-22T09:00")
    weekly = at(terms(due="E-1bd 09:00", cutoff="E+4d 09:00"), "2026-W52", OFFICE, "week")
    assert weekly.due_at == utc("2026-12-22T09:00")


CLOSED = calendars(
    closed={"weekmask": WEEK, "holidays": ["2026-11-16", "2026-12-31", "2026-12-01"],
            "closed": [{"from": "2026-08-01", "until": "2026-08-31"}]}
)["closed"]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "key", "due", "rule", "wanted"),
    [
        pytest.param("week", "2026-W47", "T 17:00", "skip", "2026-11-16", id="week stays"),
        pytest.param("week", "2026-W47", "T 17:00", "roll_forward", "2026-11-17", id="week on"),
        pytest.param("week", "2026-W47", "T 17:00", "roll_back", "2026-11-13", id="week back"),
        pytest.param("week", "2026-W47", "E 17:00", "roll_back", "2026-11-20", id="Sunday back"),
        pytest.param("month", "2026-12", "T 17:00", "roll_forward", "2026-12-02", id="month on"),
        pytest.param("month", "2026-12", "E 17:00", "roll_back", "2026-12-30", id="month back"),
        pytest.param("quarter", "2026-Q4", "E 17:00", "roll_forward", "2027-01-01", id="quarter"),
        pytest.param("year", "2026", "E 17:00", "roll_back", "2026-12-30", id="year back"),
    ],
)
def test_the_closed_due_day_of_a_longer_period_moves_by_the_holiday_rule(
    kind: str, key: str, due: str, rule: str, wanted: str
) -> None:
    promise = terms(opens="T-40d 00:00", due=due, cutoff="E+60d 00:00")
    points = at(promise, key, CLOSED, kind, rule)
    assert points.due_at == utc(f"{wanted}T17:00")
    assert bool(points.remark) is (rule != "skip")


@pytest.mark.parametrize(
    ("kind", "key", "rule", "expected"),
    [
        pytest.param("week", "2026-W47", "skip", True, id="a week with one closed day"),
        pytest.param("week", "2026-W33", "skip", False, id="a week all closed"),
        pytest.param("week", "2026-W33", "roll_forward", False, id="a closed week rolls nowhere"),
        pytest.param("week", "2026-W33", "expect_anyway", True, id="a closed week anyway"),
        pytest.param("month", "2026-08", "roll_back", False, id="a month all closed"),
        pytest.param("quarter", "2026-Q3", "skip", True, id="a quarter with a closed month"),
    ],
)
def test_a_longer_period_is_not_expected_only_without_any_open_day(
    kind: str, key: str, rule: str, expected: bool
) -> None:
    period = Period.parse(kind, key)
    spec = feed(kind, on_holiday=rule)
    assert is_expected(spec, period, CLOSED) is expected
    assert bool(why_not_expected(spec, period, CLOSED)) is not expected


def feed(kind: str, *, on_holiday: str = "skip", tz: str = "UTC") -> Feed:
    return Feed.model_validate(
        {
            "feed": "acme.positions",
            "active": {"from": Period.containing(kind, date(2020, 1, 1)).key},
            "table": "raw.acme_positions",
            "supplier": {"id": "acme"},
            "source": {"kind": "local", "connection": "inbox", "path": "p_{period}.csv"},
            "format": {"kind": "csv"},
            "columns": {},
            "period": {"kind": kind, "on_holiday": on_holiday},
            "timeliness": {"tz": tz, "opens": "T 00:00", "due": "T 12:00", "cutoff": "T+1d 12:00"},
        }
    )


def test_an_hour_belongs_to_the_day_that_the_offices_own_clock_shows() -> None:
    friday_evening = Period.parse("hour", "2026-11-21T0100Z")
    assert not is_expected(feed("hour"), friday_evening, MADE["new_york"])
    assert is_expected(feed("hour", tz="America/New_York"), friday_evening, MADE["new_york"])
    sunday_in_sydney = Period.parse("hour", "2026-11-21T1500Z")
    assert not is_expected(feed("hour", tz="Australia/Sydney"), sunday_in_sydney, MADE["dutch"])


def test_overlap_counts_periods_open_at_one_moment() -> None:
    three_days = terms(cutoff="T+3d 00:00")
    points = [at(three_days, f"2026-11-{day}", OpenDays()) for day in range(10, 20)]
    assert overlap(points) == 3
    assert overlap([]) == 0
