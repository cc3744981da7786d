"""The lives of incidents over each database: begun, ended, begun again, by two ticks at once."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from alarm_world import CHAT, DESK, PAGER, AlarmWorld, at, product
from lake_world import Place

from wharf.ledger import incidents

ACME = {"acme.a": "acme_sftp", "acme.b": "acme_sftp", "beta.a": "beta_sftp"}
RISK = product("risk", {"acme.a": "[{last_good: {max_age: 3d}}, fail]"}, decide="08:30")


@pytest.fixture
def world(tmp_path: Path, place: Place) -> AlarmWorld:
    channels = (DESK, CHAT, PAGER)
    return AlarmWorld(tmp_path, ACME, channels, (RISK,), ledger_url=place.ledger_url)


def test_a_morning_of_late_feeds_is_told_once_and_ends(world: AlarmWorld) -> None:
    world.tick()
    world.go(at("06:53"))
    world.go(at("07:06"), "beta_sftp")
    for feed in ACME:
        world.publish(feed)
    world.go(at("07:09"))
    assert world.open() == []
    for channel in ("desk", "chat"):
        lives: dict[str, list[str]] = {}
        for each in world.heard:
            if each.channel == channel:
                lives.setdefault(each.incident, []).append(each.action)
        assert {life[0] for life in lives.values()} == {"open"}
        assert {life.count("resolve") for life in lives.values()} == {1}
        assert {life[-1] for life in lives.values()} == {"resolve"}
        assert len(lives) == 3
    assert {each.status for each in world.outbox()} <= {"SENT", "DROPPED"}


def test_two_ticks_at_once_tell_everything_once(world: AlarmWorld) -> None:
    world.tick()
    world.now = at("06:49")
    world.tick()
    for minute in range(50, 56):
        world.now = at(f"06:{minute}")
        world.look()
        both = [threading.Thread(target=world.tick, args=(False,)) for _ in range(2)]
        for each in both:
            each.start()
        for each in both:
            each.join()
    keys = [each.key for each in world.heard]
    assert len(keys) == len(set(keys)) == 4
    with world.place.ledger.read() as tx:
        open_keys = [each.dedup_key for each in incidents.open_incidents(tx)]
    assert len(open_keys) == len(set(open_keys)) == 4, "three late feeds and one group"


def test_a_period_rolled_back_soon_after_its_end_opens_the_same_incident_again(
    world: AlarmWorld,
) -> None:
    world.tick()
    world.publish("acme.b")
    world.publish("beta.a")
    world.go(at("06:53"))
    world.publish("acme.a")
    world.go(world.now + timedelta(minutes=5))
    world.batch("acme.a", "ROLLED_BACK", "acme.a-200653")
    world.go(world.now + timedelta(minutes=4))
    [incident] = world.incidents("late")
    assert incident.resolved_at is None
    assert [each.kind for each in world.life(incident)] == ["open", "resolve", "open"]
    assert "its batch was rolled back" in incident.what
    assert len({each.thread for each in world.heard}) == 1
    world.batch("acme.a", "PUBLISHED", "again")
    world.go(world.now + timedelta(minutes=1))
    actions = [each.action for each in world.heard if each.channel == "chat"]
    assert actions == ["open", "resolve", "open", "resolve"]
