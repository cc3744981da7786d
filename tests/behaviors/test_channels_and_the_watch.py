"""One incident through the ledger, the tick and every kind of channel, against real servers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from alarm_world import AlarmWorld, at, product
from channel_servers import ARN, DESKS, Ailing, Desk, SnsDesk, WebhookDesk
from channel_story import standing

from wharf import alerts
from wharf.settings import Connection

CHANNELS = {
    "slack": 'kind: slack, channel: "#desk"',
    "slack webhook": "kind: slack",
    "pagerduty": "kind: pagerduty",
    "jsm": "kind: jsm",
    "sns": f'kind: sns, topic: "{ARN}"',
    "teams": "kind: teams",
    "webhook": "kind: webhook",
    "alertmanager": "kind: webhook, shape: alertmanager",
    "smtp": "kind: smtp, to: [desk@wharf.example]",
}


@dataclass
class Wired(AlarmWorld):
    """The world of late feeds with a real server behind each channel."""

    desks: dict[str, Desk] = field(default_factory=dict)

    def resolve(self, name: str) -> Connection:
        return self.desks[name].connection if name in self.desks else super().resolve(name)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Wired]:
    desks: dict[str, Desk] = {name: make() for name, make in DESKS.items()}
    with ExitStack() as stack:
        for each in desks.values():
            stack.enter_context(each.serving())
        yield Wired(
            tmp_path,
            channels=tuple(
                f"{{name: {name}, connection: {name}, min_level: L1, {rest}}}"
                for name, rest in CHANNELS.items()
            ),
            products=(product("risk", {"acme.a": "[wait, fail]"}, decide="08:00"),),
            group_wait=0,
            send=alerts.send,
            desks=desks,
        )


def test_late_delivery_is_opened_raised_and_resolved_in_every_channel(world: Wired) -> None:
    world.go(at("06:51"))
    assert {name for name, desk in world.desks.items() if not standing(desk)} == set()
    world.go(at("09:44"), every=5)
    world.publish("acme.a")
    world.tick()
    assert world.open("late") == []
    assert {name: desk.refusals for name, desk in world.desks.items() if desk.refusals} == {}
    assert {each.status for each in world.outbox()} <= {"SENT", "DROPPED"}
    ends = {name: desk.texts[-1].split("\n")[0] for name, desk in world.desks.items()}
    assert ends["slack"].startswith("resolved: acme.a 2026-11-20 is published")
    assert world.desks["smtp"].threads == 1  # type: ignore[union-attr]
    assert [each.is_open for _, each in world.desks["pagerduty"].incidents] == [False]  # type: ignore[union-attr]
    assert world.desks["jsm"].open_alerts == []  # type: ignore[union-attr]
    assert world.desks["alertmanager"].firing(at("09:45")) == []  # type: ignore[union-attr]
    assert len(world.desks["slack"].parents) == 1  # type: ignore[union-attr]
    for name in ("webhook", "sns"):
        assert [each for each in told(world.desks[name]) if each in {"open", "resolve"}] == [
            "open",
            "resolve",
        ]


def told(desk: Desk) -> list[str]:
    """The actions that a service with a key had, each once."""
    if isinstance(desk, SnsDesk):
        return [each["data"]["action"] for each in desk.published.values()]
    assert isinstance(desk, WebhookDesk)
    return [each["action"] for each in desk.taken.values()]


def test_service_that_loses_an_answer_and_is_down_for_an_hour_ends_resolved(world: Wired) -> None:
    for desk in world.desks.values():
        desk.ailing = [Ailing(500, takes_first=True), *[Ailing(503)] * 3]
    world.go(at("09:00"), every=5)
    world.publish("acme.a")
    world.go(at("12:00"), every=5)
    assert {name: desk.refusals for name, desk in world.desks.items() if desk.refusals} == {}
    assert {each.status for each in world.outbox()} <= {"SENT", "DROPPED"}
    assert len(world.desks["pagerduty"].incidents) == 1  # type: ignore[union-attr]
    assert world.desks["jsm"].open_alerts == []  # type: ignore[union-attr]
    parents = world.desks["slack"].parents  # type: ignore[union-attr]
    assert len(parents) <= 2, "at most one extra where there is no key"
    assert any(each["text"].startswith("resolved") for each in parents)
    for name in ("webhook", "sns"):
        assert told(world.desks[name]).count("open") == 1
        assert told(world.desks[name]).count("resolve") == 1
