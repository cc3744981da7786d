"""The states of lateness.md 4.4, one sentence each; due is 12:00, late 12:20, cut-off next noon."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from wharf.timeliness.facts import (
    ArrivalFact,
    BatchFact,
    Facts,
    PollFact,
    Problem,
    State,
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

PARTED = replace(NOTHING, parts=("a", "b", "c"), needs_done_flag=True)


def seen(
    clock: str,
    *,
    seq: int = 1,
    part: str = "",
    path: str = "",
    size: int = 10,
    sent: str | None = None,
    flag: bool = False,
    gone: bool = False,
    refused: bool = False,
    day: int = 20,
) -> ArrivalFact:
    return ArrivalFact(
        seq=seq,
        part=part,
        path=path or f"p_{part}.csv",
        size=size,
        source_ts=at(sent, day) if sent else None,
        first_seen=at(clock, day),
        withdrawn=gone,
        refused=refused,
        is_done_flag=flag,
    )


def with_arrivals(*arrivals: ArrivalFact, facts: Facts = NOTHING) -> Facts:
    return replace(facts, arrivals=arrivals)


@pytest.mark.parametrize(
    ("now", "timeliness", "next_change"),
    [
        pytest.param(at("05:59"), "SCHEDULED", at("06:00"), id="before it opens"),
        pytest.param(at("06:00"), "DUE", at("11:30"), id="open"),
        pytest.param(at("11:29"), "DUE", at("11:30"), id="a minute before the warning"),
        pytest.param(at("11:30"), "AT_RISK", at("12:20"), id="after the warning"),
        pytest.param(at("12:00"), "AT_RISK", at("12:20"), id="due, within the grace"),
        pytest.param(at("12:20"), "LATE", at("12:00", 21), id="the grace is over"),
        pytest.param(at("11:59", 21), "LATE", at("12:00", 21), id="a minute before the cut-off"),
        pytest.param(at("12:00", 21), "MISSING", None, id="past the cut-off"),
        pytest.param(at("12:00", 30), "MISSING", None, id="long past the cut-off"),
    ],
)
def test_row_without_any_arrival_follows_the_clock(
    now: datetime, timeliness: str, next_change: datetime | None
) -> None:
    state = evaluate(replace(NOTHING, polls=LOOKED[:1]), now)
    assert (state.timeliness, state.delivery) == (timeliness, "NONE")
    assert state.next_change_at == next_change
    assert state.late_by is None


@pytest.mark.parametrize(
    ("arrival", "timeliness", "late_by"),
    [
        pytest.param(seen("05:00"), "ON_TIME", None, id="early, before it opens"),
        pytest.param(seen("12:00"), "ON_TIME", None, id="at the minute it is due"),
        pytest.param(seen("12:01"), "LATE_ARRIVED", 1, id="grace does not make it punctual"),
        pytest.param(seen("13:11"), "LATE_ARRIVED", 71, id="after the alarm"),
    ],
)
def test_first_complete_arrival_decides_timeliness(
    arrival: ArrivalFact, timeliness: str, late_by: int | None
) -> None:
    state = evaluate(with_arrivals(arrival), at("18:00"))
    assert (state.timeliness, state.delivery) == (timeliness, "COMPLETE")
    assert state.late_by == (None if late_by is None else timedelta(minutes=late_by))
    assert not state.recovered


def test_early_file_counts_before_the_row_opens() -> None:
    assert evaluate(with_arrivals(seen("04:00")), at("05:00")).timeliness == "ON_TIME"


def test_arrival_after_the_cutoff_recovers_a_missing_row() -> None:
    facts = with_arrivals(seen("13:00", day=21))
    assert evaluate(facts, at("12:30", 21)).timeliness == "MISSING"
    state = evaluate(facts, at("13:00", 21))
    assert (state.timeliness, state.recovered) == ("LATE_ARRIVED", True)
    assert state.late_by == timedelta(hours=25)


def test_judged_by_submission_a_late_row_becomes_on_time_when_it_was_sent_in_time() -> None:
    facts = replace(with_arrivals(seen("13:00", sent="11:50")), judge_by="submission")
    assert evaluate(facts, at("12:30")).timeliness == "LATE"
    state = evaluate(facts, at("13:00"))
    assert state.timeliness == "ON_TIME"
    assert state.late_by_submission == timedelta(minutes=-10)
    assert state.late_by_arrival == timedelta(minutes=60)


def test_both_lateness_figures_are_kept_when_judged_by_arrival() -> None:
    state = evaluate(with_arrivals(seen("13:00", sent="12:40")), at("13:00"))
    assert state.timeliness == "LATE_ARRIVED"
    assert state.late_by == state.late_by_arrival == timedelta(minutes=60)
    assert state.late_by_submission == timedelta(minutes=40)


def test_file_dated_in_the_future_was_submitted_no_later_than_we_saw_it() -> None:
    state = evaluate(with_arrivals(seen("11:00", sent="23:00")), at("12:00"))
    assert state.submitted_at == at("11:00")


def test_trusted_source_time_is_the_arrival() -> None:
    arrival = replace(seen("12:10", sent="11:55"), trusted=True)
    assert evaluate(with_arrivals(arrival), at("12:10")).timeliness == "ON_TIME"


def test_delivery_is_partial_until_every_part_and_the_flag_are_there() -> None:
    facts = with_arrivals(
        seen("10:00", seq=1, part="a"),
        seen("10:10", seq=2, part="b"),
        seen("13:00", seq=3, part="c"),
        seen("13:05", seq=4, path="p.ok", size=0, flag=True),
        facts=PARTED,
    )
    story = [(c, evaluate(facts, at(c))) for c in ("09:00", "10:00", "12:30", "13:00", "13:05")]
    assert [(clock, s.timeliness, s.delivery, s.parts_present) for clock, s in story] == [
        ("09:00", "DUE", "NONE", 0),
        ("10:00", "DUE", "PARTIAL", 1),
        ("12:30", "LATE", "PARTIAL", 2),
        ("13:00", "LATE", "PARTIAL", 3),
        ("13:05", "LATE_ARRIVED", "COMPLETE", 3),
    ]
    assert "2 of 3 parts, missing c" in story[2][1].reason
    assert "the done-flag is missing" in story[3][1].reason
    assert story[4][1].complete_at == at("13:05")


def test_flag_alone_is_only_seen() -> None:
    state = evaluate(
        with_arrivals(seen("10:00", path="p.ok", size=0, flag=True), facts=PARTED), at("11:00")
    )
    assert (state.timeliness, state.delivery) == ("DUE", "SEEN")


def test_submission_of_parts_is_that_of_the_last_one() -> None:
    facts = replace(
        with_arrivals(
            seen("10:00", seq=1, part="a", sent="09:00"),
            seen("12:30", seq=2, part="b", sent="11:40"),
        ),
        parts=("a", "b"),
        judge_by="submission",
    )
    state = evaluate(facts, at("13:00"))
    assert (state.timeliness, state.submitted_at) == ("ON_TIME", at("11:40"))


def test_empty_file_is_a_version_and_never_an_arrival() -> None:
    empty = with_arrivals(seen("10:00", size=0))
    state = evaluate(empty, at("12:30"))
    assert (state.timeliness, state.delivery) == ("LATE", "SEEN")
    assert "fewer than 1 bytes" in state.reason
    filled = with_arrivals(seen("10:00", size=0), seen("12:40", seq=2))
    assert evaluate(filled, at("13:00")).late_by == timedelta(minutes=40)


def test_file_below_min_bytes_does_not_count() -> None:
    facts = replace(with_arrivals(seen("10:00", size=99)), min_bytes=100)
    assert evaluate(facts, at("11:00")).delivery == "SEEN"
    assert evaluate(replace(facts, min_bytes=99), at("11:00")).delivery == "COMPLETE"


def test_truncated_file_in_time_and_a_whole_one_an_hour_after_due_is_late() -> None:
    facts = with_arrivals(
        seen("11:00", seq=1, refused=True),
        seen("13:00", seq=2, sent="13:00"),
    )
    before = evaluate(facts, at("12:30"))
    assert (before.timeliness, before.delivery) == ("LATE", "SEEN")
    assert before.problem == Problem("refused", "p_.csv", at("11:00"))
    assert "refused" in before.reason
    after = evaluate(facts, at("13:00"))
    assert (after.timeliness, after.late_by) == ("LATE_ARRIVED", timedelta(minutes=60))


def test_complete_row_whose_batch_waits_past_the_cutoff_is_not_missing() -> None:
    facts = replace(
        with_arrivals(seen("11:00")),
        batches=(BatchFact("b1", "QUARANTINED", at("11:10"), "3 checks failed"),),
    )
    state = evaluate(facts, at("15:00", 21))
    assert (state.timeliness, state.delivery) == ("ON_TIME", "QUARANTINED")
    assert state.problem == Problem("quarantined", "b1", at("11:10"), "3 checks failed")


def test_file_growing_under_our_eyes_is_seen_and_not_complete() -> None:
    facts = replace(
        with_arrivals(
            seen("11:00", seq=1, size=10),
            seen("11:10", seq=2, size=20),
        ),
        stable_for=timedelta(minutes=15),
    )
    assert evaluate(facts, at("11:10")).delivery == "SEEN"
    assert evaluate(facts, at("11:29")).delivery == "SEEN"
    settled = evaluate(facts, at("11:30"))
    assert settled.delivery == "COMPLETE"
    assert settled.complete_at == at("11:10"), "the wait for stability is not the supplier's"


def test_file_is_not_stable_before_a_look_shows_it_unchanged() -> None:
    facts = replace(
        with_arrivals(seen("11:00")),
        stable_for=timedelta(minutes=5),
        polls=(PollFact(at("11:00"), ok=True), PollFact(at("11:10"), ok=False)),
    )
    assert evaluate(facts, at("12:00")).delivery == "SEEN"
    confirmed = replace(facts, polls=(*facts.polls, PollFact(at("11:20"), ok=True)))
    assert evaluate(confirmed, at("12:00")).complete_at == at("11:00")


def test_old_file_is_stable_at_first_sight() -> None:
    facts = replace(with_arrivals(seen("11:00", sent="10:00")), stable_for=timedelta(minutes=5))
    assert evaluate(facts, at("11:00")).delivery == "COMPLETE"


def test_withdrawal_before_due_opens_the_row_again() -> None:
    facts = with_arrivals(
        seen("10:00", seq=1), seen("11:00", seq=2, gone=True), seen("12:30", seq=3)
    )
    assert evaluate(facts, at("10:30")).timeliness == "ON_TIME"
    taken_back = evaluate(facts, at("11:00"))
    assert (taken_back.timeliness, taken_back.delivery) == ("DUE", "WITHDRAWN")
    assert evaluate(facts, at("12:30")).late_by == timedelta(minutes=30)


def test_withdrawal_after_due_keeps_the_decision() -> None:
    facts = with_arrivals(seen("10:00", seq=1), seen("12:30", seq=2, gone=True))
    state = evaluate(facts, at("13:00"))
    assert (state.timeliness, state.delivery) == ("ON_TIME", "WITHDRAWN")


def test_withdrawal_changes_nothing_that_a_reader_sees() -> None:
    facts = replace(
        with_arrivals(seen("10:00", seq=1), seen("12:30", seq=2, gone=True)),
        batches=(BatchFact("b1", "PUBLISHED", at("10:20")),),
    )
    assert evaluate(facts, at("13:00")).delivery == "PUBLISHED"


def test_restatement_keeps_the_timeliness() -> None:
    facts = with_arrivals(seen("10:00", seq=1), seen("15:00", seq=2))
    state = evaluate(facts, at("16:00"))
    assert (state.timeliness, state.complete_at) == ("ON_TIME", at("10:00"))


def test_delivery_walks_from_seen_to_published_to_its_successor() -> None:
    facts = replace(
        with_arrivals(seen("10:00")),
        batches=(
            BatchFact("b1", "STAGED", at("10:05")),
            BatchFact("b1", "QUARANTINED", at("10:06")),
            BatchFact("b2", "STAGED", at("10:10")),
            BatchFact("b2", "AUDITED", at("10:11")),
            BatchFact("b2", "PUBLISHED", at("10:12")),
            BatchFact("b2", "SUPERSEDED", at("11:00")),
            BatchFact("b3", "PUBLISHED", at("11:00")),
        ),
    )
    walk = [
        ("10:00", "COMPLETE", None),
        ("10:05", "VALIDATING", "b1"),
        ("10:06", "QUARANTINED", "b1"),
        ("10:10", "VALIDATING", "b2"),
        ("10:11", "VALIDATING", "b2"),
        ("10:12", "PUBLISHED", "b2"),
        ("11:00", "PUBLISHED", "b3"),
    ]
    found = [(clock, evaluate(facts, at(clock))) for clock, _, _ in walk]
    assert [(clock, s.delivery, s.batch_id) for clock, s in found] == walk


def test_superseded_and_rolled_back_batches_are_not_read() -> None:
    superseded = replace(NOTHING, batches=(BatchFact("b1", "SUPERSEDED", at("10:00")),))
    assert evaluate(superseded, at("10:00")).delivery == "SUPERSEDED"
    rolled_back = replace(
        with_arrivals(seen("10:00")), batches=(BatchFact("b1", "ROLLED_BACK", at("11:00")),)
    )
    state = evaluate(rolled_back, at("11:00"))
    assert (state.timeliness, state.delivery) == ("ON_TIME", "COMPLETE")
    assert "b1 was rolled back" in state.reason


def test_problem_ends_with_the_next_publication() -> None:
    facts = replace(
        with_arrivals(seen("10:00", seq=1, refused=True), seen("10:30", seq=2)),
        batches=(
            BatchFact("b1", "QUARANTINED", at("10:40")),
            BatchFact("b2", "PUBLISHED", at("10:50")),
        ),
    )
    assert evaluate(facts, at("10:45")).problem == Problem("quarantined", "b1", at("10:40"))
    assert evaluate(facts, at("10:50")).problem is None


def test_refused_restatement_is_a_problem_until_the_supplier_takes_it_back() -> None:
    published = (BatchFact("b1", "PUBLISHED", at("10:10")),)
    first, bad, again = (
        seen("10:00", seq=1),
        seen("11:00", seq=2, refused=True),
        seen("12:00", seq=3),
    )
    facts = replace(with_arrivals(first, bad, again), batches=published)
    assert evaluate(facts, at("10:30")).problem is None
    held = evaluate(facts, at("11:30"))
    assert (held.delivery, held.problem) == ("PUBLISHED", Problem("refused", "p_.csv", at("11:00")))
    assert evaluate(facts, at("12:00")).problem is None


def test_batch_published_without_a_whole_delivery_counts_from_its_publication() -> None:
    facts = replace(
        with_arrivals(seen("10:00", part="a"), facts=PARTED),
        batches=(BatchFact("b1", "PUBLISHED", at("12:10")),),
    )
    state = evaluate(facts, at("13:00"))
    assert (state.timeliness, state.complete_at) == ("LATE_ARRIVED", at("12:10"))


def test_times_are_told_in_the_feeds_zone() -> None:
    state = evaluate(replace(NOTHING, tz="America/Chicago"), at("07:00"))
    assert "due 2026-11-20 06:00 CST" in state.reason


def test_lateness_of_an_open_row_grows_with_the_clock_and_the_state_does_not() -> None:
    early, later = evaluate(NOTHING, at("12:30")), evaluate(NOTHING, at("12:35"))
    assert replace(early, next_change_at=None) == replace(later, next_change_at=None)
    assert early.late_for(at("12:30")) == timedelta(minutes=30)
    assert later.late_for(at("12:35")) == timedelta(minutes=35)


def test_states_are_values() -> None:
    assert isinstance(evaluate(NOTHING, at("12:30")), State)
    assert hash(evaluate(NOTHING, at("12:30"))) == hash(evaluate(NOTHING, at("12:30")))
