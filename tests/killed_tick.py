"""A tick that dies by `kill -9` where one of its transactions begins or has ended."""

from __future__ import annotations

import os
import signal
from datetime import datetime
from pathlib import Path

from lake_world import in_children
from sqlalchemy import Connection, event
from tick_world import TickWorld


def transactions_of(world: TickWorld, now: datetime) -> int:
    """How many writing transactions a tick makes; it is made here."""
    seen = 0

    def count(connection: Connection) -> None:
        nonlocal seen
        seen += bool(connection.get_execution_options().get("wharf_write"))

    event.listen(world.place.ledger.engine, "begin", count)
    world.tick(now)
    event.remove(world.place.ledger.engine, "begin", count)
    return seen


def killed_tick(root: Path, now: datetime, number: int, when: str) -> None:
    """Tick in a process that dies at its n-th writing transaction; it has to get there."""
    [code] = in_children(_tick_and_die, [(root, now, number, when)])
    assert code == -signal.SIGKILL, (code, number, when)


def _tick_and_die(root: Path, now: datetime, number: int, when: str) -> None:
    world = TickWorld(root)
    told = (root / "told").open("a")
    world.on_send = lambda channel, key: print(channel, key, file=told, flush=True)
    engine = world.place.ledger.engine
    assert world.promises
    seen = 0

    def die(connection: Connection) -> None:
        nonlocal seen
        if connection.get_execution_options().get("wharf_write"):
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)

    # A commit is announced before it is made.
    event.listen(engine, "begin" if when == "begun" else "commit", die)
    world.tick(now)
