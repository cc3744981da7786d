"""A tick killed anywhere leaves a ledger that the next tick brings to the same end."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from killed_tick import killed_tick, transactions_of
from tick_world import DAYS, FEEDS, FIRST, START, Fact, TickWorld

LATE = FIRST + timedelta(hours=12, minutes=21)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> TickWorld:
    """One minute before the first day's deliveries are late, with a look at every source."""
    world = TickWorld.make(tmp_path_factory.mktemp("killed") / "template")
    world.tick(START)
    world.learn_of(Fact(name, DAYS[0], "looked", LATE - timedelta(minutes=2)) for name in FEEDS)
    world.tick(LATE - timedelta(minutes=2))
    world.place.ledger.engine.dispose()
    return world


def test_a_tick_killed_at_any_transaction_is_made_up_for(
    template: TickWorld, tmp_path: Path
) -> None:
    alone = template.copy_to(tmp_path / "alone")
    count = transactions_of(alone, LATE)
    alone.settle_down(LATE)
    assert count >= 3
    assert alone.rows()[f"acme.prices {DAYS[0]} timeliness"] == "LATE"
    for number in range(1, count + 1):
        for when in ("begun", "committing"):
            world = template.copy_to(tmp_path / "killed")
            killed_tick(world.root, LATE, number, when)
            world.settle_down(LATE)
            assert world.rows() == alone.rows(), (number, when)
            assert _lives(world) == _lives(alone), (number, when)
            before = (world.root / "told").read_text().splitlines()
            heard = Counter(
                [*(line.split()[1] for line in before), *(key for _, key in world.told)]
            )
            wanted = Counter(key for _, key in alone.told)
            assert set(heard) == set(wanted), (number, when)
            assert sum(heard.values()) - sum(wanted.values()) <= 1, (number, when)


def _lives(world: TickWorld) -> list[tuple[str, list[str]]]:
    return sorted((incident.dedup_key, steps) for incident, steps in world.lives())
