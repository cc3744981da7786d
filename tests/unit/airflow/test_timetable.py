"""The same period in every way of starting a run, in zones whose days are odd."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pendulum
import pytest
from airflow.exceptions import InvalidPartitionKeyError
from airflow.timetables.base import TimeRestriction

from wharf.airflow.timetable import CRON, PeriodTimetable
from wharf.contracts import Period

ZONES = (
    "UTC",
    "America/Chicago",
    "America/Havana",
    "America/Santiago",
    "Africa/Cairo",
    "Asia/Beirut",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
)
DAYS = {"hour": 4, "day": 800, "week": 1200, "month": 1500, "quarter": 2000, "year": 4000}
KEYS = {
    "hour": "2026-11-20T0600Z",
    "day": "2026-11-20",
    "week": "2026-W47",
    "month": "2026-11",
    "quarter": "2026-Q4",
    "year": "2026",
}


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("kind", sorted(CRON))
def test_backfilled_keys_are_the_periods_one_after_the_other(kind: str, zone: str) -> None:
    timetable = PeriodTimetable(kind, timezone=zone)
    first = datetime(2024, 1, 1, tzinfo=UTC)
    infos = timetable.iter_partition_dagrun_infos(
        earliest=first, latest=first + timedelta(days=DAYS[kind])
    )
    keys = [info.partition_key for info in infos]
    expected = [Period.parse(kind, str(keys[0]))]
    while len(expected) < len(keys):
        expected.append(expected[-1].next())
    assert keys == [str(period) for period in expected]
    assert expected[0].first == first.date()


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("kind", sorted(CRON))
def test_a_key_given_by_hand_has_the_partition_date_of_the_backfill(kind: str, zone: str) -> None:
    timetable = PeriodTimetable(kind, timezone=zone)
    first = datetime(2024, 1, 1, tzinfo=UTC)
    for info in timetable.iter_partition_dagrun_infos(
        earliest=first, latest=first + timedelta(days=DAYS[kind])
    ):
        assert timetable.resolve_partition_date(info.partition_key) == info.partition_date


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("kind", sorted(CRON))
def test_the_schedule_makes_the_runs_that_a_backfill_makes(kind: str, zone: str) -> None:
    timetable = PeriodTimetable(kind, timezone=zone)
    earliest = pendulum.instance(
        timetable.resolve_partition_date("2026" if kind == "year" else KEYS[kind])
    )
    restriction = TimeRestriction(earliest=earliest, latest=None, catchup=True)
    info = None
    for _ in range(40):
        info = timetable.next_dagrun_info_v2(last_dagrun_info=info, restriction=restriction)
        assert info is not None
        assert timetable.resolve_partition_date(info.partition_key) == info.partition_date
        assert info.run_after == info.partition_date
    assert info is not None
    assert str(info.partition_key) > KEYS[kind]


@pytest.mark.parametrize("kind", sorted(CRON))
def test_the_stored_form_gives_the_same_timetable(kind: str) -> None:
    timetable = PeriodTimetable(kind, timezone="Europe/Amsterdam")
    again = PeriodTimetable.deserialize(timetable.serialize())
    assert (again.kind, again.summary) == (timetable.kind, timetable.summary)
    assert again.resolve_partition_date(KEYS[kind]) == timetable.resolve_partition_date(KEYS[kind])


def test_business_days_run_each_day() -> None:
    assert PeriodTimetable("business_day", timezone="UTC").summary == "each day, UTC"


def test_hours_are_utc_whatever_the_zone() -> None:
    timetable = PeriodTimetable("hour", timezone="Asia/Kolkata")
    assert timetable.resolve_partition_date("2026-11-20T0600Z") == datetime(
        2026, 11, 20, 6, tzinfo=UTC
    )


def test_partition_date_is_local_midnight_of_the_first_day() -> None:
    timetable = PeriodTimetable("week", timezone="Europe/Amsterdam")
    wanted = datetime(2026, 11, 16, tzinfo=ZoneInfo("Europe/Amsterdam"))
    assert timetable.resolve_partition_date("2026-W47") == wanted


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("day", "2026-W47"),
        ("day", "2026-11-2"),
        ("day", "20261120"),
        ("week", "2026-11-20"),
        ("week", "2026-W1"),
        ("week", "2025-W53"),
        ("month", "2026-11-20"),
        ("quarter", "2026-Q5"),
        ("year", "26"),
        ("hour", "2026-11-20T0630Z"),
    ],
)
def test_a_malformed_key_is_refused_with_a_sample(kind: str, key: str) -> None:
    timetable = PeriodTimetable(kind, timezone="UTC")
    with pytest.raises(InvalidPartitionKeyError, match=f"is not a {kind}; write it as"):
        timetable.resolve_partition_date(key)
