from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from wharf.timeliness.creep import Creep, creep, creep_text
from wharf.timeliness.learned import PastArrival

MINUTE = timedelta(minutes=1)


def past(afters: list[float]) -> list[PastArrival]:
    found = []
    for number, after in enumerate(afters):
        day = date(2026, 6, 1) + timedelta(days=number)
        opens = datetime(day.year, day.month, day.day, tzinfo=UTC)
        arrived = opens + timedelta(minutes=after, milliseconds=number)
        found.append(PastArrival(day.isoformat(), day, opens, opens + timedelta(days=3), arrived))
    return found


def test_a_jump_is_told_after_five_periods_and_not_after_four() -> None:
    calm = [60.0, 61, 59] * 10
    assert creep(past([*calm, *[75] * 4])) is None
    found = creep(past([*calm, *[75] * 5]))
    assert found is not None
    assert timedelta(minutes=14) < found.moved < timedelta(minutes=16)
    assert found.since == past([0] * 31)[-1].period


def test_a_minute_a_day_is_told_though_each_step_is_small() -> None:
    assert creep(past([60.0 + number for number in range(60)])) is not None


def test_what_always_varies_does_not_creep() -> None:
    wild = [60.0, 120, 30, 90, 150] * 12
    assert creep(past([*wild[:55], *[130.0] * 5])) is None


def test_ten_minutes_are_no_creep_however_steady_a_feed_is() -> None:
    assert creep(past([60.0] * 40 + [69.9] * 5)) is None
    assert creep(past([60.0] * 40 + [70.5] * 5)) is not None


def test_coming_earlier_is_told_as_well() -> None:
    found = creep(past([60.0] * 40 + [20.0] * 5))
    assert found is not None
    assert creep_text("acme.prices", found) == (
        "acme.prices comes 40 min earlier than it used to, since 2026-07-11"
    )


@pytest.mark.parametrize("count", [0, 5, 18])
def test_too_short_a_past_tells_nothing(count: int) -> None:
    assert creep(past([60.0] * max(count - 5, 0) + [300.0] * min(count, 5))) is None


def test_hours_are_told_as_hours() -> None:
    found = Creep(60 * MINUTE, 200 * MINUTE, "2026-11-20", 30)
    assert "2 h 20 min later" in creep_text("acme.prices", found)
