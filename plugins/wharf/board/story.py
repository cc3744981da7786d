"""One cell's story: what was promised, what came, what became of it, who was told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from markupsafe import Markup

from wharf.board import moments
from wharf.board.promised import Promised
from wharf.board.readers import Made, Reader, made_of, readers_of
from wharf.board.timeline import Point, draw_timeline, in_order
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
    heat,
    incidents,
    outbox,
    scorecard,
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
    Transition,
)
from wharf.timeliness.facts import State
from wharf.timeliness.learned import Usual, describe
from wharf.timeliness.scorecard import Streak
from wharf.timeliness.states import evaluate


@dataclass(frozen=True)
class Told:
    """An incident, its life, and the messages about it."""

    incident: Incident
    transitions: tuple[Transition, ...]
    messages: tuple[Outgoing, ...]
    parent: Incident | None
    """The incident that tells of this one too: a supplier's, or its connection's."""


@dataclass(frozen=True)
class File:
    """A file version seen at the source, and what we landed of it."""

    seen: Arrival
    landed: Delivery | None


@dataclass(frozen=True)
class Story:
    """Everything known of one expected delivery."""

    at: datetime
    feed: Feed
    row: ExpectedDelivery
    state: State
    tz: str
    usual: Usual | None
    streak: Streak
    is_broken: bool
    orphaned: str
    arrivals: tuple[Arrival, ...]
    deliveries: tuple[Delivery, ...]
    batches: tuple[BatchRow, ...]
    read_now: str | None
    last_good: tuple[str, str] | None
    """(period, batch id) that readers see of the last earlier period with one."""
    before: str
    """The period before this one; empty where none is known."""
    after: str
    publishes: tuple[PublishEvent, ...]
    decisions: tuple[Decision, ...]
    events: tuple[StateEvent, ...]
    incidents: tuple[Told, ...]
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

    @property
    def seen(self) -> str:
        """What the page shows, as numbers that differ once there is more to show."""
        told = sum(len(each.messages) + len(each.transitions) for each in self.incidents)
        rest = (self.arrivals, self.deliveries, self.decisions, self.events, self.publishes)
        revoked = sum(each.revoked_at is not None for each in self.decisions)
        return ".".join(str(each) for each in (told, revoked, *(len(each) for each in rest)))

    @property
    def usual_text(self) -> str:
        """When it usually comes, on the feed's clock; empty while nothing was learned."""
        return describe(self.usual, self.row.due_at, self.tz)

    @cached_property
    def clock(self) -> list[Point]:
        """Points of the promise and what happened, by time."""
        points = moments.promised_points(self.row, self.state) if self.row.expected else []
        points += moments.happened_points(
            self.state, self.arrivals, self.batches, self.publishes, self.at
        )
        last = max(point.at for point in points)
        return in_order([*points, *moments.reader_points(self.readers, last)])

    @property
    def timeline(self) -> Markup:
        """The same as a drawing; `now` only while something may still happen."""
        shown = [p for p in self.clock if p.side != "now" or p.at <= self.row.cutoff_at]
        return draw_timeline(shown, self.row.opens_at, self.usual, self.tz)

    @property
    def files(self) -> list[File]:
        """Files seen, each with what was landed of it; what was handed in otherwise follows."""
        landed = {each.arrival_seq: each for each in self.deliveries}
        return [File(each, landed.get(each.seq)) for each in self.arrivals]

    @property
    def runs(self) -> list[str]:
        """Airflow's ids of the runs that staged its batches, each once."""
        return list(dict.fromkeys(each.run_id for each in self.batches if each.run_id))


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
    known = facts.known_of(tx, [(feed, row)])[0]
    own = tuple(batches.batches_for(tx, name, period))
    current = batches.current(tx, feed.table)
    before, after = heat.neighbours(tx, row)
    return Story(
        at=now,
        feed=feed,
        row=row,
        state=evaluate(known.facts, now),
        tz=tz,
        usual=known.usual,
        streak=scorecard.streaks(tx, [(name, period)])[name, period],
        is_broken=name in promised.broken,
        orphaned=promised.orphaned.get(name, ""),
        arrivals=tuple(arrivals.arrivals_of(tx, name, period)),
        deliveries=tuple(deliveries.deliveries_of(tx, name, period)),
        batches=own,
        read_now=current.get(period),
        last_good=max((each for each in current.items() if each[0] < period), default=None),
        before=before,
        after=after,
        publishes=tuple(batches.publishes_of(tx, feed.table, period)),
        decisions=tuple(decisions.decisions_of(tx, name, period)),
        events=tuple(expected.events_of(tx, row.id)),
        incidents=_told(tx, incidents.incidents_of(tx, name, period)),
        readers=readers_of(tx, promised.project, feed, period),
        made=made_of(tx, (batch.batch_id for batch in own)),
    )


def _told(tx: Transaction, found: Sequence[Incident]) -> tuple[Told, ...]:
    parents = incidents.incidents_by_id(tx, {e.parent_id for e in found if e.parent_id})
    return tuple(
        Told(
            incident=each,
            transitions=tuple(incidents.transitions_of(tx, each.id)),
            messages=tuple(outbox.messages(tx, each.id)),
            parent=parents.get(each.parent_id or 0),
        )
        for each in found
    )
