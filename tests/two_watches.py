"""Two watches over one ledger, each in a process of its own: the same minutes at the same time."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from alarm_world import AlarmWorld, at, product
from lake_world import in_children

from wharf.alerts import Message, Sent
from wharf.contracts.alerts import Channel
from wharf.intake import open_intake
from wharf.ledger import expected, history
from wharf.settings import Connection, Settings, read_settings
from wharf.watch import evaluate
from wharf.watch.promises import read_promises
from wharf.watch.tick import tick

FEEDS = {f"s{number % 4}.f{number}": f"c{number % 3}" for number in range(12)}
MINUTES = [at(clock) for clock in ("06:31", "06:51", "06:53", "07:15", "07:31")]
LATER = [at("18:01", 22)]


def make_world(root: Path, url: str) -> AlarmWorld:
    """12 feeds of four suppliers that never deliver; a product decides at 07:30 without one."""
    wanted = {"s0.f0": "[fail]"}
    return AlarmWorld(root, FEEDS, products=(product("risk", wanted),), ledger_url=url)


def watch_beside(root: Path, url: str, count: int, minutes: Sequence[datetime]) -> list[int | None]:
    """Let so many processes tick at each of these instants, all at once; gives their exit codes."""
    return in_children(_watch, [(root, url, n, count, list(minutes)) for n in range(count)])


def told(root: Path) -> list[tuple[str, str]]:
    """Channel and key of every message that left, by whichever process."""
    lines = [line for file in root.glob("told-*") for line in file.read_text().splitlines()]
    return sorted((each[0], each[1]) for each in map(json.loads, lines))


def ends(world: AlarmWorld) -> dict[str, Any]:
    """What stands in a ledger at the end, without numbers that only count."""
    with world.place.ledger.read() as tx:
        rows = [row for name in FEEDS for row in expected.expected_of(tx, name)]
        changes = list(history.state_changes(tx))
        steps = list(history.incident_steps(tx))
    return {
        "rows": [(r.feed, r.period, r.timeliness, r.delivery, r.next_change_at) for r in rows],
        "changes": sorted((feed, period, str(e.was), str(e.is_)) for feed, period, e in changes),
        "lives": sorted((i.dedup_key, s.number, s.kind, s.level) for i, s in steps),
    }


def make_settings(root: Path) -> Settings:
    where = {"WHARF_HOME": str(root), "WHARF_PROJECT": str(root / "project"), "WHARF_ENV": "prod"}
    return read_settings(where)


def _watch(root: Path, url: str, own: int, count: int, minutes: Sequence[datetime]) -> None:
    evaluate.SLICE = 3
    settings = replace(make_settings(root), ledger_url=url)
    place = open_intake(settings, lambda name: Connection(name, "sftp", host=f"{name}.example"))
    promises = read_promises(place.ledger, settings.project, minutes[0])

    def send(
        channel: Channel,
        message: Message,
        connection: Connection,
        key: str,
        handle: Mapping[str, Any],
    ) -> Sent:
        with (root / f"told-{own}").open("a") as out:
            out.write(json.dumps([channel.name, key]) + "\n")
        return Sent(key, handle=handle)

    for number, minute in enumerate(minutes):
        _wait_for_all(root, f"{minute:%d%H%M}-{number}", own, count)
        # No two clocks show the same microsecond.
        now = minute + timedelta(microseconds=own)
        tick(
            place, promises, now, start_run=_Runs(root), running_keys=set,
            clock=lambda now=now: now, send=send,
        )  # fmt: skip


class _Runs:
    """Starts a run once, as Airflow does: a second start of the same run id is told so."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __call__(self, dag_id: str, key: str, cause: str) -> bool:
        try:
            (self.root / f"run-{dag_id}-{key}-{cause}").touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


def _wait_for_all(root: Path, name: str, own: int, count: int) -> None:
    (root / f"at-{name}-{own}").touch()
    until = time.monotonic() + 60
    while len(list(root.glob(f"at-{name}-*"))) < count:
        assert time.monotonic() < until, "the other watch died"
        time.sleep(0.005)
