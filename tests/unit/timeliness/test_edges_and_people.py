"""What a person has a say in: parts that were accepted, approvals, anchors."""

from __future__ import annotations

from typing import Any

import pytest
from edge_world import (
    CUTOFF,
    DECIDE_AT,
    EARLY,
    LAST_GOOD,
    WORKING,
    ask,
    day,
    edge,
    points,
    used,
)

from wharf.contracts import Policy
from wharf.timeliness.edges import Candidate, Skip, Use, Wait, can_do_without, decide, has_fallback


def test_parts_that_a_person_accepted_are_read_as_partial() -> None:
    decision = ask(edge("same", "wait", "fail"), day(20, "b20", parts=(2, 3)), now=EARLY)
    assert used(decision) == (("b20",), "partial", 0)
    assert isinstance(decision, Use)
    assert decision.reason == "2026-11-20 has 2 of 3 parts"
    whole = ask(edge("same"), day(20, "b20", parts=(3, 3)), now=EARLY)
    assert used(whole) == (("b20",), "published", 0)


@pytest.mark.parametrize(("floor", "expected"), [(1, "b20"), (2, "b20"), (3, "b19")])
def test_min_parts_counts_parts_where_the_input_comes_in_parts(floor: int, expected: str) -> None:
    spec = edge("same", "wait", {"partial": {"min_parts": floor}}, LAST_GOOD, "fail")
    candidates = [day(19, "b19", parts=(3, 3)), day(20, "b20", parts=(2, 3))]
    decision = ask(spec, *candidates)
    assert isinstance(decision, Use)
    assert decision.batch_ids == (expected,)
    if expected == "b19":
        assert decision.reason == "2026-11-20 is ON_TIME and accepted with 2 of 3 parts"
        assert isinstance(ask(spec, *candidates, now=EARLY), Wait)


def test_last_good_that_needs_approval_waits_for_a_person_to_the_cut_off() -> None:
    asks = edge("same", "wait", {"last_good": {"max_age": "1bd", "needs_approval": True}}, "skip")
    candidates = [day(19, "b19"), day(20)]
    waits = ask(asks, *candidates)
    assert isinstance(waits, Wait)
    assert waits.until == CUTOFF
    assert "wharf use-last-good" in waits.reason
    assert isinstance(ask(asks, *candidates, now=CUTOFF), Skip)
    assert not has_fallback(asks)
    assert not can_do_without(asks, points(), candidates, days=WORKING)
    word = (Policy(kind="last_good", max_age="1bd"), "ada allowed it")
    said = decide(asks, points(), candidates, DECIDE_AT, days=WORKING, allowed=[word])
    assert used(said) == (("b19",), "last_good", 1)
    assert isinstance(ask(asks, day(12, "b12"), day(20)), Skip), "nothing young enough to ask for"


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ({"partial": {"needs_approval": True}}, "wharf accept-partial"),
        ({"skip": {"min_parts": 2}}, "min_parts goes with partial"),
        ({"partial": {"max_age": "1bd"}}, "max_age goes with last_good"),
    ],
)
def test_terms_of_another_policy_are_refused(policy: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        edge("same", policy)


def test_what_is_overdue_says_since_when() -> None:
    late = Candidate(day(20).period, "LATE", "NONE", due_at=EARLY)
    decision = ask(edge("same", "wait", "skip"), late)
    assert decision == Skip("2026-11-20 is LATE (due 2026-11-21 07:00 UTC) and NONE")


def test_an_anchored_edge_reads_its_batch_before_everything_else() -> None:
    bound = (day(18, "b18"), "ada anchored it")
    given = {"days": WORKING, "anchored": bound}
    for candidates in ([], [day(20)], [day(19, "b19"), day(20, "b20")]):
        decision = decide(edge("same"), points(), candidates, EARLY, **given)  # type: ignore[arg-type]
        assert used(decision) == (("b18",), "anchored", 2)
        assert isinstance(decision, Use)
        assert decision.is_anchored
        assert not decision.is_fallback


def test_an_anchor_to_a_later_period_binds_nothing() -> None:
    bound = (day(21, "b21"), "ada anchored it")
    decision = decide(edge("same"), points(), [day(20, "b20")], EARLY, days=WORKING, anchored=bound)
    assert used(decision) == (("b20",), "published", 0)
