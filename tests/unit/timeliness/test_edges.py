"""Edges of a product decided at 07:30 of the next working day; its cut-off is 18:00 two days on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from edge_world import (
    CUTOFF,
    DECIDE_AT,
    EARLY,
    LAST_GOOD,
    WORKING,
    ask,
    closed,
    day,
    edge,
    points,
    used,
)
from hypothesis import given
from hypothesis import strategies as st

from wharf.contracts import Edge, Period
from wharf.timeliness.calendars import OpenDays
from wharf.timeliness.edges import (
    Candidate,
    Fail,
    Skip,
    Use,
    Wait,
    can_do_without,
    decide,
    has_fallback,
    may_read,
)


def test_published_input_is_used_at_once() -> None:
    decision = ask(
        edge("same", "wait", LAST_GOOD, "fail"), day(19, "b19"), day(20, "b20"), now=EARLY
    )
    assert used(decision) == (("b20",), "published", 0)


def test_missing_input_is_waited_for_until_the_product_decides() -> None:
    decision = ask(edge("same", "wait", LAST_GOOD, "fail"), day(19, "b19"), day(20), now=EARLY)
    assert decision == Wait(DECIDE_AT, "2026-11-20 is LATE and NONE")


def test_input_that_nobody_knows_of_yet_is_waited_for() -> None:
    assert isinstance(ask(edge("same"), now=EARLY), Wait)
    assert isinstance(ask(edge("latest"), now=EARLY), Wait)
    assert ask(edge("latest")) == Fail("nothing of this input was ever published")


@pytest.mark.parametrize(
    ("on_missing", "expected"),
    [
        pytest.param(["wait", LAST_GOOD, "fail"], "b19", id="last good is young enough"),
        pytest.param([LAST_GOOD, "fail"], "b19", id="wait need not be written"),
        pytest.param(["wait", {"last_good": {"max_age": "0d"}}, "skip"], Skip, id="too old"),
        pytest.param(["wait", "skip"], Skip, id="skip"),
        pytest.param(["wait", "fail"], Fail, id="fail"),
        pytest.param(["wait", {"partial": {"min_parts": 1}}, "skip"], Skip, id="no part of one"),
        pytest.param(["wait", {"last_good": {"max_age": "0d"}}], Fail, id="nothing is allowed"),
    ],
)
def test_first_allowed_policy_applies_when_the_product_decides(
    on_missing: list[Any], expected: Any
) -> None:
    decision = ask(edge("same", *on_missing), day(19, "b19"), day(20))
    if isinstance(expected, str):
        assert used(decision) == ((expected,), "last_good", 1)
    else:
        assert isinstance(decision, expected)


def test_wait_as_last_entry_means_until_the_cutoff() -> None:
    waits = edge("same", "wait", {"last_good": {"max_age": "0d"}}, "wait")
    assert ask(waits, day(19, "b19"), day(20)) == Wait(CUTOFF, "2026-11-20 is LATE and NONE")
    assert isinstance(ask(waits, day(19, "b19"), day(20), now=CUTOFF), Fail)
    assert isinstance(ask(edge("same", "wait"), day(20)), Wait)


def test_an_edge_may_wait_longer_than_its_product() -> None:
    waits = edge("same", {"wait": "T+1bd 09:00"}, LAST_GOOD, "fail")
    until = datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert ask(waits, day(19, "b19"), day(20)) == Wait(until, "2026-11-20 is LATE and NONE")
    assert used(ask(waits, day(19, "b19"), day(20), now=until)) == (("b19",), "last_good", 1)


def test_a_later_wait_lets_older_data_in_only_after_it() -> None:
    waits = edge(
        "same",
        "wait",
        LAST_GOOD,
        {"wait": "T+2bd 09:00"},
        {"last_good": {"max_age": "5bd"}},
        "fail",
    )
    until = datetime(2026, 11, 24, 9, tzinfo=UTC)
    assert isinstance(ask(waits, day(16, "b16"), day(20)), Wait)
    assert used(ask(waits, day(16, "b16"), day(20), now=until)) == (("b16",), "last_good", 4)


def test_age_in_business_days_follows_the_inputs_calendar() -> None:
    monday = points("2026-11-23")
    good = edge("same", "wait", LAST_GOOD, "fail")
    later = datetime(2026, 11, 24, 7, 30, tzinfo=UTC)
    candidates = [day(20, "b20"), closed(21), closed(22), day(23)]
    by_office = decide(good, monday, candidates, later, days=WORKING)
    assert used(by_office) == (("b20",), "last_good", 3)
    assert isinstance(decide(good, monday, candidates, later, days=OpenDays()), Fail)


def test_periods_after_the_products_own_are_never_read() -> None:
    decision = ask(edge("latest", "wait", "last_good"), day(19, "b19"), day(20), day(21, "b21"))
    assert used(decision) == (("b19",), "last_good", 1)


def test_latest_waits_for_the_newest_expected_period() -> None:
    latest = edge("latest", "wait", {"last_good": {"max_age": "5d"}}, "fail")
    assert isinstance(ask(latest, day(19, "b19"), day(20), now=EARLY), Wait)
    quarantined = Candidate(Period.parse("day", "2026-11-20"), "ON_TIME", "QUARANTINED")
    missing = day(19, timeliness="MISSING")
    decision = ask(latest, day(18, "b18"), missing, quarantined)
    assert used(decision) == (("b18",), "last_good", 2)
    assert isinstance(decision, Use)
    assert decision.reason == "2026-11-20 is ON_TIME and QUARANTINED"
    assert decision.is_fallback


def test_closed_day_of_a_snapshot_reads_the_newest_older_batch_at_once() -> None:
    decision = ask(edge("latest"), day(18, "b18"), day(19, "b19"), closed(20), now=EARLY)
    assert used(decision) == (("b19",), "not_expected", 1)
    assert isinstance(decision, Use)
    assert not decision.is_fallback
    still_open = ask(edge("latest"), day(18, "b18"), day(19), closed(20), now=EARLY)
    assert used(still_open) == (("b18",), "not_expected", 2)


def test_batch_that_came_on_a_closed_day_is_the_latest() -> None:
    decision = ask(edge("latest"), day(19, "b19"), closed(20, "b20"), now=EARLY)
    assert used(decision) == (("b20",), "published", 0)


def test_closed_day_of_an_increment_waits_for_the_newest_expected_period() -> None:
    latest = edge("latest")
    open_period = ask(latest, day(18, "b18"), day(19), closed(20), now=EARLY, is_snapshot=False)
    assert isinstance(open_period, Wait)
    done = ask(latest, day(18, "b18"), day(19, "b19"), closed(20), now=EARLY, is_snapshot=False)
    assert used(done) == (("b19",), "published", 1)


def test_closed_or_waived_period_read_as_same_is_not_waited_for() -> None:
    allowed = edge("same", "wait", LAST_GOOD, "fail")
    assert used(ask(allowed, day(19, "b19"), closed(20), now=EARLY)) == (("b19",), "last_good", 1)
    decision = ask(edge("same"), day(19, "b19"), closed(20), now=EARLY)
    assert decision == Skip("nothing is expected for 2026-11-20")


def test_last_good_of_an_increment_is_the_product_without_the_missing_period() -> None:
    good = edge("same", "wait", {"last_good": {"max_age": "5d"}}, "fail")
    decision = ask(good, day(19, "b19"), day(20), is_snapshot=False)
    assert used(decision) == ((), "last_good", 0)
    assert isinstance(decision, Use)
    assert decision.reason == "2026-11-20 is LATE and NONE; made without it"
    assert decision.period is None
    too_old = ask(edge("same", "wait", LAST_GOOD, "fail"), day(2, "b2"), day(20), is_snapshot=False)
    assert isinstance(too_old, Fail)


def test_last_n_reads_the_newest_periods_oldest_first() -> None:
    candidates = [day(20, "b20"), day(18, "b18"), closed(19), day(17, "b17"), day(16, "b16")]
    assert used(ask(edge("last: 3"), *candidates)) == (("b17", "b18", "b20"), "published", 0)


@pytest.mark.parametrize(
    ("policy", "is_snapshot", "batches", "named"),
    [
        pytest.param(
            "last_good", True, ("b16", "b17", "b18"), "last_good", id="older in its place"
        ),
        pytest.param("last_good", False, ("b17", "b18"), "last_good", id="increments without it"),
        pytest.param(
            {"partial": {"min_parts": 2}}, True, ("b17", "b18"), "partial", id="two of three"
        ),
    ],
)
def test_last_n_with_one_missing(
    policy: Any, is_snapshot: bool, batches: tuple[str, ...], named: str
) -> None:
    candidates = [day(16, "b16"), day(17, "b17"), day(18, "b18"), day(20)]
    decision = ask(edge("last: 3", "wait", policy), *candidates, is_snapshot=is_snapshot)
    assert used(decision) == (batches, named, 2)


def test_partial_below_its_floor_is_not_allowed() -> None:
    spec = edge("last: 3", "wait", {"partial": {"min_parts": 3}}, "skip")
    assert isinstance(ask(spec, day(17, "b17"), day(18, "b18"), day(20)), Skip)


def test_all_reads_every_published_period_and_waits_for_the_newest() -> None:
    candidates = [day(16, "b16"), day(17, timeliness="MISSING"), day(18, "b18")]
    everything = edge("all", "wait", "last_good")
    assert isinstance(ask(everything, *candidates, day(20), now=EARLY), Wait)
    done = ask(everything, *candidates, day(20, "b20"), now=EARLY)
    assert used(done) == (("b16", "b18", "b20"), "published", 0)
    assert used(ask(everything, *candidates, day(20))) == (("b16", "b18"), "last_good", 2)


def test_same_of_another_period_kind_reads_the_latest_that_ended() -> None:
    weeks = [
        Candidate(Period.parse("week", "2026-W46"), "ON_TIME", "PUBLISHED", "w46"),
        Candidate(Period.parse("week", "2026-W47"), "ON_TIME", "PUBLISHED", "w47"),
    ]
    assert used(ask(edge("same"), *weeks)) == (("w46",), "published", 5)


def test_closed_period_without_anything_older_is_waited_for() -> None:
    assert isinstance(ask(edge("latest"), day(19), closed(20), now=EARLY), Wait)


@pytest.mark.parametrize(
    ("on_missing", "expected"),
    [
        pytest.param(["wait", LAST_GOOD, "fail"], True, id="last good stands in"),
        pytest.param(["wait", {"last_good": {"max_age": "0d"}}, "fail"], False, id="too old"),
        pytest.param(["wait", "skip"], False, id="no product at all"),
        pytest.param(["wait"], False, id="waits on"),
    ],
)
def test_product_can_do_without_what_its_decision_replaces_if_nothing_comes(
    on_missing: list[Any], expected: bool
) -> None:
    spec = edge("same", *on_missing)
    assert can_do_without(spec, points(), [day(19, "b19"), day(20)], days=WORKING) is expected


def test_fallback_by_contract_asks_for_no_data() -> None:
    assert has_fallback(edge("same", "wait", LAST_GOOD, "fail"))
    assert has_fallback(edge("last: 3", "wait", {"partial": {"min_parts": 2}}))
    assert not has_fallback(edge("same", "wait", "skip"))


CANDIDATES = st.dictionaries(
    st.integers(1, 28), st.sampled_from(["batch", "none", "closed", "closed batch"]), max_size=10
).map(
    lambda days: [
        (closed if "closed" in what else day)(n, f"b{n}" if "batch" in what else None)
        for n, what in days.items()
    ]
)
EDGES = st.builds(
    edge,
    st.sampled_from(["same", "latest", "last: 3", "all"]),
    st.sampled_from(
        [
            "wait",
            "last_good",
            LAST_GOOD,
            "skip",
            {"last_good": {"max_age": "3d", "needs_approval": True}},
        ]
    ),
    st.sampled_from(["wait", "last_good", {"partial": {"min_parts": 2}}, "fail"]),
)
NOWS = st.integers(0, 10 * 24 * 60).map(
    lambda minutes: datetime(2026, 11, 20, tzinfo=UTC) + timedelta(minutes=minutes)
)


@given(EDGES, CANDIDATES, NOWS, st.booleans())
def test_any_decision_reads_published_batches_of_no_later_period(
    spec: Edge, candidates: list[Candidate], now: datetime, is_snapshot: bool
) -> None:
    decision = ask(spec, *candidates, now=now, is_snapshot=is_snapshot)
    assert decision == ask(spec, *candidates[::-1], now=now, is_snapshot=is_snapshot)
    if isinstance(decision, Wait):
        assert decision.until > now
    if isinstance(decision, Use):
        published = {each.batch_id for each in candidates if each.batch_id}
        assert set(decision.batch_ids) <= published
        assert all(period.key <= "2026-11-20" for period, _ in decision.batches)
        assert list(decision.batches) == sorted(decision.batches, key=lambda each: each[0].key)


@given(EDGES, CANDIDATES, NOWS, st.booleans(), st.integers(1, 28))
def test_an_edge_changes_only_when_a_period_that_it_may_read_does(
    spec: Edge, candidates: list[Candidate], now: datetime, is_snapshot: bool, number: int
) -> None:
    others = [each for each in candidates if each.period.first.day != number]
    before = ask(spec, *others, now=now, is_snapshot=is_snapshot)
    after = ask(spec, *others, day(number, "new"), now=now, is_snapshot=is_snapshot)
    if isinstance(after, Use) and "new" in after.batch_ids:
        assert may_read(spec, points().period, day(number).period)
    if not may_read(spec, points().period, day(number).period):
        read = [each.batch_ids for each in (before, after) if isinstance(each, Use)]
        assert len(set(read)) <= 1


@given(EDGES, CANDIDATES, NOWS, st.booleans())
def test_decision_after_a_wait_is_none_before_its_end(
    spec: Edge, candidates: list[Candidate], now: datetime, is_snapshot: bool
) -> None:
    decision = ask(spec, *candidates, now=now, is_snapshot=is_snapshot)
    if isinstance(decision, Wait):
        middle = now + (decision.until - now) / 2
        assert ask(spec, *candidates, now=middle, is_snapshot=is_snapshot) == decision
