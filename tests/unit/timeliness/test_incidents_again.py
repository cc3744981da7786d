"""Incidents that nobody watched begin, and those that begin again; due 06:30, late 06:50."""

from __future__ import annotations

from dataclasses import replace

from incident_world import NOTHING, RISK, Ledger, at, published, seen

from wharf.timeliness.facts import BatchFact


def test_lateness_begun_and_published_while_nobody_watched_is_opened_and_resolved_once() -> None:
    ledger = Ledger(replace(NOTHING, arrivals=(seen("08:00"),), batches=(published("08:05"),)))
    opened, resolved = ledger.tick(at("12:00"))
    assert (opened.action, opened.at, opened.summary) == ("open", at("06:50"), True)
    assert (resolved.action, resolved.at, resolved.summary) == ("resolve", at("08:05"), True)
    assert resolved.what == "acme.positions 2026-11-20 is published, 90 min late"
    assert ledger.tick(at("13:00")) == []


def test_delivery_in_time_or_within_the_grace_opens_nothing_after_an_outage() -> None:
    for came in ("06:00", "06:45"):
        facts = replace(NOTHING, arrivals=(seen(came),), batches=(published("07:05"),))
        assert Ledger(facts).tick(at("12:00")) == []


def test_what_happened_in_a_gap_of_ticks_is_old_news_and_what_happens_after_it_is_not() -> None:
    gap_ended = at("07:01")
    (opened,) = Ledger().tick(gap_ended, unwatched_until=at("06:59"))
    assert (opened.at, opened.summary) == (at("06:50"), True)
    (opened,) = Ledger().tick(gap_ended, unwatched_until=at("06:49"))
    assert opened.summary is False


def test_rise_by_the_clock_happened_when_the_clock_said_so() -> None:
    ledger = Ledger(NOTHING, replace(RISK, decide_at=at("09:00")))
    ledger.tick(at("06:50"))
    (raised,) = ledger.tick(at("08:00"))
    assert (raised.action, raised.at, raised.summary) == ("raise", at("08:00"), False)


def test_period_rolled_back_soon_after_its_lateness_ended_opens_the_same_incident_again() -> None:
    ledger = Ledger()
    ledger.tick(at("06:50"))
    ledger.add(arrivals=(seen("08:05"),), batches=(published("08:10"),))
    assert [each.action for each in ledger.tick(at("08:10"))] == ["resolve"]
    ledger.add(batches=(BatchFact("b1", "ROLLED_BACK", at("08:20")),))
    (again,) = ledger.tick(at("08:20"))
    assert (again.action, again.opens_again, again.at) == ("open", True, at("08:20"))
    assert again.what == "acme.positions 2026-11-20 arrived 95 min late; its batch was rolled back"
    ledger.add(batches=(BatchFact("b2", "PUBLISHED", at("09:00")),))
    assert [each.action for each in ledger.tick(at("09:00"))] == ["resolve"]
    ledger.add(batches=(BatchFact("b2", "ROLLED_BACK", at("10:00")),))
    (later,) = ledger.tick(at("10:00"))
    assert (later.action, later.opens_again) == ("open", False)
