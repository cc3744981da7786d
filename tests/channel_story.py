"""One incident from its opening to its end, told to a channel's server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from channel_servers import Desk

from wharf import alerts
from wharf.alerts import Consumer, Link, Notice, Sent

AT = datetime(2026, 11, 20, 5, 50, tzinfo=UTC)
TITLES = [
    "What",
    "How late",
    "Usually",
    "What depends on it",
    "What happens by itself",
    "What you can do",
    "Streak",
]
LATE = Notice(
    key="wharf:prod:late:acme.positions:2026-11-20",
    number=1,
    env="prod",
    action="open",
    kind="late",
    level="L1",
    supplier="acme",
    feed="acme.positions",
    period="2026-11-20",
    at=AT,
    what="acme.positions 2026-11-20 is late: 2 of 3 parts came, due 2026-11-20 06:30 CET",
    numbers={"due_at": "2026-11-20T05:30:00+00:00", "late_at": "2026-11-20T05:50:00+00:00"},
    tz="Europe/Amsterdam",
    usual="by 05:52, nearly always by 06:10",
    consumers=(
        Consumer("risk_daily", 1, datetime(2026, 11, 20, 6, 30, tzinfo=UTC), "last good, 1bd"),
    ),
    automatic=("risk_daily runs on 2026-11-19 at 07:30",),
    actions=("wharf promise acme.positions 2026-11-20 --until TIME --reason TEXT",),
    links=(
        Link("acknowledge", "https://wharf.example/wharf/feeds/acme.positions/2026-11-20#ack"),
        Link("this delivery on the board", "https://wharf.example/wharf/feeds/a/b?x=1&y=2"),
    ),
    streak=2,
    missed=1,
    thread="wharf:prod:late:acme.positions:2026-11-20:7",
)
STORY = [
    ("open", "L1", "acme.positions 2026-11-20 is late"),
    ("update", "L1", "acme.positions 2026-11-20 arrived 95 min late; validating"),
    ("raise", "L3", "risk_daily had to do without acme.positions 2026-11-20"),
    ("lower", "L1", "acme.positions 2026-11-20 is promised for 11:00"),
    ("repeat", "L1", "acme.positions 2026-11-20 is still late"),
    ("resolve", "L1", "acme.positions 2026-11-20 is published 194 min late"),
]


def tell(
    desk: Desk, notice: Notice, handle: Mapping[str, Any] | None = None, key: str = ""
) -> Sent:
    message = alerts.render(notice, notice.at)
    key = key or f"{notice.key}:{notice.number}:desk:7"
    return alerts.send(desk.channel, message, desk.connection, key, handle or {})


def steps(notice: Notice = LATE) -> Iterator[Notice]:
    for number, (action, level, what) in enumerate(STORY, 1):
        at = AT + timedelta(minutes=20 * number)
        yield replace(notice, action=action, level=level, what=what, number=number, at=at)


def play(desk: Desk, last: str = "resolve") -> list[Sent]:
    """The whole story up to an action, each handle given to the next; repeats as D sends them."""
    sent: list[Sent] = []
    for notice in steps():
        if notice.action == "repeat" and alerts.abilities(desk.channel).repeats_itself:
            continue
        sent.append(tell(desk, notice, sent[-1].handle if sent else {}))
        if notice.action == last:
            break
    return sent


def standing(desk: Desk) -> list[object]:
    """What a person at the service would see of the incident, as separate things."""
    for name in ("incidents", "alerts", "parents", "published", "taken", "mails"):
        if hasattr(desk, name):
            return list(getattr(desk, name))
    return list(desk.texts)
