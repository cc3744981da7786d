"""What channels hear when a person takes care of a delivery, or wants to hear nothing of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from alarm_world import CHAT, DESK, PAGER, AlarmWorld, at, product

RISK = product("risk", {"acme.a": "[wait, fail]"}, decide="08:00")


@pytest.fixture
def world(tmp_path: Path) -> AlarmWorld:
    return AlarmWorld(tmp_path, channels=(DESK, CHAT, PAGER), products=(RISK,), group_wait=0)


def actions(world: AlarmWorld, channel: str) -> list[str]:
    return [action for action, _ in world.told(channel)]


def test_pager_and_chat_hear_once_who_takes_care(world: AlarmWorld) -> None:
    world.go(at("07:05"), every=5)
    assert actions(world, "pager") == ["raise"]
    world.decide("acme.a", "ack", at("09:00"))
    world.go(at("07:20"), every=5)
    assert actions(world, "pager") == ["raise", "ack"]
    assert actions(world, "chat")[-1] == "ack"
    assert "ada takes care of it until 2026-11-20 09:00 UTC: because" in world.told("chat")[-1][1]
    assert "ack" not in actions(world, "desk"), "nothing changes in what a webhook was told"
    world.go(at("08:10"), every=5)
    assert actions(world, "pager") == ["raise", "ack", "raise"], "what is new is still told"
    world.publish("acme.a")
    world.go(at("08:15"), every=5)
    assert actions(world, "pager")[-1] == "resolve"


def test_nothing_is_heard_of_a_snoozed_delivery_until_it_ends(world: AlarmWorld) -> None:
    world.go(at("06:55"), every=5)
    world.decide("acme.a", "snooze", at("08:20"))
    heard = len(world.heard)
    world.go(at("08:19"), every=5)
    assert len(world.heard) == heard, "neither the rise at 07:00 nor that at 08:00"
    assert actions(world, "pager") == []
    world.go(at("08:21"))
    [page] = [each for each in world.heard if each.channel == "pager"]
    assert (page.action, page.level) == ("raise", "L3")


def test_a_snoozed_delivery_that_comes_ends_its_incident_at_once(world: AlarmWorld) -> None:
    world.go(at("06:55"), every=5)
    world.decide("acme.a", "snooze", at("09:00"))
    world.go(at("07:30"), every=5)
    world.publish("acme.a")
    world.tick()
    assert actions(world, "desk")[-1] == "resolve"
    assert world.open("late") == []


def test_a_waived_delivery_ends_its_incident_and_may_open_it_again(world: AlarmWorld) -> None:
    world.go(at("06:55"), every=5)
    world.decide("acme.a", "waive", at("09:00"))
    world.go(at("07:00"), every=5)
    assert world.open("late") == []
    assert actions(world, "desk")[-1] == "resolve"
    world.go(at("09:01"))
    assert len(world.open("late")) == 1
