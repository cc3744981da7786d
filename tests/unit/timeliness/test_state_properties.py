"""What holds of `evaluate` for any facts: order, repetition, and its next instant."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from wharf.timeliness.facts import ArrivalFact, BatchFact, DecisionFact, Facts, PollFact, State
from wharf.timeliness.points import ClockPoints
from wharf.timeliness.states import evaluate

START = datetime(2026, 11, 20, tzinfo=UTC)
LAST = 100
MINUTES = st.integers(0, LAST)
PARTS = ("a", "b")


def minute(count: int) -> datetime:
    return START + timedelta(minutes=count)


INSTANTS = MINUTES.map(minute)


@st.composite
def clock_points(draw: st.DrawFn) -> ClockPoints:
    opens, warn, due, late, cutoff = sorted(draw(st.lists(MINUTES, min_size=5, max_size=5)))
    return ClockPoints(minute(opens), minute(warn), minute(due), minute(late), minute(cutoff))


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[ArrivalFact, ...]:
    count = draw(st.integers(0, 6))
    found = []
    for seq in range(1, count + 1):
        first_seen = draw(INSTANTS)
        is_flag = draw(st.booleans())
        part = "" if is_flag else draw(st.sampled_from(PARTS))
        refused = draw(st.booleans()) and draw(st.booleans())
        found.append(
            ArrivalFact(
                seq=seq,
                part=part,
                path=f"p_{part}_{draw(st.integers(1, 2))}" if part else "p.ok",
                size=draw(st.integers(0, 2)),
                source_ts=draw(st.none() | INSTANTS),
                first_seen=first_seen,
                withdrawn=draw(st.booleans()) and draw(st.booleans()),
                refused=refused,
                is_done_flag=is_flag,
            )
        )
    return tuple(found)


STATUSES = ("STAGED", "AUDITED", "QUARANTINED", "PUBLISHED", "SUPERSEDED", "ROLLED_BACK")
FACTS = st.builds(
    Facts,
    points=clock_points(),
    judge_by=st.sampled_from(["arrival", "submission"]),
    parts=st.sampled_from([("a",), PARTS]),
    needs_done_flag=st.booleans(),
    stable_for=st.sampled_from([timedelta(0), timedelta(minutes=7)]),
    expected=st.sampled_from([True, True, True, False]),
    arrivals=arrivals(),
    polls=st.lists(st.builds(PollFact, INSTANTS, st.booleans()), max_size=12).map(tuple),
    batches=st.lists(
        st.builds(BatchFact, st.sampled_from(["b1", "b2"]), st.sampled_from(STATUSES), INSTANTS),
        max_size=3,
    ).map(tuple),
    decisions=st.lists(
        st.builds(
            DecisionFact,
            st.sampled_from(
                ["promise", "waive", "suspend", "maintenance", "ack", "snooze", "accept_partial"]
            ),
            st.none() | INSTANTS,
            INSTANTS,
            since=st.none() | INSTANTS,
            revoked_at=st.none() | INSTANTS,
        ),
        max_size=3,
    ).map(tuple),
    usual_by=st.none() | INSTANTS,
)


def without_clock(state: State) -> State:
    return replace(state, next_change_at=None)


@given(FACTS, INSTANTS, st.randoms(use_true_random=False))
def test_order_and_repetition_of_facts_do_not_matter(facts: Facts, now: datetime, random) -> None:  # type: ignore[no-untyped-def]
    def disturbed(items: tuple) -> tuple:  # type: ignore[type-arg]
        twice = [*items, *random.sample(items, random.randint(0, len(items)))]
        random.shuffle(twice)
        return tuple(twice)

    mixed = replace(
        facts,
        arrivals=disturbed(facts.arrivals),
        polls=disturbed(facts.polls),
        batches=disturbed(facts.batches),
        decisions=disturbed(facts.decisions),
    )
    assert evaluate(mixed, now) == evaluate(facts, now)


@given(FACTS, INSTANTS)
def test_state_stays_as_it_is_until_its_next_instant(facts: Facts, now: datetime) -> None:
    state = evaluate(facts, now)
    assert state.next_change_at is None or state.next_change_at > now
    end = min(state.next_change_at or minute(2 * LAST), minute(2 * LAST))
    while now < end:
        assert without_clock(evaluate(facts, now)) == without_clock(state)
        now += timedelta(minutes=1)
    just_before = end - timedelta(microseconds=1)
    assert without_clock(evaluate(facts, just_before)) == without_clock(state)


@given(FACTS)
def test_jumping_from_change_to_change_meets_every_state_of_a_minute_by_minute_clock(
    facts: Facts,
) -> None:
    walked = [without_clock(evaluate(facts, minute(count))) for count in range(2 * LAST)]
    jumped: list[State] = []
    now: datetime | None = minute(0)
    while now is not None:
        state = evaluate(facts, now)
        jumped.append(without_clock(state))
        now = state.next_change_at
    assert _without_repeats(jumped) == _without_repeats(walked)


@given(FACTS, INSTANTS)
def test_facts_of_the_future_are_not_known(facts: Facts, now: datetime) -> None:
    assert without_clock(evaluate(facts.known_at(now), now)) == without_clock(evaluate(facts, now))


@given(FACTS, INSTANTS)
def test_what_a_state_says_holds_together(facts: Facts, now: datetime) -> None:
    state = evaluate(facts, now)
    if state.timeliness in {"ON_TIME", "LATE_ARRIVED"}:
        assert state.complete_at is not None
    if state.timeliness in {"LATE", "MISSING", "UNKNOWN", "DUE", "AT_RISK", "SCHEDULED"}:
        assert state.complete_at is None
    if state.timeliness == "LATE":
        assert state.late_at <= now < facts.points.cutoff_at
    if state.timeliness == "MISSING":
        assert now >= facts.points.cutoff_at
    assert (state.late_by is not None) is (state.timeliness == "LATE_ARRIVED")
    assert (state.delivery == "PUBLISHED") is (state.published_at is not None)
    assert state.due_at == facts.points.due_at
    assert state.late_at >= facts.points.late_at


@given(FACTS, st.integers(0, 30))
@settings(max_examples=200)
def test_decided_row_stays_decided_unless_it_is_withdrawn_before_due(
    facts: Facts, later: int
) -> None:
    plain = replace(
        facts,
        arrivals=tuple(replace(each, withdrawn=False) for each in facts.arrivals),
        batches=(),
        stable_for=timedelta(0),
        decisions=(),
    )
    for count in range(LAST):
        state = evaluate(plain, minute(count))
        if state.complete_at is not None:
            after = evaluate(plain, minute(count + later))
            assert (after.timeliness, after.complete_at, after.late_by) == (
                state.timeliness,
                state.complete_at,
                state.late_by,
            )
            return


def _without_repeats(states: list[State]) -> list[State]:
    return [s for place, s in enumerate(states) if place == 0 or s != states[place - 1]]
