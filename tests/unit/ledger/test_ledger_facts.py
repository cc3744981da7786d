"""What is known of many deliveries at once: as of each alone, in as many queries as of one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from board_world import NOW, BoardWorld
from sqlalchemy import event

from wharf.ledger import expected, facts
from wharf.ledger.rows import Poll


@pytest.fixture
def world(tmp_path: Path) -> BoardWorld:
    """Three feeds over two weeks, with something of everything."""
    world = BoardWorld(tmp_path)
    for name in ("acme.prices", "beta.prices", "cobalt.orders"):
        world.feed(name)
    world.promise()
    world.watch()
    for day in range(6, 14):
        world.came("acme.prices", f"2026-11-{day:02}", NOW - timedelta(days=20 - day))
    world.came("beta.prices", "2026-11-10", NOW - timedelta(days=9), status="QUARANTINED")
    world.came("beta.prices", "2026-11-11", NOW - timedelta(days=9), status="", refused="torn")
    world.decide("cobalt.orders", "2026-11-12", "waive", "agreed")
    world.decide("beta.prices", None, "suspend", "closed")
    with world.ledger.write() as tx:
        from wharf.ledger import arrivals

        for minute in range(5):
            at = NOW + timedelta(minutes=minute)
            arrivals.append_poll(tx, Poll("beta_inbox", at, ok=False, error="no"))
    return world


@contextmanager
def counted(world: BoardWorld) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(*given: object) -> None:
        seen.append(str(given[2]))

    event.listen(world.ledger.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(world.ledger.engine, "before_cursor_execute", note)


def test_facts_of_many_are_those_of_each(world: BoardWorld) -> None:
    feeds = world.feeds()
    with world.ledger.read() as tx:
        rows = [row for name in feeds for row in expected.expected_of(tx, name)]
        pairs = [(feeds[row.feed], row) for row in rows]
        together = facts.facts_for(tx, pairs)
        alone = [facts.facts_of(tx, feed, row) for feed, row in pairs]
    assert len(rows) > 40
    assert together == alone
    assert any(each.arrivals for each in together)
    assert any(fact.refused for each in together for fact in each.arrivals)
    assert any(each.batches for each in together)
    assert any(each.decisions for each in together)
    blind = next(each for (_, row), each in zip(pairs, together, strict=True)
                 if row.feed == "beta.prices")  # fmt: skip
    assert [poll.ok for poll in blind.polls] == [True, False, False]


def test_forty_deliveries_take_as_many_queries_as_one(world: BoardWorld) -> None:
    feeds = world.feeds()
    with world.ledger.read() as tx:
        rows = [row for name in feeds for row in expected.expected_of(tx, name)]
        pairs = [(feeds[row.feed], row) for row in rows]
        with counted(world) as one:
            facts.facts_for(tx, pairs[:1])
        with counted(world) as many:
            facts.facts_for(tx, pairs)
    assert len(many) == len(one) < 10
