"""Whether a feed's run may go on: read from the ledger alone, never from the source."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from wharf.contracts import Feed, Period
from wharf.ledger import Ledger, arrivals, deliveries, expected, facts

HORIZON = timedelta(days=35)


@dataclass(frozen=True)
class Ready:
    """Go on: a whole delivery is there, or the period lies outside the horizon."""


@dataclass(frozen=True)
class NotYet:
    """Wait; nothing can change before a new arrival or the cut-off."""

    cutoff_at: datetime
    reason: str


@dataclass(frozen=True)
class Past:
    """The cut-off is past and the delivery is not whole."""

    missing: str


@dataclass(frozen=True)
class Closed:
    """Nothing is expected for this period."""

    reason: str


Readiness = Ready | NotYet | Past | Closed


def readiness(ledger: Ledger, feed: Feed, period: Period, now: datetime) -> Readiness:
    """Decide from the ledger, as of this instant, whether the run of a period goes on."""
    with ledger.read() as tx:
        row = expected.find_expected(tx, feed.feed, period.key)
        if row is None or row.cutoff_at < now - HORIZON:
            return Ready()
        state = facts.state_of(tx, feed, row, now)
        fresh = arrivals.not_landed(
            arrivals.arrivals_of(tx, feed.feed, period.key),
            landed := deliveries.deliveries_of(tx, feed.feed, period.key),
        )
    if state.complete_at is not None and (landed or fresh):
        return Ready()
    if state.timeliness == "NOT_EXPECTED":
        return Closed(state.reason)
    if now >= row.cutoff_at:
        return Past(state.reason)
    return NotYet(row.cutoff_at, state.reason)
