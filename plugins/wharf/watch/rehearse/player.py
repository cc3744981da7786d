"""The player: jumps from minute to minute, shows what arrived, and lets the tick do the rest."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from wharf.alerts import Message, Sent
from wharf.alerts.channels import NOTHING_SENT
from wharf.contracts.alerts import Channel
from wharf.errors import AirflowUnavailable
from wharf.intake import Intake
from wharf.ledger import Transaction, arrivals, batches, decisions, expected, incidents
from wharf.ledger.rows import BatchRow, Poll, PublishEvent, Tick
from wharf.settings import Connection
from wharf.timeliness import horizon
from wharf.watch.evaluate import evaluate_due
from wharf.watch.promises import Promises
from wharf.watch.rehearse.supplied import Event
from wharf.watch.send import send_messages
from wharf.watch.tick import tick

# Rows are made eight days before they open; a longer jump would make some too late.
LONGEST_JUMP = horizon.AHEAD / 2
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Tell = Callable[[datetime, float], None]


@dataclass(frozen=True)
class Played:
    """How the playing went."""

    stops: int
    ticks: int


class Player:
    """One rehearsal under way; the clock is `now`."""

    def __init__(self, place: Intake, promises: Promises, events: Sequence[Event]) -> None:
        self.place = place
        self.promises = promises
        self.ahead = deque(events)
        self.waiting: list[Event] = []
        self.to_publish: dict[tuple[str, str], Event] = {}
        self.looked: dict[str, datetime] = {}
        self.stood_at = datetime.min.replace(tzinfo=UTC)
        self.ticks = 0

    def play(self, start: datetime, until: datetime, tell: Tell) -> Played:
        """Play from one instant to another.

        Args:
            start: The first stop.
            until: The last one; states are as of then.
            tell: Hears of each stop, and which share of the way is behind it.
        """
        stops, now = 0, start
        while True:
            self._stop(now)
            stops += 1
            tell(now, (now - start) / (until - start))
            if now >= until:
                return Played(stops, self.ticks)
            now = min(self._next(now), until)

    def _stop(self, now: datetime) -> None:
        self._look(now)
        self._tick(now)
        if self._find_rows():
            self._look(now)
            self._tick(now)
        self._publish(now)

    def _look(self, now: datetime) -> None:
        """Write what a look at this instant would: polls, and arrivals whose rows are there."""
        while self.ahead and self.ahead[0].at <= now:
            self.waiting.append(self.ahead.popleft())
        with self.place.ledger.write() as tx:
            seen = [event for event in self.waiting if self._has_row(tx, event)]
            due = expected.due_for_evaluation(tx, now)
            touched = {row.feed for row in due} | {event.feed.feed for event in seen}
            feeds = (self.promises.feeds[name] for name in touched if name in self.promises.feeds)
            self._note_looks(tx, {feed.source.connection for feed in feeds}, now)
            for new in arrivals.append_arrivals(tx, [event.as_arrival() for event in seen]):
                expected.make_due(tx, new.feed, [new.period], now)
        self.to_publish |= {event.key: event for event in seen}
        self.waiting = [event for event in self.waiting if event not in seen]

    def _note_looks(self, tx: Transaction, connections: Set[str], now: datetime) -> None:
        """Note that the watch was up each minute since the last stop, when nothing changed."""
        before = now - self.place.settings.tick_every
        if self.stood_at < before:
            for kind in ("look", "tick"):
                decisions.record_tick(tx, Tick(kind, before))
        for connection in sorted(connections):
            if self.looked.get(connection, self.stood_at) < before:
                arrivals.append_poll(tx, Poll(connection, before, ok=True))
            arrivals.append_poll(tx, Poll(connection, now, ok=True))
            self.looked[connection] = now
        self.stood_at = now

    def _has_row(self, tx: Transaction, event: Event) -> bool:
        return expected.find_expected(tx, event.feed.feed, event.period.key) is not None

    def _find_rows(self) -> bool:
        """Whether the tick made rows that files were lying there for."""
        if not self.waiting:
            return False
        with self.place.ledger.read() as tx:
            return any(self._has_row(tx, event) for event in self.waiting)

    def _tick(self, now: datetime) -> None:
        self.ticks += 1
        tick(
            self.place,
            self.promises,
            now,
            start_run=_start_nothing,
            running_keys=_no_runs,
            clock=lambda: now,
            send=_record,
        )

    def _publish(self, now: datetime) -> None:
        """Publish what is complete, since there is no run to stage and audit it."""
        if not self.to_publish:
            return
        published = False
        with self.place.ledger.write() as tx:
            for event in list(self.to_publish.values()):
                row = expected.find_expected(tx, *event.key)
                assert row is not None
                if row.delivery == "COMPLETE":
                    _record_published(tx, event, f"rehearsed-{row.id}", now)
                    expected.make_due(tx, event.feed.feed, [event.period.key], now)
                    published = True
                if row.delivery in {"COMPLETE", "PUBLISHED"}:
                    del self.to_publish[event.key]
        if published:
            evaluate_due(self.place.ledger, self.promises, self.place.settings, now)
            send_messages(
                self.place.ledger, self.promises.project, self.place.resolve, now, _record
            )

    def _next(self, now: datetime) -> datetime:
        """The next minute in which anything can change."""
        soon = now + self.place.settings.tick_every
        with self.place.ledger.read() as tx:
            found = [
                expected.next_change(tx),
                incidents.next_try(tx),
                incidents.next_wake(tx),
            ]
        if self.ahead:
            found.append(self.ahead[0].at)
        later = [at if at > now else soon for at in found if at is not None]
        return self._minute_of(min([now + LONGEST_JUMP, *later]))

    def _minute_of(self, at: datetime) -> datetime:
        """When the watch, which ticks each minute, would next tick at or after an instant."""
        every = self.place.settings.tick_every
        return EPOCH - (EPOCH - at) // every * every


def _record_published(tx: Transaction, event: Event, batch_id: str, now: datetime) -> None:
    table, key = event.feed.table, event.period.key
    batches.record_batch(
        tx,
        BatchRow(
            batch_id=batch_id,
            table=table,
            period=key,
            subject=event.feed.feed,
            status="PUBLISHED",
            staged_at=now,
            status_at=now,
        ),
    )
    batches.record_publish(
        tx, PublishEvent(table, key, batch_id, "publish", 0, now, "rehearsal", "complete")
    )


def _no_runs() -> Set[tuple[str, str]]:
    """There is no Airflow, so the tick starts nothing and does all the rest."""
    raise AirflowUnavailable("a rehearsal runs nothing")


def _start_nothing(dag_id: str, key: str, cause: str) -> bool:
    return False


def _record(
    channel: Channel,
    message: Message,
    connection: Connection,
    key: str,
    handle: Mapping[str, Any] = NOTHING_SENT,
) -> Sent:
    """Take a message as a channel would; the outbox is what is read afterwards."""
    return Sent("rehearsed")
