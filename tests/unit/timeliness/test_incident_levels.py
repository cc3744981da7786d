"""How loud an incident gets, what it is called, and whose need counts; due is 06:30."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wharf.contracts import Period, Product
from wharf.timeliness.calendars import OpenDays
from wharf.timeliness.facts import Facts
from wharf.timeliness.incidents import (
    Need,
    Row,
    dedup_key,
    level_of,
    need_of,
)
from wharf.timeliness.points import ClockPoints
from wharf.timeliness.states import evaluate


def at(clock: str, day: int = 20) -> datetime:
    hour, minute = clock.split(":")
    return datetime(2026, 11, day, int(hour), int(minute), tzinfo=UTC)


POINTS = ClockPoints(
    opens_at=at("22:00", 19),
    warn_at=at("06:30"),
    due_at=at("06:30"),
    late_at=at("06:50"),
    cutoff_at=at("18:00", 22),
)
NOTHING = Facts(points=POINTS)
RISK = Need("risk_daily", tier=1, decide_at=at("07:30"), has_fallback=False)

RISK_CAN_WAIT = replace(RISK, has_fallback=True)
TIER_TWO = replace(RISK, tier=2)


@pytest.mark.parametrize(
    ("needs", "now", "level"),
    [
        pytest.param((), at("12:00"), "L1", id="no consumer never pages"),
        pytest.param((RISK,), at("06:25"), "L1", id="more than an hour before"),
        pytest.param((RISK,), at("06:55"), "L2", id="decides without it within the hour"),
        pytest.param((RISK,), at("07:30"), "L3", id="its decision has passed"),
        pytest.param((RISK_CAN_WAIT,), at("07:30"), "L1", id="last good stands in"),
        pytest.param((TIER_TWO,), at("07:30"), "L1", id="tier two never pages"),
        pytest.param((RISK_CAN_WAIT, RISK), at("06:55"), "L2", id="the neediest counts"),
    ],
)
def test_level_follows_what_consumers_need(
    needs: tuple[Need, ...], now: datetime, level: str
) -> None:
    row = Row("acme.positions", "2026-11-20", "acme", POINTS, evaluate(NOTHING, now), needs=needs)
    assert level_of(row, now) == level
    loud = level_of(replace(row, floor="L2"), now)
    assert loud == (max(level, "L2") if needs else "L1")


def test_a_row_of_late_periods_pages_where_the_contract_says_so_and_somebody_reads_it() -> None:
    row = Row("a.b", "2026-11-20", "a", POINTS, evaluate(NOTHING, at("06:55")), needs=(TIER_TWO,))
    third = replace(row, page_after_streak=3, streak=3)
    assert level_of(replace(third, streak=2), at("06:55")) == "L1"
    assert level_of(third, at("06:55")) == "L2"
    assert level_of(replace(third, needs=()), at("06:55")) == "L1"


def test_need_of_a_product_is_its_own_period_of_the_same_days() -> None:
    product = Product.model_validate(
        {
            "product": "risk_weekly",
            "tier": 1,
            "active": {"from": "2026-W47"},
            "period": {"kind": "week"},
            "timeliness": {
                "tz": "UTC",
                "decide_at": "E+1d 07:30",
                "due": "E+1d 08:00",
                "cutoff": "E+2d 08:00",
            },
            "steps": [{"dbt": "tag:risk"}],
        }
    )
    need = need_of(product, Period.parse("day", "2026-11-20"), OpenDays(), has_fallback=True)
    assert need == Need("risk_weekly", 1, at("07:30", 23), has_fallback=True, period="2026-W47")
    before = Period.containing("day", date(2026, 11, 13))
    assert need_of(product, before, OpenDays(), has_fallback=True) is None


@given(st.text(), st.text(), st.text(), st.text())
def test_dedup_key_is_short_plain_and_the_incidents_own(
    env: str, kind: str, feed: str, period: str
) -> None:
    key = dedup_key(env, kind, feed, period)
    assert re.fullmatch(r"[A-Za-z0-9:._-]{1,120}", key)
    assert dedup_key(env, kind, feed + "x", period) != key
