"""One cell's story: what was promised, what came, what became of it, who was told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from wharf.board.promised import Promised
from wharf.board.readers import Made, Reader, made_of, readers_of
from wharf.contracts import Feed
from wharf.errors import PeriodError
from wharf.ledger import (
    Transaction,
    arrivals,
    batches,
    decisions,
    deliveries,
    expected,
    facts,
    incidents,
)
from wharf.ledger.rows import (
    Arrival,
    BatchRow,
    Decision,
    Delivery,
    ExpectedDelivery,
    Incident,
    Outgoing,
    PublishEvent,
    StateEvent,
)
from wharf.timeliness.facts import State


@dataclass(frozen=True)
class Story:
    """Everything known of one expected delivery."""

    at: datetime
    feed: Feed
    row: ExpectedDelivery
    state: State
    tz: str
    clock: tuple[tuple[str, datetime, datetime], ...]
    """Label, instant, and the same on the supplier's clock."""
    is_broken: bool
    orphaned: str
    arrivals: tuple[Arrival, ...]
    deliveries: tuple[Delivery, ...]
    batches: tuple[BatchRow, ...]
    read_now: str | None
    publishes: tuple[PublishEvent, ...]
    decisions: tuple[Decision, ...]
    events: tuple[StateEvent, ...]
    incidents: tuple[tuple[Incident, tuple[Outgoing, ...]], ...]
    readers: tuple[Reader, ...]
    made: tuple[Made, ...]

    @property
    def late_by_s(self) -> float:
        """How late it came or is by now; 0 when it is not."""
        return self.state.late_for(self.at).total_seconds()

    @property
    def is_wanted(self) -> bool:
        """Whether readers still wait for it."""
        return self.state.timeliness != "NOT_EXPECTED" and self.state.delivery != "PUBLISHED"


def build_story(
    tx: Transaction, promised: Promised, name: str, period: str, now: datetime
) -> Story | None:
    """Collect the story of a feed's period; None when nothing is expected there."""
    feed = promised.feeds.get(name)
    row = expected.find_expected(tx, name, period) if feed else None
    if feed is None or row is None:
        return None
    try:
        tz = feed.terms_for(feed.parse_period(period)).tz
    except PeriodError:
        return None
    state = facts.state_of(tx, feed, row, now)
    own = tuple(batches.batches_for(tx, name, period))
    return Story(
        at=now,
        feed=feed,
        row=row,
        state=state,
        tz=tz,
        clock=_clock(row, state, ZoneInfo(tz)),
        is_broken=name in promised.broken,
        orphaned=promised.orphaned.get(name, ""),
        arrivals=tuple(arrivals.arrivals_of(tx, name, period)),
        deliveries=tuple(deliveries.deliveries_of(tx, name, period)),
        batches=own,
        read_now=batches.current(tx, feed.table).get(period),
        publishes=tuple(batches.publishes_of(tx, feed.table, period)),
        decisions=tuple(decisions.decisions_of(tx, name, period)),
        events=tuple(expected.events_of(tx, row.id)),
        incidents=tuple(
            (each, tuple(incidents.messages(tx, each.id)))
            for each in incidents.incidents_of(tx, name, period)
        ),
        readers=readers_of(tx, promised.project, feed, period),
        made=made_of(tx, (batch.batch_id for batch in own)),
    )


def _clock(
    row: ExpectedDelivery, state: State, zone: ZoneInfo
) -> tuple[tuple[str, datetime, datetime], ...]:
    """The points of the promise; those that fall together with the due time are left out."""
    points = [("opens", row.opens_at)]
    if row.warn_at != row.due_at:
        points.append(("at risk from", row.warn_at))
    points.append(("due", row.due_at))
    if row.late_at != row.due_at:
        points.append(("late from", row.late_at))
    if state.late_at != row.late_at:
        points.append(("promised for", state.late_at))
    points.append(("missing from", row.cutoff_at))
    return tuple((label, at, at.astimezone(zone)) for label, at in points)
