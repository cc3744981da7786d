"""What the ledger and the receivers show of the demo's story."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from wharf.demo.script import Actual, Condition, Expected
from wharf.ledger import (
    Ledger,
    Transaction,
    arrivals,
    batches,
    contracts,
    deliveries,
    expected,
    facts,
)

KINDS = {"resolve": "resolved"}


class Observer:
    """Answers what has come to pass so far."""

    def __init__(self, ledger: Ledger, received: Path) -> None:
        self.ledger = ledger
        self.received = received

    def holds(self, feed: str, period: str, condition: Condition) -> bool:
        """Whether a supplier may go on."""
        with self.ledger.read() as tx:
            return self._count(tx, feed, period, condition.kind) >= condition.count

    def _count(self, tx: Transaction, feed: str, period: str, kind: str) -> int:
        match kind:
            case "arrival":
                seen = arrivals.arrivals_of(tx, feed, period)
                return len([each for each in seen if not each.is_done_flag])
            case "delivery":
                return len(deliveries.deliveries_of(tx, feed, period))
            case "refused":
                landed = deliveries.deliveries_of(tx, feed, period)
                return len([each for each in landed if each.outcome == "refused"])
            case "published":
                known = contracts.feeds_in_force(tx).get(feed)
                return len(batches.publishes_of(tx, known.table, period)) if known else 0
        return len(self.messages(feed, period))

    def messages(self, feed: str, period: str) -> tuple[str, ...]:
        """Kinds of the messages that the web receiver got about one period, in order."""
        return tuple(
            KINDS.get(body["action"], str(body["kind"]))
            for body in self.bodies()
            if (body.get("feed"), body.get("period")) == (feed, period)
            and body["action"] in {"open", "resolve"}
        )

    def bodies(self) -> list[Mapping[str, Any]]:
        """Bodies of all messages that the web receiver ever got."""
        if not self.received.exists():
            return []
        lines = self.received.read_text(encoding="utf-8").splitlines()
        return [json.loads(line)["body"] for line in lines]

    def actual(
        self, wanted: Mapping[tuple[str, str], Expected], now: datetime
    ) -> dict[tuple[str, str], Actual]:
        """What came out for every feed and period of the story that has a row."""
        with self.ledger.read() as tx:
            feeds = contracts.feeds_in_force(tx)
            found = {}
            for feed, period in wanted:
                row = expected.find_expected(tx, feed, period) if feed in feeds else None
                if row is None:
                    continue
                state = facts.state_of(tx, feeds[feed], row, now)
                landed = deliveries.deliveries_of(tx, feed, period)
                staged = batches.batches_for(tx, feed, period)
                found[feed, period] = Actual(
                    timeliness=state.timeliness,
                    delivery=state.delivery,
                    verdicts=tuple(each.verdict for each in landed),
                    versions=max((each.version for each in landed), default=0),
                    rows_staged=staged[-1].rows_staged if staged else 0,
                    rows_quarantined=staged[-1].rows_quarantined if staged else 0,
                    messages=self.messages(feed, period),
                )
        return found

    def report(self, actual: Mapping[tuple[str, str], Actual]) -> list[dict[str, Any]]:
        """One object for each feed and period, as `demo-report.json` holds them."""
        return [
            {"feed": feed, "period": period, **asdict(came)}
            for (feed, period), came in sorted(actual.items())
        ]
