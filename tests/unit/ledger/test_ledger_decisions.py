"""Decisions, backfills and proposals as rows, over SQLite and Postgres."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from lake_world import Place

from wharf.ledger import (
    Ledger,
    asked,
    backfills,
    decisions,
    deliveries,
    expected,
    horizon,
    proposals,
)
from wharf.ledger.backfills import Backfill
from wharf.ledger.proposals import Proposal
from wharf.ledger.rows import Decision, Delivery, ExpectedDelivery

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def ledger(place: Place) -> Ledger:
    return Ledger.open(place.ledger_url)


def row(feed: str, day: str) -> ExpectedDelivery:
    return ExpectedDelivery(
        feed, day, day, "c", True, True, "arrival", NOW, NOW, NOW, NOW, NOW + 9 * HOUR
    )


def decision(feed: str, kind: str = "waive", **more: object) -> Decision:
    made = Decision(feed, None, kind, NOW + HOUR, "ada", "why", NOW)
    return replace(made, **more)  # type: ignore[arg-type]


def test_a_decision_is_about_its_period_its_range_or_the_whole_feed(ledger: Ledger) -> None:
    days = [f"2026-11-{day}" for day in (18, 19, 20)]
    rows = [row(feed, day) for feed in ("a.x", "b.y") for day in days]
    with ledger.write() as tx:
        horizon.ensure_expected(tx, rows, NOW)
        for each in (
            decision("a.x", period="2026-11-19", reason="one"),
            decision("a.x", first="2026-11-18", last="2026-11-19", reason="range"),
            decision("a.x", "suspend", reason="feed"),
            decision("b.y", period="2026-11-20", reason="other"),
        ):
            assert decisions.record_decision(tx, each).seq > 0
    with ledger.read() as tx:
        found = decisions.decisions_for(tx, rows)
        one_by_one = {
            (each.feed, each.period): decisions.decisions_of(tx, each.feed, each.period)
            for each in rows
        }
    assert found == one_by_one
    told = {key: [each.reason for each in value] for key, value in found.items()}
    assert told == {
        ("a.x", "2026-11-18"): ["range", "feed"],
        ("a.x", "2026-11-19"): ["one", "range", "feed"],
        ("a.x", "2026-11-20"): ["feed"],
        ("b.y", "2026-11-18"): [],
        ("b.y", "2026-11-19"): [],
        ("b.y", "2026-11-20"): ["other"],
    }


def test_what_goes_on_is_what_is_neither_over_nor_taken_back(ledger: Ledger) -> None:
    day, fallback = "2026-11-20", {"consumer": "risk", "max_age": "1bd"}
    with ledger.write() as tx:
        made = decisions.record_decision(
            tx, decision("a.x", "use_last_good", period=day, detail=fallback)
        )
        decisions.record_decision(tx, decision("a.x", "ack", period=day, until=NOW))
    with ledger.read() as tx:
        assert decisions.allowed_fallbacks(tx, "risk", "a.x", day, NOW) == [made]
        assert decisions.allowed_fallbacks(tx, "other", "a.x", day, NOW) == []
        assert decisions.allowed_fallbacks(tx, "risk", "a.x", "2026-11-19", NOW) == []
        assert decisions.allowed_fallbacks(tx, "risk", "a.x", day, NOW + HOUR) == []
        assert decisions.in_force(tx, "ack", "a.x", day, NOW) is None
        assert [each.seq for each in decisions.all_decisions(tx, in_force_at=NOW)] == [made.seq]
    with ledger.write() as tx:
        decisions.revoke_decision(tx, made, "bo", "no", NOW)
        decisions.revoke_decision(tx, made, "cy", "me too", NOW + HOUR)
    with ledger.read() as tx:
        assert decisions.allowed_fallbacks(tx, "risk", "a.x", day, NOW) == []
        taken = decisions.find_decision(tx, made.seq)
    assert taken is not None
    assert (taken.revoked_by, taken.detail["revoked_because"]) == ("bo", "no")
    assert taken.detail["consumer"] == "risk"


def test_asked_for_and_not_done_is_found(ledger: Ledger) -> None:
    with ledger.write() as tx:
        kept = backfills.record_backfill(
            tx,
            Backfill("a.x", "feed__a__x", "p1", "p3", ("p1", "p2"), "none", "all", "ada", "cli",
                     "why", NOW),
        )  # fmt: skip
        decisions.record_run(tx, "feed__a__x", "p1", kept.cause, NOW)
        offer = proposals.record_proposal(tx, Proposal("risk", "p1", "m", "c", "why", NOW))
    with ledger.read() as tx:
        assert asked.accepted_without_run(tx, NOW - HOUR) == []
        assert [each.seq for each in asked.backfills_since(tx, NOW)] == [kept.seq]
        assert asked.backfills_since(tx, NOW + HOUR) == []
        assert list(backfills.runs_of(tx, kept)) == ["p1"]
        found = backfills.backfill_of_run(tx, f"wharf__p1__{kept.cause}")
        assert (found.seq if found else None) == kept.seq
    with ledger.write() as tx:
        assert proposals.settle_proposal(tx, offer, "accepted", "ada", "why", NOW)
        assert not proposals.settle_proposal(tx, offer, "declined", "bo", "why", NOW)
    with ledger.read() as tx:
        assert [each.seq for each in asked.accepted_without_run(tx, NOW - HOUR)] == [offer.seq]
        assert proposals.open_proposals(tx) == []
    with ledger.write() as tx:
        decisions.record_run(tx, "product__risk", "p1", f"proposal-{offer.seq}", NOW + HOUR)
    with ledger.read() as tx:
        assert asked.accepted_without_run(tx, NOW - HOUR) == []


def test_only_the_last_version_of_a_whole_delivery_waits_to_be_read(ledger: Ledger) -> None:
    def landed(seq: int, part: str, version: int, verdict: str = "NEW") -> Delivery:
        return Delivery(
            "a.x", "2026-11-20", part, version, verdict, seq, "p", "file:///x", 3, f"{seq:064x}",
            None, NOW, NOW,
        )  # fmt: skip

    with ledger.write() as tx:
        horizon.ensure_expected(tx, [row("a.x", "2026-11-20")], NOW)
        for each in (
            landed(1, "a", 1),
            landed(2, "a", 2, "RESTATEMENT"),
            landed(3, "a", 2, "DUPLICATE"),
        ):
            deliveries.record_delivery(tx, each)
    with ledger.read() as tx:
        assert asked.unread_deliveries(tx, NOW - HOUR, NOW + HOUR) == [], "it is not whole"
        stands = expected.find_expected(tx, "a.x", "2026-11-20")
    assert stands is not None
    state = {name: getattr(stands, name) for name in expected.STATE} | {"complete_at": NOW}
    with ledger.write() as tx:
        expected.record_state(tx, stands, state, NOW, None)
    with ledger.read() as tx:
        [found] = asked.unread_deliveries(tx, NOW - HOUR, NOW + HOUR)
        assert (found.delivery, found.version) == (2, 2)
        assert asked.unread_deliveries(tx, NOW - HOUR, NOW) == [], "a run may be about to read it"
    with ledger.write() as tx:
        deliveries.set_outcome(tx, 2, "loaded")
    with ledger.read() as tx:
        assert asked.unread_deliveries(tx, NOW - HOUR, NOW + HOUR) == []
