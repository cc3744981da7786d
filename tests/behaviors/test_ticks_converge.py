"""However ticks come - in any order, again, or not at all for days - the ledger ends the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tick_world import DAYS, END, FEEDS, FIRST, START, Fact, TickWorld, play

SPAN = int((END - FIRST) / timedelta(minutes=10)) - 1
KINDS = ("arrived", "arrived", "empty", "withdrawn", "published", "quarantined", "looked", "blind")
# An example takes a second: the first one that fails is told as it is.
small = partial(
    settings,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> TickWorld:
    return TickWorld.make(tmp_path_factory.mktemp("ticks") / "template")


@pytest.fixture
def copies(template: TickWorld, tmp_path: Path) -> Iterator[TickWorld]:
    """Fresh copies of one installation, as many as are asked for."""

    def endless() -> Iterator[TickWorld]:
        number = 0
        while True:
            number += 1
            world = template.copy_to(tmp_path / f"copy-{number % 3}")
            yield world
            world.close()

    return endless()


def instants() -> st.SearchStrategy[datetime]:
    """Round and odd ones, dense around the clock points of the first days."""
    anywhere = st.integers(0, SPAN).map(lambda tens: FIRST + timedelta(minutes=10 * tens))
    hours = (6, 11, 12, 24)
    edges = st.builds(
        lambda day, hour, minutes: FIRST + timedelta(days=day, hours=hour, minutes=minutes),
        st.integers(0, 2), st.sampled_from(hours), st.integers(-2, 25),
    )  # fmt: skip
    return st.one_of(edges, anywhere)


def facts() -> st.SearchStrategy[list[Fact]]:
    """What may become known, nothing twice at the same instant."""
    one = st.builds(
        Fact,
        feed=st.sampled_from(sorted(FEEDS)),
        day=st.sampled_from(DAYS),
        kind=st.sampled_from(KINDS),
        at=instants(),
        part=st.integers(0, 1),
    )
    return st.lists(one, max_size=12, unique_by=lambda fact: fact.at)


def ticks() -> st.SearchStrategy[list[datetime]]:
    """Ticks that go forward, some twice."""
    return st.lists(instants(), max_size=8).map(sorted)


@given(facts=facts(), some=ticks(), others=ticks())
@small(max_examples=12)
def test_gaps_and_repetitions_of_ticks_change_no_row(
    facts: list[Fact], some: list[datetime], others: list[datetime], copies: Iterator[TickWorld]
) -> None:
    ends = []
    for chosen in (some, others):
        world = next(copies)
        play(world, facts, [START, *chosen])
        world.settle_down(END)
        rows = world.rows()
        # Of what nobody can see any more, only a tick before that could tell that it was late.
        blind = {
            name.removesuffix(" timeliness").replace(" ", ":")
            for name, value in rows.items()
            if value == "UNKNOWN"
        }
        told = [key for key in world.open_about_deliveries() if key.split(":", 3)[3] not in blind]
        ends.append({**rows, "open": told})
    assert ends[0] == ends[1]


@given(facts=facts(), shuffled=st.lists(instants(), max_size=8))
@small(max_examples=8)
def test_ticks_in_any_order_change_no_row(
    facts: list[Fact], shuffled: list[datetime], copies: Iterator[TickWorld]
) -> None:
    """Two schedulers whose clocks differ, or a tick that took long, evaluate an older instant."""
    ends = []
    for chosen in (shuffled, sorted(shuffled), []):
        world = next(copies)
        play(world, facts, [START, *chosen])
        world.settle_down(END)
        ends.append(world.rows())
    assert ends[0] == ends[1] == ends[2]


@given(facts=facts(), chosen=ticks())
@small(max_examples=12)
def test_of_each_key_one_incident_is_open_and_each_is_resolved_once(
    facts: list[Fact], chosen: list[datetime], copies: Iterator[TickWorld]
) -> None:
    world = next(copies)
    for now in [START, *chosen]:
        world.learn_of(fact for fact in facts if fact.at <= now)
        facts = [fact for fact in facts if fact.at > now]
        world.tick(now)
        assert len(set(world.open_keys())) == len(world.open_keys())
    world.learn_of(facts)
    after = world.settle_down(END)
    world.publish_all(after)
    world.settle_down(after)
    assert world.open_keys() == []
    for incident, life in world.lives():
        turns = [action for action in life if action in {"open", "resolve"}]
        if incident.kind == "summary":  # one message about many, which may end without another
            assert turns in ([], ["resolve"])
            continue
        assert turns == ["open", "resolve"] * (len(turns) // 2), (incident.dedup_key, life)
    keys = [message.key for message in world.messages()]
    assert len(set(keys)) == len(keys)


def test_one_tick_after_days_ends_like_a_tick_each_minute(copies: Iterator[TickWorld]) -> None:
    noon = FIRST + timedelta(hours=12)
    story = [
        Fact("acme.prices", DAYS[0], "arrived", noon - timedelta(minutes=3)),
        Fact("acme.prices", DAYS[0], "published", noon - timedelta(minutes=1)),
        Fact("acme.stock", DAYS[0], "arrived", noon - timedelta(hours=2), part=0),
        Fact("acme.stock", DAYS[0], "arrived", noon + timedelta(hours=1), part=1),
        Fact("acme.stock", DAYS[0], "published", noon + timedelta(hours=2)),
        Fact("beta.prices", DAYS[1], "empty", noon + timedelta(days=1)),
    ]
    each_minute, at_once = next(copies), None
    minutes = [FIRST + timedelta(hours=11, minutes=10 * step) for step in range(30)]
    play(each_minute, story, [START, *minutes])
    each_minute.settle_down(END)
    wanted = each_minute.rows(), each_minute.open_about_deliveries()
    at_once = next(copies)
    play(at_once, story, [START])
    at_once.settle_down(END)
    rows = at_once.rows()
    assert rows == wanted[0]
    assert at_once.open_about_deliveries() == wanted[1]
    assert rows[f"acme.prices {DAYS[0]} timeliness"] == "ON_TIME"
    assert rows[f"acme.stock {DAYS[0]} timeliness"] == "LATE_ARRIVED"
    assert rows[f"beta.prices {DAYS[1]} timeliness"] == "MISSING"
