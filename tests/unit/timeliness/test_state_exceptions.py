"""Decisions of people, closed days, failed looks; due 12:00, late 12:20, cut-off next noon."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from wharf.timeliness.facts import (
    ArrivalFact,
    DecisionFact,
    Facts,
    PollFact,
)
from wharf.timeliness.points import ClockPoints
from wharf.timeliness.states import evaluate


def at(clock: str, day: int = 20) -> datetime:
    hour, minute = clock.split(":")
    return datetime(2026, 11, day, int(hour), int(minute), tzinfo=UTC)


POINTS = ClockPoints(
    opens_at=at("06:00"),
    warn_at=at("11:30"),
    due_at=at("12:00"),
    late_at=at("12:20"),
    cutoff_at=at("12:00", 21),
)
LOOKED = tuple(PollFact(at("06:00") + timedelta(minutes=n), ok=True) for n in range(0, 2880, 10))
NOTHING = Facts(points=POINTS, polls=LOOKED)


def seen(clock: str) -> ArrivalFact:
    return ArrivalFact(1, "", "p.csv", 10, None, at(clock))


def with_decision(kind: str, until: datetime | None, made: str, day: int = 20) -> Facts:
    decision = DecisionFact(kind, until, at(made, day), "ada", "they called")
    return replace(NOTHING, decisions=(decision,))


def test_promise_moves_the_alarm_and_never_due() -> None:
    facts = replace(with_decision("promise", at("14:00"), made="12:30"), polls=LOOKED[:1])
    assert evaluate(facts, at("12:25")).timeliness == "LATE"
    promised = evaluate(facts, at("12:30"))
    assert (promised.timeliness, promised.late_at) == ("AT_RISK", at("14:00"))
    assert promised.due_at == at("12:00")
    assert promised.next_change_at == at("14:00")
    assert evaluate(facts, at("14:00")).timeliness == "LATE"
    came = evaluate(replace(facts, arrivals=(seen("13:30"),)), at("13:30"))
    assert (came.timeliness, came.late_by) == ("LATE_ARRIVED", timedelta(minutes=90))


def test_last_promise_counts_and_none_brings_the_alarm_forward() -> None:
    decisions = (
        DecisionFact("promise", at("18:00"), at("10:00")),
        DecisionFact("promise", at("11:00"), at("10:30")),
    )
    state = evaluate(replace(NOTHING, decisions=decisions), at("11:00"))
    assert state.late_at == POINTS.late_at


def test_waived_row_is_not_expected_until_the_waiver_ends() -> None:
    facts = with_decision("waive", at("10:00", 21), made="13:00")
    assert evaluate(facts, at("12:59")).timeliness == "LATE"
    waived = evaluate(facts, at("13:00"))
    assert waived.timeliness == "NOT_EXPECTED"
    assert waived.reason == "waived by ada: they called"
    assert evaluate(facts, at("10:00", 21)).timeliness == "LATE"


def test_suspended_feed_expects_nothing_that_falls_due_meanwhile() -> None:
    facts = with_decision("suspend", at("18:00"), made="08:00")
    assert evaluate(facts, at("12:00", 22)).timeliness == "NOT_EXPECTED"
    too_late = with_decision("suspend", at("18:00"), made="12:30")
    assert evaluate(too_late, at("13:00")).timeliness == "LATE"


def test_arrival_on_a_closed_day_is_accepted_and_flagged() -> None:
    closed = replace(NOTHING, expected=False, not_expected_because="Thanksgiving Day")
    assert evaluate(closed, at("15:00", 21)).reason == "Thanksgiving Day"
    assert not evaluate(closed, at("15:00", 21)).unexpected
    state = evaluate(replace(closed, arrivals=(seen("10:00"),)), at("11:00"))
    assert (state.timeliness, state.delivery) == ("NOT_EXPECTED", "COMPLETE")
    assert state.unexpected


def test_learned_arrival_warns_earlier_and_moves_no_deadline() -> None:
    facts = replace(NOTHING, usual_by=at("08:00"))
    assert evaluate(facts, at("08:00")).timeliness == "AT_RISK"
    assert evaluate(facts, at("08:00")).late_at == POINTS.late_at


def failing(since: datetime, minutes: int) -> tuple[PollFact, ...]:
    return tuple(PollFact(since + timedelta(minutes=n), ok=False) for n in range(minutes + 1))


@pytest.mark.parametrize(
    ("polls", "now", "timeliness"),
    [
        pytest.param(failing(at("12:05"), 11), at("12:30"), "UNKNOWN", id="failing for 11 min"),
        pytest.param(failing(at("12:05"), 10), at("12:30"), "LATE", id="failing for 10 min only"),
        pytest.param(failing(at("12:25"), 30), at("13:00"), "LATE",
                     id="it was late before our looks failed"),
        pytest.param(failing(at("11:00"), 60), at("12:00"), "UNKNOWN", id="within the grace"),
        pytest.param(failing(at("07:00"), 60), at("08:00"), "DUE", id="nothing is claimed yet"),
        pytest.param((*failing(at("11:00"), 60), PollFact(at("12:30"), ok=True)), at("12:30"),
                     "LATE", id="the next good look decides"),
        pytest.param(failing(at("09:00", 21), 300), at("13:00", 21), "UNKNOWN",
                     id="at the cut-off"),
        pytest.param(failing(at("13:00", 21), 300), at("18:00", 21), "MISSING",
                     id="it was missing before our looks failed"),
    ],
)  # fmt: skip
def test_row_is_unknown_only_where_failed_looks_hide_the_answer(
    polls: tuple[PollFact, ...], now: datetime, timeliness: str
) -> None:
    good = PollFact(polls[0].at - timedelta(minutes=1), ok=True)
    assert evaluate(replace(NOTHING, polls=(good, *polls)), now).timeliness == timeliness


def test_row_that_nobody_looked_at_is_late_and_says_so() -> None:
    never = evaluate(replace(NOTHING, polls=()), at("13:00"))
    assert never.timeliness == "LATE"
    assert "nobody looked at the source" in never.reason
    paused = evaluate(replace(NOTHING, polls=(PollFact(at("09:00"), ok=True),)), at("13:00"))
    assert "nobody looked at the source since 2026-11-20 09:00 UTC" in paused.reason
