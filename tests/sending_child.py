"""A process that sends what an outbox holds, for tests that start several and kill them."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from wharf import alerts
from wharf.alerts import Message, Sent
from wharf.contracts import load_project
from wharf.contracts.alerts import Channel
from wharf.ledger import Ledger
from wharf.settings import Connection
from wharf.watch.send import send_messages


def main(ledger_url: str, project: str, address: str, now: str, dies: str) -> None:
    """Send once; with `dies`, be killed after the first message was taken."""

    def send(
        channel: Channel,
        message: Message,
        connection: Connection,
        key: str,
        handle: Mapping[str, Any],
    ) -> Sent:
        done = alerts.send(channel, message, connection, key, handle)
        if dies == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    def resolve(name: str) -> Connection:
        return Connection(name, "http", host=f"{address}/{name}", password="secret")

    sent, failed = send_messages(
        Ledger.open(ledger_url), load_project(Path(project)), resolve,
        datetime.fromisoformat(now), send,
    )  # fmt: skip
    sys.stdout.write(f"{sent} {failed}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
