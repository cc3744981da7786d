from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from lake_world import Place

from wharf.ledger import (
    Ledger,
    arrivals,
    expected,
    feeds,
    horizon,
    learned,
    past_arrivals,
    scorecard,
)
from wharf.ledger.past_arrivals import Imported, Kept
from wharf.ledger.rows import Arrival, ExpectedDelivery, Poll
from wharf.timeliness.learned import ALL, Usual, usual_for
from wharf.timeliness.scorecard import Streak

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
NAMES = {
    "o": "ON_TIME",
    "a": "LATE_ARRIVED",
    "l": "LATE",
    "m": "MISSING",
    "u": "UNKNOWN",
    "n": "NOT_EXPECTED",
}


@pytest.fixture
def ledger(place: Place) -> Ledger:
    return Ledger.open(place.ledger_url)


def day(number: int) -> str:
    return (date(2026, 11, 1) + timedelta(days=number)).isoformat()


def fill(ledger: Ledger, feed: str, states: str) -> None:
    """One row a day from 1 November on, in the states that the letters stand for."""
    with ledger.write() as tx:
        rows = [_row(feed, day(number)) for number in range(len(states))]
        horizon.ensure_expected(tx, rows, NOW - timedelta(days=60))
        for letter, row in zip(states, expected.expected_of(tx, feed), strict=True):
            came = {"o": row.due_at - HOUR, "a": row.due_at + HOUR}.get(letter)
            by = 3600.0 if letter == "a" else None
            values = dict.fromkeys(expected.STATE) | {
                "timeliness": NAMES[letter],
                "delivery": "NONE",
                "reason": "as the test says",
                "complete_at": came,
                "late_by_s": by,
            }
            expected.record_state(tx, row, values, came or row.cutoff_at, None)


def _row(feed: str, period: str) -> ExpectedDelivery:
    due = datetime.fromisoformat(period).replace(tzinfo=UTC, hour=12)
    return ExpectedDelivery(
        feed=feed, period=period, period_first=period, contract="c", expected=True, notifies=True,
        judge_by="arrival", opens_at=due - 6 * HOUR, warn_at=due, due_at=due, late_at=due,
        cutoff_at=due + 12 * HOUR,
    )  # fmt: skip


def usual(p95: int, stratum: str = ALL) -> Usual:
    return Usual(20, 2 * HOUR, p95 * HOUR, timedelta(minutes=3), stratum)


def test_what_was_learned_is_read_back_for_many_feeds_at_once(ledger: Ledger) -> None:
    with ledger.write() as tx:
        learned.store_usuals(
            tx, "acme.prices", {ALL: usual(3), "monday": usual(5, "monday")}, "", NOW
        )
        learned.store_usuals(tx, "birch.rows", {ALL: usual(4)}, "", NOW)
        acme = feeds.feed_id(tx, "acme.prices")
        found = learned.usuals(tx, [acme, acme + 1, 999])
        assert usual_for(found[acme], "monday") == usual(5, "monday")
        assert usual_for(found[acme], "weekend") == usual(3)
        assert found[acme + 1] == {ALL: usual(4)}
        assert 999 not in found
        assert learned.usual_of(tx, "birch.rows", "monday") == usual(4)
        assert learned.usual_of(tx, "nobody.knows") is None


def test_learning_anew_replaces_what_was_known(ledger: Ledger) -> None:
    with ledger.write() as tx:
        learned.store_usuals(
            tx, "acme.prices", {ALL: usual(3), "monday": usual(5, "monday")}, "", NOW
        )
        learned.store_usuals(tx, "acme.prices", {ALL: usual(4)}, "", NOW)
        assert learned.all_usuals_of(tx, "acme.prices") == {ALL: usual(4)}


def test_an_import_repeated_changes_nothing_and_a_corrected_one_only_that(ledger: Ledger) -> None:
    rows = [Imported("acme.prices", day(n), NOW + n * HOUR, None, "past.csv") for n in range(1200)]
    with ledger.write() as tx:
        assert past_arrivals.import_past(tx, rows) == Kept(1200, 0, 0)
        assert past_arrivals.import_past(tx, rows) == Kept(0, 0, 1200)
        corrected = [*rows[1:], Imported("acme.prices", day(0), NOW - HOUR, NOW - 2 * HOUR)]
        assert past_arrivals.import_past(tx, corrected) == Kept(0, 1, 1199)
        [first, *_] = learned.observed(tx, "acme.prices", 5000)
        assert first.arrived_at == NOW - HOUR


def test_what_we_saw_counts_before_what_was_imported(ledger: Ledger) -> None:
    fill(ledger, "acme.prices", "oam")
    with ledger.write() as tx:
        rows = [Imported("acme.prices", day(n), NOW) for n in range(-1, 3)]
        past_arrivals.import_past(tx, rows)
        found = {each.period: each for each in learned.observed(tx, "acme.prices", 100)}
    assert [found[day(n)].is_imported for n in range(-1, 3)] == [True, False, False, True]
    assert found[day(1)].arrived_at == datetime(2026, 11, 2, 13, tzinfo=UTC)


def test_only_rows_decided_since_the_bookmark_are_learned_from(ledger: Ledger) -> None:
    fill(ledger, "acme.prices", "oml")
    fill(ledger, "birch.rows", "a")
    with ledger.write() as tx:
        first = learned.decided_since_bookmark(tx, 1000, 10)
        assert {name: [row.period for row in rows] for name, rows in first.rows.items()} == {
            "acme.prices": [day(0)],
            "birch.rows": [day(0)],
        }
        learned.set_bookmark(tx, first.through)
        again = learned.decided_since_bookmark(tx, 1000, 10)
        assert (again.rows, again.read, again.through) == ({}, 0, first.through)


def test_a_row_that_is_not_usual_is_marked_and_teaches_no_deadline(ledger: Ledger) -> None:
    fill(ledger, "acme.prices", "oo")
    with ledger.write() as tx:
        first, second = expected.expected_of(tx, "acme.prices")
        learned.mark_not_usual(tx, {first.id: "nobody looked", second.id: ""})
        seen = learned.observed(tx, "acme.prices", 10)
        assert [each.not_usual_because for each in seen] == ["nobody looked", ""]
        assert [each.period for each in learned.outcomes_of(tx, "acme.prices")] == [day(1)]
        states = learned.states_before(tx, [first.id, second.id])
        assert states[first.id] == [(first.complete_at, "ON_TIME")]


def test_a_step_ends_before_one_feed_too_many(ledger: Ledger) -> None:
    for name in ("acme.prices", "birch.rows", "cedar.rows"):
        fill(ledger, name, "oo")
    seen = []
    for _ in range(4):
        with ledger.write() as tx:
            found = learned.decided_since_bookmark(tx, 1000, 1)
            seen.append({name: len(rows) for name, rows in found.rows.items()})
            learned.set_bookmark(tx, found.through)
    assert seen == [{"acme.prices": 2}, {"birch.rows": 2}, {"cedar.rows": 2}, {}]


def test_the_last_good_look_before_an_instant(ledger: Ledger) -> None:
    with ledger.write() as tx:
        for minutes, ok in ((0, True), (1, False), (2, True)):
            at = NOW + timedelta(minutes=minutes)
            arrivals.append_poll(tx, Poll("acme_inbox", at, ok=ok))
        assert learned.last_good_look(tx, "acme_inbox", NOW + timedelta(minutes=2)) == NOW
        assert learned.last_good_look(tx, "acme_inbox", NOW) is None


def _streaks(ledger: Ledger, pairs: Sequence[tuple[str, str]]) -> list[Streak]:
    with ledger.read() as tx:
        found = scorecard.streaks(tx, pairs)
    return [found[pair] for pair in pairs]


def test_streaks_end_at_the_period_asked_for(ledger: Ledger) -> None:
    fill(ledger, "acme.prices", "oamoaaul")
    fill(ledger, "birch.rows", "mnm")
    asked = [
        ("acme.prices", day(2)),
        ("acme.prices", day(3)),
        ("acme.prices", day(7)),
        ("birch.rows", day(2)),
        ("nobody.knows", day(0)),
    ]
    assert _streaks(ledger, asked) == [Streak(2, 1), Streak(), Streak(3, 0), Streak(2, 2), Streak()]


def test_streaks_of_many_feeds_are_those_of_each(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scorecard, "_AT_ONCE", 5)
    names = [f"acme.feed_{number}" for number in range(12)]
    for number, name in enumerate(names):
        fill(ledger, name, "o" + "a" * (number % 4))
    asked = [(name, day(number % 4)) for number, name in enumerate(names)]
    assert [each.late for each in _streaks(ledger, asked)] == [n % 4 for n in range(12)]


def test_outcomes_are_what_was_judged_within_the_days(ledger: Ledger) -> None:
    fill(ledger, "acme.prices", "oamlun")
    with ledger.write() as tx:
        due = datetime(2026, 11, 2, 12, tzinfo=UTC)
        for after in (0, 90):
            seen = due + timedelta(seconds=after)
            arrivals.append_arrivals(
                tx,
                [Arrival("acme.prices", day(1), "", "a.csv", 9, due - HOUR, seen, str(seen))],
            )
        rows = scorecard.outcomes(tx, None, date(2026, 11, 2), date(2026, 11, 30))
    assert [each.timeliness for each in rows] == ["LATE_ARRIVED", "MISSING", "LATE", "UNKNOWN"]
    assert rows[0].late_by == rows[0].after_due == HOUR
    assert rows[0].seen_after == HOUR, "by the first version of its first file"
    assert rows[1].seen_after is None


def test_outcomes_of_some_feeds_only(ledger: Ledger) -> None:
    fill(ledger, "acme.prices", "o")
    fill(ledger, "birch.rows", "o")
    with ledger.read() as tx:
        found = scorecard.outcomes(tx, ["birch.rows"], date(2026, 1, 1), date.max)
        assert [each.feed for each in found] == ["birch.rows"]
        assert scorecard.outcomes(tx, [], date(2026, 1, 1), date.max) == []
