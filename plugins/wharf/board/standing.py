"""How expected deliveries stand this second: as recorded, or evaluated where that may be old."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from wharf.contracts import Feed
from wharf.ledger import Transaction, facts, heat
from wharf.ledger.looks import Sight
from wharf.ledger.rows import ExpectedDelivery
from wharf.timeliness.facts import State
from wharf.timeliness.states import evaluate

_NOT_COME = {"LATE", "MISSING"}


@dataclass(frozen=True)
class Standing:
    """One row and its state as of an instant."""

    row: ExpectedDelivery
    timeliness: str
    delivery: str
    reason: str
    late_by_s: float | None
    """How late it came, or how late it is by now."""


@dataclass(frozen=True)
class Fresh:
    """What was evaluated for an answer: rows of which the ledger may not know the newest."""

    rows: tuple[ExpectedDelivery, ...]
    states: Mapping[int, State]
    """By row id."""

    def stand(self, row: ExpectedDelivery, now: datetime) -> Standing:
        """State of a row as of the instant that was evaluated for."""
        state = self.states.get(row.id)
        if state is None:
            late = row.late_by_s
            if row.timeliness in _NOT_COME:
                late = max((now - row.due_at).total_seconds(), 0.0)
            return Standing(row, row.timeliness, row.delivery, row.reason, late)
        late = state.late_for(now).total_seconds()
        return Standing(row, state.timeliness, state.delivery, state.reason, late or None)


def evaluate_unsure(
    tx: Transaction, feeds: Mapping[str, Feed], sights: Mapping[str, Sight], now: datetime
) -> Fresh:
    """Evaluate every row that may have changed since it was last recorded.

    A recorded state stays right until its row's next change: whoever adds a fact makes the row
    due. Only failing looks change rows unasked.
    """
    blind = {feed.feed for feed in feeds.values() if _is_blind(sights.get(feed.source.connection))}
    rows = [row for row in heat.unsure(tx, blind, now) if row.feed in feeds]
    return Fresh(tuple(rows), _states(tx, feeds, rows, now))


def _is_blind(sight: Sight | None) -> bool:
    return sight is not None and not sight.ok


def _states(
    tx: Transaction, feeds: Mapping[str, Feed], rows: Iterable[ExpectedDelivery], now: datetime
) -> dict[int, State]:
    pairs = [(feeds[row.feed], row) for row in rows]
    known = facts.facts_for(tx, pairs)
    return {row.id: evaluate(each, now) for (_, row), each in zip(pairs, known, strict=True)}
