"""Twenty feeds over three weeks, with every state a cell of the board can have."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

from board_world import HOSTILE, NOW, BoardWorld

from wharf.ledger import arrivals
from wharf.ledger.rows import Outgoing, Poll

TODAY, YESTERDAY = "2026-11-20", "2026-11-19"
PLAIN = (
    "acme.prices", "acme.positions", "borealis.weather", "cobalt.orders", "cobalt.returns",
    "delta.flights", "evergreen.inventory", "fjord.catches", "garnet.claims", "harbor.tides",
    "iris.scans", "juniper.payments",
)  # fmt: skip
PARTS = ("north", "south", "west")
STORY = ("signalpath.locations", TODAY)
LONG = (
    "A supplier whose registered name is much longer than anybody would like it to be, Inc. & Sons"
)


def crowd(root: Path) -> BoardWorld:
    """Build the installation; its story with everything in it is `STORY`."""
    world = BoardWorld(root)
    _promises(world)
    world.promise()
    _usual_days(world)
    _trouble(world)
    _story(world)
    return world


def _promises(world: BoardWorld) -> None:
    for name in PLAIN:
        world.feed(name, name.partition(".")[0].title() + " Ltd")
    world.feed("quiet.newcomer", "Quiet & Co", first="2026-11-18")
    world.feed("registrar.deeds", LONG, period="{kind: business_day, calendar: office_days}")
    world.feed("hostile.feed", HOSTILE, about=json.dumps(HOSTILE))
    world.feed(
        "signalpath.locations",
        "SignalPath",
        about="Points with time from mobile devices, in three parts a day.",
        source="{kind: local, connection: signalpath_inbox, done_flag: 'x_{period:%Y%m%d}.ok', "
        "path: 'x_{period:%Y%m%d}_{part}.csv', parts: [north, south, west]}",
        tz="America/Chicago",
        opens="T+0 00:00",
        warn="T+0 05:30",
        due="T+0 06:30",
    )
    world.feed(
        "week.survey",
        "Weekly Survey Office",
        period="{kind: week}",
        first="2026-W40",
        due="E+2d 12:00",
        warn="E+2d 11:00",
        cutoff="E+6d 00:00",
        opens="E+1d 06:00",
    )
    world.feed(
        "month.census",
        "Monthly Census Office",
        period="{kind: month}",
        first="2026-08",
        due="E+10d 12:00",
        warn="E+9d 11:00",
        cutoff="E+25d 00:00",
        opens="E+1d 06:00",
    )
    world.feed("gone.retired", "Gone Ltd")
    world.feed("blind.sensor", "Blind Sensors", tz="UTC", warn="T+0 13:00", due="T+0 14:00")
    inputs = "{signalpath.locations: {read: same, on_missing: [wait, %s]}, acme.prices: {}}"
    world.product("signals_by_use", inputs % "fail")
    world.product("weekly_digest_of_signals", "{signals_by_use: {read: latest}}", tier=3)
    world.product("prices_page", "{acme.prices: {read: latest, on_missing: last_good}}", tier=2)


def _usual_days(world: BoardWorld) -> None:
    """Everything before yesterday came in time, as it mostly does."""
    with world.at_once():
        _came_in_time(world)


def _came_in_time(world: BoardWorld) -> None:
    for feed in (*PLAIN, "quiet.newcomer", "registrar.deeds", "hostile.feed", "blind.sensor"):
        for row in world.rows(feed):
            if row.expected and row.period < YESTERDAY:
                world.came(feed, row.period, row.due_at - timedelta(minutes=50))
    for row in world.rows("signalpath.locations"):
        if row.period < TODAY:
            world.came(row.feed, row.period, row.due_at - timedelta(minutes=9), parts=PARTS)
    for row in world.rows("week.survey"):
        world.came(row.feed, row.period, row.due_at - timedelta(hours=3))


def _trouble(world: BoardWorld) -> None:
    def today(hour: int, minute: int = 0) -> datetime:
        return NOW.replace(hour=hour, minute=minute)

    early = ("acme.positions", "cobalt.orders", "delta.flights", "iris.scans", "hostile.feed")
    for feed in (*early, "registrar.deeds"):
        world.came(feed, YESTERDAY, today(11) - timedelta(days=1))
    world.came("acme.positions", TODAY, today(11, 3), status="STAGED")
    world.came("borealis.weather", YESTERDAY, today(13, 35) - timedelta(days=1))
    world.came("borealis.weather", TODAY, today(13, 47), rows_quarantined=40)
    negative = {"message": "assessed_value is below 0 in 812 rows", "severity": "critical"}
    world.came("cobalt.orders", TODAY, today(9, 4), status="QUARANTINED", findings=[negative])
    world.came("cobalt.returns", YESTERDAY, today(2, 10))
    world.came("delta.flights", TODAY, today(10), status="", refused="the gzip stream ends early")
    world.came("hostile.feed", TODAY, today(11), path=HOSTILE, refused=HOSTILE, status="")
    world.came("registrar.deeds", TODAY, today(8))
    world.decide("evergreen.inventory", YESTERDAY, "waive", "stocktaking, agreed by phone")
    world.decide("fjord.catches", None, "suspend", "the fleet is in port until spring")
    world.decide("garnet.claims", TODAY, "promise", "server move", until=today(18))
    with world.ledger.write() as tx:
        for minutes in range(0, 150, 5):
            at = today(12) + timedelta(minutes=minutes)
            poll = Poll("blind_inbox", at, ok=False, error="connection refused")
            arrivals.append_poll(tx, poll)
    world.remove("dags/feeds/gone/retired.yaml")
    contract = world.settings.project / "dags/feeds/juniper/payments.yaml"
    contract.write_text(contract.read_text().replace("cutoff:", "cutof:"))


def _story(world: BoardWorld) -> None:
    feed, period = STORY
    at = NOW.replace(hour=11, minute=58)
    world.came(feed, period, at, parts=PARTS[:1], status="")
    refused = "the file ends in the middle of line 40,112; ask the supplier to send it again"
    world.came(
        feed, period, at + timedelta(minutes=6), parts=PARTS[1:2], status="", refused=refused,
        path="outgoing/2026/november/20/signals of the southern district " + HOSTILE + ".csv",
    )  # fmt: skip
    drift = {"message": "a new column flood_zone was added to the table", "kind": "new_column"}
    bad = {"message": "812 of 41,667 rows have no longitude", "severity": "critical"}
    first = world.came(
        feed, period, at + timedelta(minutes=20), parts=PARTS[:2], status="QUARANTINED",
        rows_quarantined=812, findings=[drift, bad],
    )  # fmt: skip
    world.release("signals_by_use", YESTERDAY, first, "20261120T120000000Z-abcdef")
    world.decide(feed, period, "promise", "their lift is broken", until=NOW - timedelta(minutes=30))
    sent = [
        Outgoing("", "desk", {}, at, status="SENT", sent_at=at + timedelta(seconds=4)),
        Outgoing("", "mail", {}, at, status="FAILED", attempts=5, error="550 no such mailbox"),
        Outgoing("", "chat", {}, NOW, status="QUEUED"),
    ]
    world.watch()
    world.messages(feed, period, sent)
