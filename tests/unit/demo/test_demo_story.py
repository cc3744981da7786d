"""The demo's five days tell the story of the issue on whatever day it is started."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from wharf.contracts import Feed, Period, load_feeds
from wharf.demo.days import Days, DuneDays, is_weekday
from wharf.demo.script import Actual, Expected, Script, differences, from_json, to_json
from wharf.demo.story import first_scripts
from wharf.timeliness.matching import match

PROJECT = Path(__file__).parents[3]
MONDAY = date(2026, 11, 16)
WEEK = [MONDAY + timedelta(days=number) for number in range(7)]
SUMMER_AND_CLOCK_CHANGES = [date(2026, 3, 9), date(2026, 11, 3), date(2026, 7, 1), date(2027, 1, 2)]


@pytest.fixture(params=[*WEEK, *SUMMER_AND_CLOCK_CHANGES], ids=str)
def today(request: pytest.FixtureRequest) -> date:
    day: date = request.param
    return day


@pytest.fixture(scope="module")
def feeds() -> dict[str, Feed]:
    return dict(load_feeds(PROJECT).feeds)


def story(today: date) -> dict[tuple[str, int], Script]:
    days = Days.up_to(today)
    return {
        (script.feed, days.number(date.fromisoformat(script.period))): script
        for script in first_scripts(days, today)
    }


def test_five_days_end_yesterday(today: date) -> None:
    days = Days.up_to(today)
    assert days.d5 == today - timedelta(days=1)
    assert len(days.all) == 5
    assert [days.number(day) for day in days.all] == [1, 2, 3, 4, 5]


def test_what_must_come_out_is_the_table_of_the_issue(today: date) -> None:
    told = {key: script.expected for key, script in story(today).items()}
    assert told["alder.parcels", 2].verdicts == ("NEW", "DUPLICATE")
    assert told["alder.parcels", 2].versions == 1
    assert told["alder.parcels", 3].verdicts == ("NEW", "RESTATEMENT", "RESTATEMENT")
    assert told["alder.parcels", 3].versions == 3
    assert told["birch.parcels", 2].rows_quarantined == 40
    assert told["birch.parcels", 2].rows_staged == 5_160
    assert told["cedar.parcels", 3].timeliness == "LATE_ARRIVED"
    assert told["signalpath.locations", 4].timeliness == "LATE_ARRIVED"
    assert told["ember.permits", 6].messages == ("late", "resolved")
    special = {
        ("alder.parcels", 2), ("alder.parcels", 3), ("birch.parcels", 2), ("cedar.parcels", 3),
        ("signalpath.locations", 4), ("ember.permits", 6),
    }  # fmt: skip
    for key, expected in told.items():
        if key not in special and not key[0].startswith("dune"):
            assert (expected.timeliness, expected.delivery) == ("ON_TIME", "PUBLISHED"), key


def test_dune_has_a_holiday_a_missing_day_and_a_broken_one(today: date) -> None:
    days = Days.up_to(today)
    scripts = {
        script.period: script.expected
        for script in first_scripts(days, today)
        if script.feed == "dune.parcels"
    }
    states = [scripts[str(day)].timeliness for day in days.all]
    weekend = [day for day in days.all if not is_weekday(day)]
    assert states.count("NOT_EXPECTED") == len(weekend) + 1
    opened = [period for period in sorted(scripts) if scripts[period].timeliness != "NOT_EXPECTED"]
    assert scripts[opened[-1]].delivery == "QUARANTINED"
    assert scripts[opened[-2]].timeliness == "MISSING"
    assert {scripts[period].delivery for period in opened[:-2]} == {"PUBLISHED"}


def test_dunes_holiday_is_a_weekday_and_its_earlier_day_is_open(today: date) -> None:
    days = Days.up_to(today)
    dune = DuneDays.among(days)
    assert dune.holiday in days.all
    assert is_weekday(dune.holiday)
    assert dune.plain
    if dune.earlier:
        assert is_weekday(dune.earlier)
        assert dune.earlier < days.d1


def test_every_file_has_a_name_its_contract_knows(today: date, feeds: dict[str, Feed]) -> None:
    count = 0
    for script in first_scripts(Days.up_to(today), today):
        for step in script.steps:
            for file in step.files:
                found = match(feeds[script.feed], file.path)
                assert found is not None, file.path
                assert found.period_key == script.period
                assert found.is_done_flag == file.path.endswith(".ok")
                count += 1
    assert count > 40


def test_files_are_submitted_before_due_but_for_those_told_late(
    today: date, feeds: dict[str, Feed]
) -> None:
    for script in first_scripts(Days.up_to(today), today):
        times = [file.submitted for step in script.steps for file in step.files]
        if not times or None in times:
            continue
        terms = feeds[script.feed].timeliness[0]
        day = date.fromisoformat(script.period)
        opens, due = (
            datetime.combine(day, point.at, ZoneInfo(terms.tz))
            for point in (terms.opens, terms.due)
        )
        whole = max(at for at in times if at is not None)
        assert min(at for at in times if at is not None) >= opens
        assert (whole <= due) == (script.expected.timeliness == "ON_TIME"), script.title
        assert whole < datetime(today.year, today.month, today.day, tzinfo=UTC)


def test_cedars_whole_file_comes_exactly_an_hour_after_due() -> None:
    script = story(date(2026, 11, 21))["cedar.parcels", 3]
    at = script.steps[1].files[0].submitted
    assert at == datetime(2026, 11, 18, 17, tzinfo=ZoneInfo("America/Chicago"))


def test_two_of_three_parts_are_there_at_due() -> None:
    first, second = story(date(2026, 11, 21))["signalpath.locations", 4].steps
    due = datetime(2026, 11, 19, 20, tzinfo=UTC)
    assert [file.path[-8:-7] for file in first.files] == ["a", "b"]
    assert all(file.submitted and file.submitted < due for file in first.files)
    assert all(file.submitted and file.submitted > due for file in second.files)


def test_versions_of_one_file_get_later_times() -> None:
    times = [step.files[0].submitted for step in story(MONDAY)["alder.parcels", 3].steps]
    assert times == sorted(times, key=str)
    assert len(set(times)) == 3


def test_periods_are_keys_of_their_contracts(today: date, feeds: dict[str, Feed]) -> None:
    for script in first_scripts(Days.up_to(today), today):
        Period.parse(feeds[script.feed].period.kind, script.period)


def test_scripts_survive_the_way_through_json(today: date) -> None:
    for script in first_scripts(Days.up_to(today), today):
        assert from_json(to_json(script)) == script


def test_differences_name_feed_period_and_field() -> None:
    key = ("alder.parcels", "2026-11-16")
    expected = {key: Expected(rows_staged=5_200)}
    right = Actual("ON_TIME", "PUBLISHED", ("NEW",), 1, 5_200, 0, ("late",))
    assert differences(expected, {key: right}) == []
    assert differences(expected, {}) == ["alder.parcels 2026-11-16: no such row in the ledger"]
    wrong = Actual("LATE", "PUBLISHED", ("NEW",), 1, 5_100)
    assert differences(expected, {key: wrong}) == [
        "alder.parcels 2026-11-16: timeliness is LATE, not ON_TIME",
        "alder.parcels 2026-11-16: rows_staged is 5100, not 5200",
    ]
