"""Waiting without a worker: triggers that read the ledger now and then, never a source."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from wharf.airflow.workplace import now, shared_ledger
from wharf.contracts import Feed
from wharf.contracts.spec import build, parse_yaml
from wharf.errors import Transient, WharfError


class DeliveryTrigger(BaseTrigger):
    """Fires when a feed's run may go on, or never can.

    Args:
        contract: The text of the feed's file; the triggerer has no project.
        period: The period key.
        every: Seconds between two looks at the ledger.
    """

    def __init__(self, contract: str, period: str, every: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.contract, self.period, self.every = contract, period, every

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """How the triggerer makes it again."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {"contract": self.contract, "period": self.period, "every": self.every},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look at the ledger until there is something to do."""
        feed = build(Feed, parse_yaml(self.contract, "contract"), "contract")
        while True:
            seen = await asyncio.to_thread(self._look, feed)
            if seen is not None:
                yield TriggerEvent(seen)  # type: ignore[no-untyped-call]
                return
            await asyncio.sleep(self.every)

    def _look(self, feed: Feed) -> str | None:
        from wharf.watch.readiness import NotYet, readiness

        try:
            found = readiness(shared_ledger(), feed, feed.parse_period(self.period), now())
        except WharfError as error:
            if isinstance(error, Transient):
                self.log.warning("the ledger cannot be read, trying again: %s", error)
                return None
            raise
        return None if isinstance(found, NotYet) else type(found).__name__


class ChangeTrigger(BaseTrigger):
    """Fires when something a product waits for changed in the ledger, or at an instant.

    Args:
        inputs: The feeds and products it reads.
        known: What the ledger said of them when the waiting began (`wharf.airflow.changes`).
        until: The next instant at which an edge decides by itself, ISO, UTC.
        every: Seconds between two looks at the ledger.
    """

    def __init__(self, inputs: list[str], known: str, until: str, every: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.inputs, self.known = inputs, known
        self.until, self.every = until, every

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """How the triggerer makes it again."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "inputs": self.inputs,
                "known": self.known,
                "until": self.until,
                "every": self.every,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look at the ledger until there is something to decide anew."""
        until = datetime.fromisoformat(self.until)
        while True:
            left = (until - now()).total_seconds()
            if left <= 0:
                yield TriggerEvent("time")  # type: ignore[no-untyped-call]
                return
            if await asyncio.to_thread(self._changed):
                yield TriggerEvent("change")  # type: ignore[no-untyped-call]
                return
            await asyncio.sleep(min(self.every, left))

    def _changed(self) -> bool:
        from wharf.airflow.changes import state_of_inputs

        try:
            return state_of_inputs(shared_ledger(), self.inputs) != self.known
        except WharfError as error:
            if isinstance(error, Transient):
                self.log.warning("the ledger cannot be read, trying again: %s", error)
                return False
            raise
