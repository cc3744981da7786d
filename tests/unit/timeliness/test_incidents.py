"""Incidents of one feed due at 06:30 UTC with 20 minutes of grace, cut-off two days later."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from incident_world import (
    NOTHING,
    POINTS,
    RISK,
    RISK_CAN_WAIT,
    Ledger,
    at,
    published,
    seen,
)

from wharf.timeliness.facts import ArrivalFact, BatchFact, DecisionFact, Facts
from wharf.timeliness.incidents import Row, Transition, decide, next_level_change
from wharf.timeliness.states import evaluate


def told(transitions: list[Transition]) -> list[tuple[str, str, str]]:
    return [(each.action, each.level, each.what) for each in transitions]


def test_late_delivery_opens_one_incident_and_is_resolved_when_published() -> None:
    ledger = Ledger()
    assert ledger.tick(at("06:49")) == []
    (opened,) = ledger.tick(at("06:50"))
    assert (opened.action, opened.kind, opened.level) == ("open", "late", "L1")
    assert opened.key == "wharf:prod:late:acme.positions:2026-11-20"
    assert (
        opened.what == "acme.positions 2026-11-20 is late: nothing came, due 2026-11-20 06:30 UTC"
    )
    assert (opened.at, opened.summary) == (at("06:50"), False)
    assert ledger.tick(at("07:00")) == []
    ledger.add(arrivals=(seen("08:05"),))
    (arrived,) = ledger.tick(at("08:05"))
    assert told([arrived]) == [
        ("update", "L1", "acme.positions 2026-11-20 arrived 95 min late; validating")
    ]
    assert arrived.numbers["late_by_arrival_min"] == 95
    ledger.add(batches=(published("09:44"),))
    (resolved,) = ledger.tick(at("09:44"))
    assert told([resolved]) == [
        ("resolve", "L1", "acme.positions 2026-11-20 is published, 95 min late")
    ]
    assert resolved.numbers["published_late_by_min"] == 194
    assert ledger.tick(at("09:45")) == []


def test_quarantined_batch_keeps_the_lateness_open_beside_an_incident_of_its_own() -> None:
    ledger = Ledger()
    ledger.tick(at("06:50"))
    ledger.add(
        arrivals=(seen("08:05"),),
        batches=(BatchFact("b0", "QUARANTINED", at("08:09"), "duplicate keys"),),
    )
    assert told(ledger.tick(at("08:09"))) == [
        (
            "update",
            "L1",
            "acme.positions 2026-11-20 arrived 95 min late; its batch is in quarantine",
        ),
        ("open", "L1", "acme.positions 2026-11-20: batch b0 is in quarantine: duplicate keys"),
    ]
    ledger.add(batches=(published("09:44"),))
    assert [(each.action, each.kind) for each in ledger.tick(at("09:44"))] == [
        ("resolve", "late"),
        ("resolve", "quality"),
    ]


def test_refused_file_opens_a_quality_incident_even_when_it_came_in_time() -> None:
    ledger = Ledger(replace(NOTHING, arrivals=(seen("06:00", refused=True),)))
    (refused,) = ledger.tick(at("06:05"))
    assert (refused.kind, refused.key) == (
        "quality",
        "wharf:prod:quality:acme.positions:2026-11-20",
    )
    assert refused.what == "acme.positions 2026-11-20: p.csv was refused"
    (late,) = ledger.tick(at("06:50"))
    assert late.what == (
        "acme.positions 2026-11-20 is late: nothing usable came, due 2026-11-20 06:30 UTC"
    )
    ledger.add(arrivals=(seen("07:30", 2),), batches=(published("07:31"),))
    assert [(each.action, each.kind) for each in ledger.tick(at("07:31"))] == [
        ("resolve", "late"),
        ("resolve", "quality"),
    ]


def test_second_refused_file_updates_the_incident() -> None:
    ledger = Ledger(replace(NOTHING, arrivals=(seen("06:00", refused=True),)))
    ledger.tick(at("06:05"))
    ledger.add(arrivals=(seen("06:10", 2, refused=True),))
    assert [each.action for each in ledger.tick(at("06:11"))] == ["update"]
    assert ledger.tick(at("06:12")) == []


def test_delivery_judged_by_submission_closes_as_sent_in_time() -> None:
    ledger = Ledger(replace(NOTHING, judge_by="submission"))
    ledger.tick(at("06:50"))
    ledger.add(arrivals=(seen("07:30", sent="06:00"),), batches=(published("07:31"),))
    (resolved,) = ledger.tick(at("07:31"))
    assert resolved.what == (
        "acme.positions 2026-11-20 is published, sent in time, arrived 60 min late"
    )


def test_arrival_within_the_grace_tells_nobody() -> None:
    ledger = Ledger(replace(NOTHING, arrivals=(seen("06:45"),)))
    assert ledger.tick(at("06:45")) == []
    assert ledger.tick(at("08:00")) == []


def test_missing_delivery_of_a_tier_one_product_is_the_loudest() -> None:
    ledger = Ledger(NOTHING, RISK_CAN_WAIT)
    assert [each.level for each in ledger.tick(at("06:50"))] == ["L1"]
    (missing,) = ledger.tick(at("18:00", 22))
    assert (missing.action, missing.level) == ("raise", "L3")
    assert missing.what == (
        "acme.positions 2026-11-20 is missing: nothing came by the cut-off 2026-11-22 18:00 UTC, "
        "due 2026-11-20 06:30 UTC"
    )
    ledger.add(arrivals=(seen("19:00", day=22),))
    (arrived,) = ledger.tick(at("19:00", 22))
    assert (arrived.action, arrived.level, arrived.loudest) == ("lower", "L1", "L3")
    ledger.add(batches=(published("19:05", 22),))
    (resolved,) = ledger.tick(at("19:05", 22))
    assert (resolved.action, resolved.loudest) == ("resolve", "L3")


def test_missing_delivery_without_consumers_stays_a_message() -> None:
    ledger = Ledger()
    ledger.tick(at("06:50"))
    assert [(each.action, each.level) for each in ledger.tick(at("18:00", 22))] == [
        ("update", "L1")
    ]


def test_level_rises_with_the_clock_once_each() -> None:
    ledger = Ledger(NOTHING, replace(RISK, decide_at=at("09:00")))
    row = Row("a.b", "2026-11-20", "a", POINTS, evaluate(NOTHING, at("06:50")), needs=ledger.needs)
    assert next_level_change(row, at("06:50")) == at("08:00")
    assert next_level_change(row, at("08:00")) == at("09:00")
    assert next_level_change(row, at("09:00")) is None
    found = [
        (clock, each.action, each.level)
        for clock in ("06:50", "07:59", "08:00", "08:01", "09:00", "09:01")
        for each in ledger.tick(at(clock))
    ]
    assert found == [("06:50", "open", "L1"), ("08:00", "raise", "L2"), ("09:00", "raise", "L3")]


def test_promise_lowers_an_incident_until_it_is_broken() -> None:
    ledger = Ledger()
    ledger.tick(at("06:50"))
    ledger.add(decisions=(DecisionFact("promise", at("09:00"), at("07:00"), "ada", "rerun"),))
    (promised,) = ledger.tick(at("07:00"))
    assert (promised.action, promised.level, promised.loudest) == ("lower", "L0", "L1")
    assert promised.what == (
        "acme.positions 2026-11-20 is promised for 2026-11-20 09:00 UTC, due 2026-11-20 06:30 UTC"
    )
    (broken,) = ledger.tick(at("09:00"))
    assert (broken.action, broken.level, broken.at) == ("raise", "L1", at("09:00"))


def test_waiver_resolves_with_its_reason() -> None:
    ledger = Ledger()
    ledger.tick(at("06:50"))
    ledger.add(decisions=(DecisionFact("waive", None, at("08:00"), "ada", "strike"),))
    (resolved,) = ledger.tick(at("08:00"))
    assert (resolved.action, resolved.summary) == ("resolve", False)
    assert resolved.what == (
        "acme.positions 2026-11-20 is not expected any more: waived by ada: strike"
    )


@pytest.mark.parametrize(
    "ledger",
    [
        pytest.param(Ledger(notifies=False), id="trial feeds and periods before active.from"),
        pytest.param(Ledger(replace(NOTHING, expected=False)), id="closed days"),
    ],
)
def test_rows_that_promise_nothing_never_notify(ledger: Ledger) -> None:
    ledger.add(batches=(BatchFact("b0", "QUARANTINED", at("05:00"), "bad"),))
    for clock, day in (("05:00", 20), ("06:50", 20), ("18:00", 22), ("18:00", 30)):
        assert ledger.tick(at(clock, day)) == []


def test_backfill_of_a_year_of_old_periods_tells_nobody() -> None:
    for offset in range(365):
        ledger = Ledger(notifies=False)
        ledger.add(arrivals=(seen("12:00", day=28),), batches=(published("12:01", 28),))
        assert ledger.tick(at("12:01", 28) + timedelta(days=offset)) == []


@pytest.mark.parametrize(
    ("now", "summary"),
    [
        pytest.param(at("07:20"), False, id="half an hour old is news"),
        pytest.param(at("07:21"), True, id="older goes into the summary"),
        pytest.param(at("18:30", 22), False, id="missing for half an hour"),
        pytest.param(at("12:00", 30), True, id="missing for long"),
    ],
)
def test_old_news_at_first_evaluation_goes_into_one_summary(now: datetime, summary: bool) -> None:
    (opened,) = Ledger().tick(now)
    assert opened.summary is summary


def test_what_opened_in_a_summary_ends_in_one() -> None:
    ledger = Ledger()
    assert [each.summary for each in ledger.tick(at("12:00", 30))] == [True]
    ledger.add(arrivals=(seen("12:05", day=30),), batches=(published("12:06", 30),))
    assert [(each.action, each.summary) for each in ledger.tick(at("12:06", 30))] == [
        ("resolve", True)
    ]


def test_what_opened_in_a_summary_is_told_alone_once_it_gets_worse() -> None:
    ledger = Ledger(NOTHING, RISK_CAN_WAIT)
    assert [each.summary for each in ledger.tick(at("12:00"))] == [True]
    assert [(each.action, each.summary) for each in ledger.tick(at("18:00", 22))] == [
        ("raise", False)
    ]


def test_late_delivery_that_nobody_watched_is_told_in_the_summary() -> None:
    ledger = Ledger(replace(NOTHING, arrivals=(seen("08:00"),)))
    (opened,) = ledger.tick(at("12:00"))
    assert (opened.action, opened.condition, opened.summary) == ("open", "ARRIVED", True)


def test_rolled_back_delivery_opens_no_lateness() -> None:
    facts = replace(
        NOTHING, arrivals=(seen("08:00"),), batches=(BatchFact("b1", "ROLLED_BACK", at("12:00")),)
    )
    assert Ledger(facts).tick(at("12:00")) == []


def test_incident_whose_row_is_not_weighed_stays() -> None:
    ledger = Ledger()
    ledger.tick(at("06:50"))
    assert decide(ledger.open.values(), [], at("09:00"), env="prod") == []


MINUTES = st.integers(0, 72 * 60)


@st.composite
def stories(draw: st.DrawFn) -> Facts:
    """Facts as a supplier and our core could make them."""
    start = at("22:00", 19)
    arrivals, batches = [], []
    for seq in range(1, draw(st.integers(0, 3)) + 1):
        first_seen = start + timedelta(minutes=draw(MINUTES))
        refused = draw(st.booleans())
        arrivals.append(ArrivalFact(seq, "", "p.csv", 10, None, first_seen, refused=refused))
        if not refused:
            staged = first_seen + timedelta(minutes=draw(st.integers(1, 30)))
            status = draw(st.sampled_from(["PUBLISHED", "QUARANTINED"]))
            batches.append(BatchFact(f"b{seq}", status, staged))
    return replace(NOTHING, arrivals=tuple(arrivals), batches=tuple(batches))


@given(stories(), st.lists(MINUTES, max_size=12), st.booleans())
def test_ticks_with_any_gaps_and_repetitions_end_alike_and_open_and_resolve_in_turn(
    facts: Facts, ticks: list[int], needed: bool
) -> None:
    needs = (RISK,) if needed else ()
    watched, once = Ledger(facts, *needs), Ledger(facts, *needs)
    end = at("12:00", 26)
    actions: dict[str, list[str]] = {}
    for minute in sorted(ticks):
        for _ in range(2):
            for each in watched.tick(at("22:00", 19) + timedelta(minutes=minute)):
                actions.setdefault(each.key, []).append(each.action)
    watched.tick(end)
    once.tick(end)
    assert {(k, i.level, i.condition) for k, i in watched.open.items()} == {
        (k, i.level, i.condition) for k, i in once.open.items()
    }
    for taken in actions.values():
        opens_and_ends = [a for a in taken if a in {"open", "resolve"}]
        assert opens_and_ends == ["open", "resolve"] * (len(opens_and_ends) // 2) + ["open"] * (
            len(opens_and_ends) % 2
        )
