from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wharf.contracts import Calendar, Feed, Period, Product
from wharf.timeliness.calendars import OpenDays, open_days
from wharf.timeliness.horizon import (
    expected_periods,
    expected_points,
    is_expected,
    product_periods,
)
from wharf.timeliness.points import clock_points

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def feed(
    kind: str = "day",
    *,
    on_holiday: str = "skip",
    active: dict[str, str] | None = None,
    **terms: str,
) -> Feed:
    first = Period.containing(kind, date(2020, 1, 1)).key
    written: dict[str, Any] = {
        "feed": "acme.positions",
        "active": active or {"from": first},
        "table": "raw.acme_positions",
        "supplier": {"id": "acme"},
        "source": {"kind": "local", "connection": "inbox", "path": "p_{period}.csv"},
        "format": {"kind": "csv"},
        "columns": {},
        "period": {"kind": kind, "on_holiday": on_holiday},
        "timeliness": {
            "tz": "UTC", "opens": "T 00:00", "due": "T 12:00", "cutoff": "T+1d 12:00", **terms,
        },
    }  # fmt: skip
    return Feed.model_validate(written)


def keys(periods: list[Period]) -> list[str]:
    return [period.key for period in periods]


def test_horizon_reaches_from_35_days_back_to_8_days_ahead() -> None:
    found = keys(expected_periods(feed(), OpenDays(), NOW))
    assert found[0] == "2026-10-15"
    assert found[-1] == "2026-11-28"
    assert len(found) == 45


def test_horizon_follows_offsets_far_from_the_period() -> None:
    found = keys(
        expected_periods(
            feed(opens="T+60d 00:00", due="T+61d 00:00", cutoff="T+90d 00:00"), OpenDays(), NOW
        )
    )
    assert found[0] == "2026-07-19"
    assert found[-1] == "2026-09-29"


def test_only_active_periods_are_expected() -> None:
    bounded = feed(active={"from": "2026-11-10", "until": "2026-11-12"})
    found = keys(expected_periods(bounded, OpenDays(), NOW))
    assert found == ["2026-11-10", "2026-11-11", "2026-11-12"]


def test_feed_that_starts_beyond_the_horizon_has_no_rows_yet() -> None:
    assert expected_periods(feed(active={"from": "2027-03-01"}), OpenDays(), NOW) == []


def test_weeks_and_months_are_found_across_the_year_end() -> None:
    weekly = expected_periods(
        feed("week", due="T 23:00", cutoff="T+6d 23:00"), OpenDays(), NOW + timedelta(days=48)
    )
    assert {"2026-W53", "2027-W01"} <= set(keys(weekly))
    monthly = keys(
        expected_periods(feed("month", due="E+5d 12:00", cutoff="E+9d 12:00"), OpenDays(), NOW)
    )
    assert monthly == ["2026-10", "2026-11"]


@pytest.mark.parametrize(
    ("kind", "key", "on_holiday", "expected"),
    [
        pytest.param("day", "2026-11-20", "skip", True, id="open day"),
        pytest.param("day", "2026-11-21", "skip", False, id="closed day"),
        pytest.param("business_day", "2026-11-21", "skip", False, id="closed business day"),
        pytest.param("day", "2026-11-21", "roll_forward", True, id="closed day rolls"),
        pytest.param("day", "2026-11-21", "expect_anyway", True, id="closed day anyway"),
        pytest.param("week", "2026-W47", "skip", True, id="week with open days"),
        pytest.param("week", "2026-W53", "skip", False, id="week without any open day"),
        pytest.param("week", "2026-W53", "roll_forward", False, id="a closed week cannot roll"),
        pytest.param("month", "2026-12", "skip", True, id="month with open days"),
    ],
)
def test_closed_days_are_not_expected(kind: str, key: str, on_holiday: str, expected: bool) -> None:
    days = open_days(
        Calendar.model_validate(
            {
                "calendar": "office",
                "weekmask": "mon tue wed thu fri",
                "closed": [{"from": "2026-12-28", "until": "2027-01-03"}],
            }
        )
    )
    found = is_expected(feed(kind, on_holiday=on_holiday), Period.parse(kind, key), days)
    assert found is expected


def test_closed_days_of_a_feed_have_rows_and_those_of_a_product_have_none() -> None:
    days = open_days(None, "business_day")
    product = Product.model_validate(
        {
            "product": "risk_daily",
            "active": {"from": "2026-11-20"},
            "period": {"kind": "day"},
            "timeliness": {
                "tz": "UTC",
                "decide_at": "T 07:30",
                "due": "T 08:00",
                "cutoff": "T 18:00",
            },
            "steps": [{"dbt": "tag:risk"}],
        }
    )
    assert "2026-11-21" in keys(expected_periods(feed(), days, NOW))
    assert keys(product_periods(product, days, NOW))[:3] == [
        "2026-11-20", "2026-11-23", "2026-11-24",
    ]  # fmt: skip


@given(
    st.sampled_from(["day", "week", "month"]),
    st.integers(0, 7 * 365 * 24).map(
        lambda hours: datetime(2022, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
    ),
    st.integers(-20, 20),
    st.integers(0, 70),
)
def test_horizon_holds_exactly_the_periods_that_touch_it(
    kind: str, now: datetime, opens: int, runs: int
) -> None:
    spec = feed(
        kind,
        opens=f"T{opens:+d}d 00:00",
        due=f"T{opens + runs:+d}d 12:00",
        cutoff=f"T{opens + runs:+d}d 13:00",
    )
    found = set(keys(expected_periods(spec, OpenDays(), now)))
    period = Period.containing(kind, now.date() - timedelta(days=200))
    while period.first < now.date() + timedelta(days=120):
        points = clock_points(spec, period, OpenDays())
        touches = points.cutoff_at >= now - timedelta(
            days=35
        ) and points.opens_at <= now + timedelta(days=8)
        assert (period.key in found) is touches
        period = period.next()


OFFICE = open_days(
    Calendar.model_validate(
        {
            "calendar": "office",
            "weekmask": "mon tue wed thu fri",
            "closed": [{"from": "2026-12-21", "until": "2027-01-03"}],
            "one_off": [
                {"from": "2026-11-25", "to": "2026-11-17"},
                {"from": "2026-12-09", "to": "2026-12-14"},
            ],
        }
    )
)


@given(
    st.sampled_from(["day", "week", "month"]),
    st.sampled_from(["skip", "roll_forward", "roll_back"]),
    st.integers(0, 90 * 24).map(lambda n: datetime(2026, 10, 20, tzinfo=UTC) + timedelta(hours=n)),
    st.integers(0, 40 * 24),
    st.integers(-9, 9),
)
def test_what_comes_in_sight_day_by_day_is_what_is_in_sight_at_last(
    kind: str, rule: str, then: datetime, hours: int, opens: int
) -> None:
    spec = feed(kind, on_holiday=rule, opens=f"T{opens:+d}d 00:00", due=f"T{opens:+d}d 12:00",
                cutoff=f"T{opens + 3:+d}d 12:00")  # fmt: skip
    now = then + timedelta(hours=hours)
    midnight = then.replace(hour=0)
    known = set(keys(expected_periods(spec, OFFICE, then)))
    entered = {period.key for period, _ in expected_points(spec, OFFICE, now, midnight)}
    assert set(keys(expected_periods(spec, OFFICE, now))) <= known | entered


def test_a_feed_without_surprises_looks_at_no_more_than_its_new_days() -> None:
    midnight = NOW.replace(hour=0)
    later = NOW + timedelta(days=2)
    entered = [period.key for period, _ in expected_points(feed(), OpenDays(), later, midnight)]
    assert entered == ["2026-11-29", "2026-11-30"]
