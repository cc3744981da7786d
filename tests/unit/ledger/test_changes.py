"""What happened since a reader's bookmarks, read once each."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from lake_world import Place

from wharf.ledger import Ledger, batches, changes, decisions, feeds, products
from wharf.ledger.rows import Decision, ManifestRow, PublishEvent, ReleaseRow

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = "2026-11-20"


@pytest.fixture
def ledger(place: Place) -> Ledger:
    return Ledger.open(place.ledger_url)


def publish(ledger: Ledger, batch: str) -> None:
    with ledger.write() as tx:
        event = PublishEvent("raw.acme_prices", DAY, batch, "publish", 1, NOW, "run")
        batches.record_publish(tx, event)


def test_each_kind_of_change_is_read_once_and_in_order(ledger: Ledger) -> None:
    with ledger.read() as tx:
        assert changes.bookmarks(tx, "reader") is None
        start = changes.newest(tx)
    publish(ledger, "b1")
    with ledger.write() as tx:
        feeds.feed_id(tx, "acme.prices")
        decisions.record_decision(
            tx, Decision("acme.prices", None, "waive", None, "ada", "closed", NOW)
        )
        products.record_manifest(tx, ManifestRow("m1", "risk", DAY, {}, NOW, "run"))
        products.record_release(tx, ReleaseRow("risk", DAY, "m1", {}, NOW, "run"))
    publish(ledger, "b2")
    with ledger.read() as tx:
        found, upto = changes.changes_since(tx, start)
    assert [(each.kind, each.name, each.period, each.batch_id) for each in found] == [
        ("publish", "raw.acme_prices", DAY, "b1"),
        ("publish", "raw.acme_prices", DAY, "b2"),
        ("release", "risk", DAY, "m1"),
        ("decision", "acme.prices", None, None),
        ("manifest", "risk", DAY, None),
    ]
    assert {each.at for each in found} == {NOW}
    with ledger.write() as tx:
        changes.set_bookmarks(tx, "reader", upto)
        changes.set_bookmarks(tx, "reader", upto)
    with ledger.read() as tx:
        assert changes.bookmarks(tx, "reader") == upto == changes.newest(tx)
        assert changes.bookmarks(tx, "other") is None
        assert changes.changes_since(tx, upto) == ([], upto)


def test_more_than_can_be_read_at_once_is_read_by_and_by(ledger: Ledger) -> None:
    for number in range(5):
        publish(ledger, f"b{number}")
    marks = dict.fromkeys(("publish", "release", "decision", "manifest"), 0)
    read: list[str | None] = []
    for _ in range(4):
        with ledger.read() as tx:
            found, marks = changes.changes_since(tx, marks, at_once=2)
        read += [each.batch_id for each in found]
    assert read == ["b0", "b1", "b2", "b3", "b4"]
