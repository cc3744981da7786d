"""How an expected delivery stands this second, for many rows at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from wharf.contracts import Feed
from wharf.ledger import Transaction, batches, facts
from wharf.ledger.rows import ExpectedDelivery

_SETTLED = {"ON_TIME", "LATE_ARRIVED", "NOT_EXPECTED"}


@dataclass(frozen=True)
class Standing:
    """One row and its state as of an instant."""

    row: ExpectedDelivery
    timeliness: str
    delivery: str
    reason: str
    late_by_s: float | None
    """How late it came, or how late it is by now."""


def standings(
    tx: Transaction, feeds: Mapping[str, Feed], rows: Iterable[ExpectedDelivery], now: datetime
) -> Iterator[Standing]:
    """State of each row as of an instant; rows of unknown feeds are left out.

    What the tick recorded counts where nothing can have changed since; all else is evaluated.
    """
    for row in rows:
        feed = feeds.get(row.feed)
        if feed is None:
            continue
        if _is_settled(tx, row, now):
            yield Standing(row, row.timeliness, row.delivery, row.reason, row.late_by_s)
            continue
        state = facts.state_of(tx, feed, row, now)
        late = state.late_for(now).total_seconds()
        yield Standing(row, state.timeliness, state.delivery, state.reason, late or None)


def _is_settled(tx: Transaction, row: ExpectedDelivery, now: datetime) -> bool:
    if row.evaluated_at is None or row.timeliness not in _SETTLED:
        return False
    if row.next_change_at is not None and row.next_change_at <= now:
        return False
    own = batches.batches_for(tx, row.feed, row.period)
    return all(each.status_at <= row.evaluated_at for each in own)
