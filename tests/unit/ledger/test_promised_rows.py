"""What should come, kept in step with contracts, on SQLite and on Postgres."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from lake_world import Place

from wharf.ledger import Ledger, expected, horizon
from wharf.ledger.processing import processing_times
from wharf.ledger.retired import retire_feed, retired_feeds, take_up_again
from wharf.ledger.rows import ExpectedDelivery

AT = datetime(2026, 11, 20, 6, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def ledger(place: Place) -> Ledger:
    return Ledger.open(place.ledger_url)


def row(day: int, feed: str = "acme.prices", **terms: object) -> ExpectedDelivery:
    due = AT.replace(day=day)
    made = ExpectedDelivery(
        feed=feed, period=f"2026-11-{day:02}", period_first=f"2026-11-{day:02}",
        contract="c1", expected=True, notifies=True, judge_by="arrival",
        opens_at=due - timedelta(hours=8), warn_at=due, due_at=due, late_at=due,
        cutoff_at=due + 2 * DAY, expected_at=due, calendar="office@1",
    )  # fmt: skip
    return replace(made, **terms)  # type: ignore[arg-type]


def stands(ledger: Ledger, feed: str = "acme.prices") -> list[ExpectedDelivery]:
    with ledger.read() as tx:
        return expected.expected_of(tx, feed)


def test_rows_of_many_feeds_are_made_once(ledger: Ledger) -> None:
    wanted = [row(day, feed) for feed in ("b.x", "a.y") for day in range(18, 24)]
    with ledger.write() as tx:
        assert horizon.ensure_expected(tx, wanted, AT) == 12
        assert horizon.ensure_expected(tx, reversed(wanted), AT) == 0
    assert [each.period for each in stands(ledger, "a.y")] == [
        f"2026-11-{day}" for day in range(18, 24)
    ]
    assert stands(ledger, "b.x")[0].calendar == "office@1"


def test_only_rows_not_due_by_their_old_and_new_terms_move(ledger: Ledger) -> None:
    with ledger.write() as tx:
        horizon.ensure_expected(tx, [row(day) for day in range(18, 23)], AT - DAY)
        later = [
            replace(row(day), contract="c2", due_at=AT.replace(day=day) + timedelta(hours=3))
            for day in (19, 20, 21)
        ]
        assert horizon.ensure_expected(tx, later, AT) == 1
        earlier = replace(row(22), contract="c2", due_at=AT - timedelta(minutes=1))
        assert horizon.ensure_expected(tx, [earlier], AT) == 0
        closed = replace(earlier, expected=False, closed_because="holiday")
        assert horizon.ensure_expected(tx, [closed], AT) == 1
    moved = {each.period: each for each in stands(ledger)}
    assert moved["2026-11-20"].contract == "c1"
    assert (moved["2026-11-21"].due_at.hour, moved["2026-11-21"].contract) == (9, "c2")
    assert moved["2026-11-21"].next_change_at == AT
    with ledger.read() as tx:
        [event] = expected.events_of(tx, moved["2026-11-22"].id)
    assert event.was == {
        "contract": "c1", "expected": True, "closed_because": "",
        "due_at": "2026-11-22T06:00:00+00:00",
    }  # fmt: skip
    assert event.is_["due_at"] == "2026-11-20T05:59:00+00:00"
    assert event.why == "contract changed from c1 to c2"


def test_a_new_version_with_the_same_times_moves_nothing(ledger: Ledger) -> None:
    with ledger.write() as tx:
        horizon.ensure_expected(tx, [row(22)], AT)
        again = replace(row(22), contract="c2", calendar="office@2")
        assert horizon.ensure_expected(tx, [again], AT) == 0
    assert stands(ledger)[0].contract == "c1"


def test_times_that_differ_without_a_new_version_say_so(ledger: Ledger) -> None:
    with ledger.write() as tx:
        horizon.ensure_expected(tx, [row(22)], AT)
        horizon.ensure_expected(tx, [replace(row(22), expected=False)], AT)
        [event] = expected.events_of(tx, expected.expected_of(tx, "acme.prices")[0].id)
    assert event.why == "the terms give other times than before"


def test_a_missing_row_is_added_and_one_that_stands_is_left(ledger: Ledger) -> None:
    with ledger.write() as tx:
        horizon.add_missing(tx, row(22), AT)
        horizon.add_missing(tx, replace(row(22), contract="c2", expected=False), AT)
    [only] = stands(ledger)
    assert (only.contract, only.expected) == ("c1", True)


def test_what_rows_were_made_from_is_remembered(ledger: Ledger) -> None:
    with ledger.write() as tx:
        horizon.remember(tx, {"a": "1", "b": "1"}, AT)
        horizon.remember(tx, {"b": "2"}, AT)
        horizon.remember(tx, {}, AT)
        assert horizon.remembered(tx) == {"a": "1", "b": "2"}


def test_a_feed_is_retired_and_taken_up_again(ledger: Ledger) -> None:
    with ledger.write() as tx:
        horizon.ensure_expected(tx, [row(day) for day in range(18, 23)], AT)
        assert retire_feed(tx, "acme.prices", date(2026, 11, 21), "ann", "over", AT) == [
            "2026-11-21", "2026-11-22",
        ]  # fmt: skip
        assert retired_feeds(tx) == {"acme.prices": "2026-11-21"}
        take_up_again(tx, "acme.prices", "dags/feeds/acme/prices.yaml", AT)
        assert retired_feeds(tx) == {}
    assert [each.expected for each in stands(ledger)] == [True, True, True, False, False]


def test_processing_is_measured_from_complete_to_published_where_enough_is_known(
    ledger: Ledger,
) -> None:
    from wharf.ledger import batches
    from wharf.ledger.rows import BatchRow

    def publish(day: int, minutes: int, feed: str) -> None:
        batch_id = f"{feed}-{day}"
        at = AT.replace(day=day) + timedelta(minutes=minutes)
        with ledger.write() as tx:
            horizon.ensure_expected(tx, [row(day, feed)], AT)
            batches.record_batch(
                tx,
                BatchRow(batch_id, "raw.acme_prices", f"2026-11-{day:02}", feed, "PUBLISHED",
                         staged_at=at, status_at=at),
            )  # fmt: skip
            found = expected.find_expected(tx, feed, f"2026-11-{day:02}")
            assert found is not None
            state = dict.fromkeys(expected.STATE) | {
                "timeliness": "ON_TIME", "delivery": "PUBLISHED", "reason": "",
                "complete_at": AT.replace(day=day), "batch_id": batch_id,
            }  # fmt: skip
            expected.record_state(tx, found, state, AT, None)

    for day in range(1, 21):
        publish(day, day, "acme.prices")
    for day in range(1, 14):
        publish(day, 5, "acme.rare")
    with ledger.read() as tx:
        times = processing_times(tx)
    assert set(times) == {"acme.prices"}
    assert timedelta(minutes=19) <= times["acme.prices"] < timedelta(minutes=20)
