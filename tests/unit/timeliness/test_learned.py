from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wharf.contracts import Calendar, Period
from wharf.timeliness.calendars import open_days
from wharf.timeliness.learned import (
    ALL,
    PastArrival,
    Usual,
    describe,
    eligible,
    learn,
    stratum_of,
    usual_by,
    usual_for,
    why_not_usual,
)

FIRST = date(2026, 1, 5)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
minutes = st.integers(min_value=0, max_value=900)
histories = st.lists(minutes, min_size=0, max_size=90)


def came(number: int, after: float, **more: object) -> PastArrival:
    """The delivery of the nth day, so many minutes after its opening at 22:00 the day before."""
    day = FIRST + timedelta(days=number)
    opens = datetime(day.year, day.month, day.day, tzinfo=UTC) - 2 * HOUR
    # A second of its own each, so that none look as if they had been taken in together.
    arrived = opens + timedelta(minutes=after, seconds=number % 60, milliseconds=number)
    made = PastArrival(day.isoformat(), day, opens, opens + 48 * HOUR, arrived)
    return replace(made, **more)  # type: ignore[arg-type]


def past(afters: Sequence[float]) -> list[PastArrival]:
    return [came(number, after) for number, after in enumerate(afters)]


def seconds(known: Sequence[PastArrival]) -> list[float]:
    return [each.after_due.total_seconds() for each in known]


@given(histories)
def test_p50_and_p95_are_those_of_numpy(afters: list[int]) -> None:
    history = past(afters)
    usual = learn(history).get(ALL)
    if len(afters) < 14:
        assert usual is None
        return
    assert usual is not None
    values = seconds(history[-60:])
    assert usual.p50.total_seconds() == pytest.approx(np.percentile(values, 50), abs=1e-3)
    assert usual.p95.total_seconds() == pytest.approx(np.percentile(values, 95), abs=1e-3)
    middle = np.median(values)
    assert usual.mad.total_seconds() == pytest.approx(
        np.median([abs(each - middle) for each in values]), abs=1e-3
    )


@given(histories, st.randoms(use_true_random=False))
def test_the_order_in_which_the_past_is_told_does_not_matter(
    afters: list[int], random: object
) -> None:
    history = past(afters)
    mixed = [*history, *history[:5]]
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert learn(mixed) == learn(history)


@given(st.lists(minutes, min_size=14, max_size=60), st.data())
def test_one_wild_delivery_moves_the_median_by_less_than_a_gap(
    afters: list[int], data: st.DataObject
) -> None:
    calm = learn(past(afters))[ALL]
    place = data.draw(st.integers(0, len(afters) - 1))
    wild = [*afters]
    wild[place] = data.draw(st.sampled_from([0, 47 * 60]))
    found = learn(past(wild))[ALL]
    values = sorted(seconds(past(afters)))
    gaps = [after - before for before, after in pairwise(values)]
    assert abs(found.p50 - calm.p50).total_seconds() <= max(gaps) + 1e-3


@given(st.integers(2, 40), st.integers(0, 60), st.integers(0, 60))
def test_window_and_least_number_hold_at_their_edges(min_n: int, more: int, count: int) -> None:
    window = min_n + more
    found = learn(past([60] * count), window, min_n)
    assert (ALL in found) is (count >= min_n)
    if found:
        assert found[ALL].n == min(count, window)


def test_only_the_newest_deliveries_of_the_window_count() -> None:
    found = learn(past([600] * 60 + [60] * 60))
    assert found[ALL].p50 < 62 * MINUTE


def test_a_thin_stratum_falls_back_to_the_whole_feed() -> None:
    history = [
        replace(each, stratum="monday" if each.first.weekday() == 0 else "midweek")
        for each in past([30] * 40)
    ]
    found = learn(history)
    assert set(found) == {ALL, "midweek"}
    assert usual_for(found, "monday") == found[ALL]
    assert usual_for(found, "midweek") == found["midweek"]
    assert usual_for({}, "monday") is None


def test_a_stratum_has_a_window_of_its_own() -> None:
    history = [
        replace(each, stratum="monday" if each.first.weekday() == 0 else "midweek")
        for each in past([(300 if number % 7 == 0 else 60) for number in range(140)])
    ]
    found = learn(history)
    assert found["monday"].n == 20
    assert found["monday"].p50 > 299 * MINUTE
    assert found["midweek"].n == 60
    assert found[ALL].p50 < 62 * MINUTE


def test_what_was_waived_or_came_unseen_teaches_nothing() -> None:
    history = past([60] * 20)
    history[3] = replace(history[3], not_usual_because="our looks at the source failed")
    assert history[3] not in eligible(history)
    assert learn(history)[ALL].n == 19


def test_what_came_long_after_its_cutoff_is_history_and_no_arrival() -> None:
    history = [*past([60] * 20), came(20, 49 * 60), came(21, 73 * 60)]
    assert learn(history)[ALL].n == 21


def test_periods_taken_in_at_one_instant_teach_nothing() -> None:
    history = past([60] * 20)
    at = history[0].arrived_at
    together = [replace(each, arrived_at=at) for each in history[:3]]
    assert learn([*together, *history[3:]])[ALL].n == 17
    assert learn([*together[:2], *history[2:]])[ALL].n == 20


def test_restated_periods_count_only_where_there_are_too_few_others() -> None:
    history = [
        replace(each, is_restated=number % 2 == 0) for number, each in enumerate(past([60] * 30))
    ]
    assert learn(history)[ALL].n == 15
    assert learn(history[:20])[ALL].n == 20


def test_an_early_delivery_counts_from_opening_too() -> None:
    assert learn(past([-30] * 20))[ALL].p95 < timedelta(0)


@pytest.mark.parametrize(
    ("key", "stratum"),
    [
        ("2026-11-16", "monday"),
        ("2026-11-17", "midweek"),
        ("2026-11-20", "midweek"),
        ("2026-11-02", "monday first"),
        ("2026-11-30", "monday last"),
        ("2026-12-31", "midweek last"),
        ("2026-11-21", "weekend"),
    ],
)
def test_days_fall_into_strata(key: str, stratum: str) -> None:
    days = open_days(None, "business_day")
    assert stratum_of(Period.parse("business_day", key), days) == stratum


def test_the_first_open_day_of_a_month_is_the_calendars() -> None:
    closed = Calendar.model_validate(
        {"calendar": "office", "weekmask": "mon tue wed thu fri", "holidays": ["2026-11-02"]}
    )
    assert stratum_of(Period.parse("day", "2026-11-03"), open_days(closed)) == "midweek first"


@pytest.mark.parametrize("kind", ["week", "month", "quarter", "year"])
def test_longer_periods_have_one_stratum(kind: str) -> None:
    assert stratum_of(Period.containing(kind, FIRST), open_days(None)) == ALL


def test_the_usual_time_is_told_on_the_feeds_clock() -> None:
    usual = Usual(60, timedelta(minutes=-38, seconds=-40), timedelta(minutes=-20), MINUTE)
    due = datetime(2026, 11, 20, 5, 30, tzinfo=UTC)
    assert describe(usual, due, "Europe/Amsterdam") == "usually by 05:52, p95 06:10"
    assert usual_by(usual, due) == due + usual.p95
    assert describe(None, due, "UTC") == ""
    assert usual_by(None, due) is None


def test_a_time_on_another_day_is_told_with_its_weekday() -> None:
    usual = Usual(60, timedelta(hours=34), timedelta(hours=58), MINUTE)
    due = datetime(2026, 11, 16, tzinfo=UTC)
    assert describe(usual, due, "UTC") == "usually by Tue 10:00, p95 Wed 10:00"


OPENS = datetime(2026, 11, 19, 22, tzinfo=UTC)
CAME = OPENS + 8 * HOUR


@pytest.mark.parametrize(
    ("states", "last_look", "why"),
    [
        ([(OPENS, "DUE")], CAME - MINUTE, ""),
        ([(OPENS, "DUE"), (CAME + MINUTE, "NOT_EXPECTED")], CAME - MINUTE, ""),
        ([(OPENS, "NOT_EXPECTED"), (OPENS + HOUR, "DUE")], CAME - MINUTE, "not expected"),
        ([(OPENS, "DUE"), (OPENS + HOUR, "UNKNOWN")], CAME - MINUTE, "failed"),
        ([(CAME + MINUTE, "LATE_ARRIVED")], CAME - MINUTE, "there already"),
        ([(OPENS, "DUE")], CAME - HOUR, "nobody looked"),
        ([(OPENS, "DUE")], None, "nobody looked"),
    ],
)
def test_why_nothing_is_learned_from_a_delivery(
    states: list[tuple[datetime, str]], last_look: datetime | None, why: str
) -> None:
    told = why_not_usual(OPENS, CAME, states, last_look)
    assert why in told
    assert bool(why) is bool(told)
