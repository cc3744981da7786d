"""What the board reads, over each database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from lake_world import Place
from sqlalchemy import insert

from wharf.ledger import Ledger, Transaction, arrivals, heat, looks, tallies
from wharf.ledger.feeds import feed_id
from wharf.ledger.outbox import queue_message
from wharf.ledger.rows import Arrival, ExpectedDelivery, Outgoing, Poll
from wharf.ledger.schema import expected_delivery

NOW = datetime(2026, 11, 20, 14, tzinfo=UTC)
PLAIN = ExpectedDelivery(
    feed="acme.prices", period="", period_first="", contract="c", expected=True, notifies=True,
    judge_by="arrival", opens_at=NOW, warn_at=NOW, due_at=NOW, late_at=NOW, cutoff_at=NOW,
    timeliness="ON_TIME", evaluated_at=NOW,
)  # fmt: skip
STORED = (
    "period", "period_first", "contract", "expected", "notifies", "judge_by", "opens_at",
    "warn_at", "due_at", "late_at", "cutoff_at", "timeliness", "delivery", "complete_at",
    "evaluated_at", "next_change_at",
)  # fmt: skip


@pytest.fixture
def ledger(place: Place) -> Ledger:
    return Ledger.open(place.ledger_url)


def put(tx: Transaction, feed: str, days_ago: int, timeliness: str, **more: object) -> str:
    """A day of a feed: opened at 6, due at 12, cut off a day later. Gives its period."""
    day = NOW.replace(hour=0) - timedelta(days=days_ago)
    due = day.replace(hour=12)
    key = f"{day:%Y-%m-%d}"
    row = replace(
        PLAIN, period=key, period_first=key, opens_at=day.replace(hour=6), warn_at=due, due_at=due,
        late_at=due, timeliness=timeliness, **{"cutoff_at": due + timedelta(days=1), **more},  # type: ignore[arg-type]
    )  # fmt: skip
    values = {name: getattr(row, name) for name in STORED}
    tx.execute(insert(expected_delivery).values(feed_id=feed_id(tx, feed), **values))
    return key


def test_the_marks_of_many_feeds_come_in_one_text_each(ledger: Ledger) -> None:
    with ledger.write() as tx:
        put(tx, "acme.prices", 0, "LATE", delivery="QUARANTINED")
        put(tx, "acme.prices", 1, "ON_TIME")
        put(tx, "acme.prices", 9, "ON_TIME")
        put(tx, "acme.prices", -1, "SCHEDULED")
        put(tx, "cobalt.orders", 0, "NOT_EXPECTED", expected=False)
        put(tx, "tide.levels", 0, "ON_TIME")
    with ledger.read() as tx:
        since = NOW - timedelta(days=3)
        found = heat.marks_by_feed(tx, since, NOW, but={"tide.levels"})
        others = heat.marked_rows(tx, {"tide.levels"}, since, NOW)
        assert heat.marked_rows(tx, set(), since, NOW) == []
    assert {name: sorted(texts) for name, texts in found.items()} == {
        "acme.prices": ["2026-11-19o", "2026-11-20lq"],
        "cobalt.orders": ["2026-11-20nx"],
    }
    assert [(each.period, each.mark) for each in others] == [("2026-11-20", "o")]
    assert others[0].due_at == NOW.replace(hour=12)


def test_only_rows_that_may_have_changed_are_evaluated_again(ledger: Ledger) -> None:
    later, before = NOW + timedelta(hours=1), NOW - timedelta(minutes=1)
    with ledger.write() as tx:
        put(tx, "a.due", 0, "AT_RISK", next_change_at=before)
        put(tx, "a.settled", 0, "LATE", next_change_at=later)
        put(tx, "a.unknown", 0, "UNKNOWN", next_change_at=later)
        put(tx, "a.unknown", 30, "UNKNOWN")
        put(tx, "a.blind", 0, "LATE", next_change_at=later)
        put(tx, "a.blind", 1, "ON_TIME")
        put(tx, "a.soon", -1, "SCHEDULED", next_change_at=before)
    with ledger.read() as tx:
        found = heat.unsure(tx, {"a.blind"}, NOW)
        seen = heat.unsure(tx, (), NOW)
    assert sorted((row.feed, row.period) for row in found) == [
        ("a.blind", "2026-11-20"), ("a.due", "2026-11-20"), ("a.unknown", "2026-11-20"),
    ]  # fmt: skip
    assert {row.feed for row in seen} == {"a.due", "a.unknown"}


def test_the_worst_open_row_of_each_feed_is_found(ledger: Ledger) -> None:
    with ledger.write() as tx:
        put(tx, "a.late", 1, "LATE", cutoff_at=NOW + timedelta(days=2))
        put(tx, "a.late", 0, "DUE")
        put(tx, "a.fine", 0, "ON_TIME")
        put(tx, "a.fine", 1, "LATE")
    with ledger.read() as tx:
        weights = {"LATE": 6, "DUE": 0, "ON_TIME": 0}
        found = {row.feed: row.period for row in heat.worst_open(tx, weights, NOW)}
    assert found == {"a.late": "2026-11-19", "a.fine": "2026-11-20"}


def test_the_last_opened_rows_of_a_feed_are_found(ledger: Ledger) -> None:
    with ledger.write() as tx:
        for days in (40, 39, 38, -1):
            put(tx, "a.old", days, "MISSING")
        put(tx, "a.other", 0, "ON_TIME")
    with ledger.read() as tx:
        found = heat.last_opened(tx, ["a.old", "a.nobody"], NOW, 2)
        assert heat.last_opened(tx, [], NOW, 2) == []
    assert [row.period for row in found] == ["2026-10-12", "2026-10-13"]


@pytest.mark.parametrize("feeds", [1, 30], ids=["one feed", "many feeds"])
def test_rows_are_found_by_feed_and_period(ledger: Ledger, feeds: int) -> None:
    with ledger.write() as tx:
        pairs = {
            (f"a.f{number:02d}", put(tx, f"a.f{number:02d}", days, "ON_TIME"))
            for number in range(feeds)
            for days in range(8)
        }
    wanted = sorted(pairs)[: len(pairs) // 2]
    with ledger.read() as tx:
        found = heat.rows_at(tx, [*wanted, ("a.nobody", "2026-11-20"), (wanted[0][0], "2027")])
        assert heat.rows_at(tx, []) == []
    assert sorted((row.feed, row.period) for row in found) == wanted


def test_a_row_knows_the_periods_beside_it(ledger: Ledger) -> None:
    with ledger.write() as tx:
        for days in (0, 1, 5):
            put(tx, "a.b", days, "ON_TIME")
        put(tx, "a.other", 2, "ON_TIME")
    with ledger.read() as tx:
        middle, last = heat.rows_at(tx, [("a.b", "2026-11-19"), ("a.b", "2026-11-20")])
        if middle.period > last.period:
            middle, last = last, middle
        assert heat.neighbours(tx, middle) == ("2026-11-15", "2026-11-20")
        assert heat.neighbours(tx, last) == ("2026-11-19", "")


def test_the_last_whole_delivery_of_each_feed_is_told(ledger: Ledger) -> None:
    came = NOW - timedelta(hours=5)
    with ledger.write() as tx:
        put(tx, "a.b", 0, "LATE")
        put(tx, "a.b", 1, "ON_TIME", complete_at=came)
        put(tx, "a.b", 2, "ON_TIME", complete_at=came - timedelta(days=1))
    with ledger.read() as tx:
        assert heat.last_complete(tx, NOW - timedelta(days=9)) == {"a.b": came}


def test_a_connection_is_seen_as_by_its_last_look(ledger: Ledger) -> None:
    with ledger.write() as tx:
        for minutes, ok in ((9, True), (5, False), (1, False)):
            at = NOW - timedelta(minutes=minutes)
            arrivals.append_poll(tx, Poll("acme", at, ok=ok, error="" if ok else "refused"))
        arrivals.append_poll(tx, Poll("fine", NOW, ok=True, error="a link was not followed"))
        arrivals.append_poll(tx, Poll("never", NOW, ok=False, error="no such host"))
    with ledger.read() as tx:
        found = looks.sights(tx, ["acme", "fine", "never", "nobody"])
    assert set(found) == {"acme", "fine", "never"}
    assert (found["acme"].ok, found["acme"].error) == (False, "refused")
    assert found["acme"].good_at == NOW - timedelta(minutes=9)
    assert (found["fine"].ok, found["fine"].error, found["fine"].good_at) == (True, "", NOW)
    assert found["never"].good_at is None


def test_files_that_lay_there_before_we_looked_say_nothing_of_us(ledger: Ledger) -> None:
    with ledger.write() as tx:
        arrivals.append_poll(tx, Poll("acme", NOW, ok=True))
        put(tx, "acme.prices", 0, "DUE")
        for name, sent in (("old", -1), ("new", 1), ("newer", 2)):
            at = NOW + timedelta(minutes=sent)
            seen = NOW + timedelta(minutes=3)
            row = Arrival("acme.prices", "2026-11-20", "", name, 9, at, seen, name)
            arrivals.append_arrivals(tx, [row])
    with ledger.read() as tx:
        assert sorted(looks.detection_delays(tx)) == [60.0, 120.0]


def test_messages_that_are_not_sent_are_counted(ledger: Ledger) -> None:
    with ledger.write() as tx:
        for number, status in enumerate(("QUEUED", "FAILED", "SENT", "QUEUED")):
            at = NOW - timedelta(minutes=number)
            queue_message(tx, Outgoing(f"k{number}", "desk", {}, at, status=status))
    with ledger.read() as tx:
        assert tallies.unsent_messages(tx) == {"QUEUED": 2, "SENDING": 0, "HELD": 0, "FAILED": 1}
        assert tallies.oldest_unsent(tx) == NOW - timedelta(minutes=3)
        assert tallies.incidents_by_level(tx) == {}
        assert tallies.levels_by_feed(tx) == {}
