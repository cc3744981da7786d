"""Both daylight-saving days, each minute, held against a walk through every minute of UTC."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from wharf.contracts import ClockPoint, Period, Terms
from wharf.contracts.product import ProductTerms
from wharf.timeliness.calendars import OpenDays
from wharf.timeliness.points import clock_points, product_points, to_utc

MINUTE = timedelta(minutes=1)
NIGHTS = [
    ("Europe/Amsterdam", date(2026, 3, 29), 60),
    ("Europe/Amsterdam", date(2026, 10, 25), -60),
    ("America/New_York", date(2026, 3, 8), 60),
    ("America/New_York", date(2026, 11, 1), -60),
    ("Australia/Sydney", date(2026, 10, 4), 60),
    ("Australia/Sydney", date(2026, 4, 5), -60),
    ("Australia/Lord_Howe", date(2026, 10, 4), 30),
    ("Australia/Lord_Howe", date(2026, 4, 5), -30),
    # Clocks that change at midnight, and a day that is not the same in UTC.
    ("America/Santiago", date(2026, 9, 6), 60),
    ("Africa/Cairo", date(2026, 4, 24), 60),
    ("Pacific/Chatham", date(2026, 9, 27), 60),
]
nights = pytest.mark.parametrize(
    ("tz", "day", "forward"),
    [pytest.param(*night, id=f"{night[0]} {night[1]}") for night in NIGHTS],
)


def walked(tz: str, day: date) -> tuple[dict[datetime, list[datetime]], list[datetime]]:
    """Each wall minute of a day with the UTC minutes that show it, by walking through UTC."""
    zone = ZoneInfo(tz)
    shown: dict[datetime, list[datetime]] = defaultdict(list)
    at = datetime.combine(day, time(), tzinfo=UTC) - timedelta(hours=16)
    end = at + timedelta(hours=58)
    while at < end:
        shown[at.astimezone(zone).replace(tzinfo=None)].append(at)
        at += MINUTE
    return shown, sorted(shown)


@nights
def test_every_minute_of_the_day_is_the_instant_that_a_walk_through_utc_finds(
    tz: str, day: date, forward: int
) -> None:
    shown, walls = walked(tz, day)
    twice = skipped = 0
    wall = datetime.combine(day, time())
    while wall.date() == day:
        if wall in shown:
            wanted = shown[wall]
            twice += len(wanted) == 2
        else:
            # What a clock skips stands for the first instant after the gap.
            wanted = [shown[next(each for each in walls if each > wall)][0]]
            skipped += 1
        assert to_utc(wall, tz, "first") == wanted[0], wall
        assert to_utc(wall, tz, "last") == wanted[-1], wall
        wall += MINUTE
    assert (skipped, twice) == ((forward, 0) if forward > 0 else (0, -forward))


@nights
def test_every_clock_point_of_a_contract_takes_its_side_of_the_night(
    tz: str, day: date, forward: int
) -> None:
    shown, _ = walked(tz, day)
    period = Period.containing("day", day)
    doubled = [wall for wall, found in shown.items() if len(found) == 2 and wall.date() == day]
    for wall in doubled[:: max(1, len(doubled) // 10)]:
        first, second = shown[wall]
        point = f"T {wall:%H:%M}"
        terms = Terms.model_validate(
            {
                "tz": tz, "opens": point, "expected": point, "warn": point, "due": point,
                "grace": "7m", "cutoff": point,
            }
        )  # fmt: skip
        points = clock_points(terms, period, OpenDays())
        assert (points.opens_at, points.expected_at, points.warn_at) == (first, first, first)
        assert (points.due_at, points.cutoff_at) == (second, second)
        assert points.late_at == second + timedelta(minutes=7)
        made = ProductTerms.model_validate(
            {"tz": tz, "decide_at": point, "due": point, "cutoff": point}
        )
        product = product_points(made, period, OpenDays())
        assert (product.decide_at, product.due_at, product.cutoff_at) == (second,) * 3
        assert product.resolve(ClockPoint.parse(point)) == second
    assert bool(doubled) is (forward < 0)


@pytest.mark.parametrize(
    ("tz", "day", "due", "wanted"),
    [
        pytest.param("Europe/Amsterdam", "2026-03-28", "T+1d 02:15", "2026-03-29T01:00", id="gap"),
        pytest.param(
            "Europe/Amsterdam", "2026-10-24", "T+1d 02:15", "2026-10-25T01:15", id="second of two"
        ),
        pytest.param(
            "America/New_York", "2026-10-30", "T+2d 01:30", "2026-11-01T06:30", id="two days on"
        ),
        pytest.param(
            "Australia/Sydney", "2026-10-05", "T-1d 02:59", "2026-10-03T16:00", id="a day back"
        ),
        pytest.param(
            "Australia/Lord_Howe", "2026-04-04", "T+1d 01:45", "2026-04-04T15:15", id="half an hour"
        ),
        pytest.param(
            "Australia/Lord_Howe", "2026-10-03", "T+1d 02:15", "2026-10-03T15:30", id="half a gap"
        ),
    ],
)
def test_day_offsets_count_on_the_wall_and_not_in_hours(
    tz: str, day: str, due: str, wanted: str
) -> None:
    terms = Terms.model_validate(
        {"tz": tz, "opens": "T-3d 00:00", "due": due, "cutoff": "T+9d 00:00"}
    )
    points = clock_points(terms, Period.parse("day", day), OpenDays())
    assert points.due_at == datetime.fromisoformat(wanted).replace(tzinfo=UTC)
