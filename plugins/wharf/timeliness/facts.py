"""Facts and states: what is known of one expected delivery, and what that makes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from wharf.timeliness.points import ClockPoints

Timeliness = Literal[
    "NOT_EXPECTED", "SCHEDULED", "DUE", "AT_RISK", "LATE", "MISSING",
    "ON_TIME", "LATE_ARRIVED", "UNKNOWN",
]  # fmt: skip
DeliveryState = Literal[
    "NONE", "SEEN", "PARTIAL", "COMPLETE", "VALIDATING", "QUARANTINED", "PUBLISHED",
    "SUPERSEDED", "WITHDRAWN",
]  # fmt: skip


@dataclass(frozen=True)
class ArrivalFact:
    """One version of a file as the source showed it; `withdrawn` says that it was gone."""

    seq: int
    part: str
    path: str
    size: int
    source_ts: datetime | None
    first_seen: datetime
    withdrawn: bool = False
    refused: bool = False
    is_done_flag: bool = False
    refused_at: datetime | None = None
    """When it was refused, if known; otherwise `first_seen` stands for it."""
    refused_because: str = ""
    trusted: bool = False
    """Whether `source_ts` is no supplier's word (an object store's or our mailbox's clock)."""

    @property
    def arrived_at(self) -> datetime:
        """When it was there, by a clock that we trust."""
        return self.submitted_at if self.trusted else self.first_seen

    @property
    def submitted_at(self) -> datetime:
        """When the supplier says it was ready; never after we saw it."""
        return min(self.source_ts or self.first_seen, self.first_seen)


@dataclass(frozen=True)
class PollFact:
    """One look at the feed's connection."""

    at: datetime
    ok: bool


@dataclass(frozen=True)
class BatchFact:
    """A batch of the period and the status it has since `at`; its older ones may stand beside."""

    batch_id: str
    status: str
    at: datetime
    why: str = ""


@dataclass(frozen=True)
class DecisionFact:
    """What a person decided.

    `waive`, `maintenance`, `suspend`, `promise` and `accept_partial` count for the state; `ack` and
    `snooze` only for whom it is told to.
    """

    kind: str
    until: datetime | None
    at: datetime
    by: str = ""
    reason: str = ""
    since: datetime | None = None
    """From when a maintenance window lasts; the instant of the decision otherwise."""
    revoked_at: datetime | None = None
    """When it was taken back: from then on it was never decided."""

    def stands_at(self, now: datetime) -> bool:
        """Whether it was made by an instant and not taken back by then."""
        return self.at <= now and (self.revoked_at is None or now < self.revoked_at)


@dataclass(frozen=True)
class Facts:
    """All that is known of one expected delivery; order and repetition do not matter.

    `polls` must hold the last good look, and of the failed ones after it the first and the last.
    Facts later than the instant of an evaluation are not known to it yet.
    """

    points: ClockPoints
    judge_by: str = "arrival"
    """`arrival` or `submission`."""
    parts: tuple[str, ...] = ("",)
    needs_done_flag: bool = False
    min_bytes: int = 1
    stable_for: timedelta = timedelta(0)
    expected: bool = True
    not_expected_because: str = ""
    arrivals: tuple[ArrivalFact, ...] = ()
    polls: tuple[PollFact, ...] = ()
    batches: tuple[BatchFact, ...] = ()
    decisions: tuple[DecisionFact, ...] = ()
    usual_by: datetime | None = None
    """The learned 95th percentile of arrival; it warns, and never moves the deadline."""
    look_every: timedelta = timedelta(minutes=1)
    tz: str = "UTC"
    """The zone in which reasons name times."""

    def known_at(self, now: datetime) -> Facts:
        """The facts known at an instant, in order and each once."""
        return replace(
            self,
            arrivals=tuple(
                sorted(
                    {a for a in self.arrivals if a.first_seen <= now},
                    key=lambda a: (a.first_seen, a.seq),
                )
            ),
            polls=tuple(sorted({p for p in self.polls if p.at <= now}, key=lambda p: (p.at, p.ok))),
            batches=tuple(
                sorted(
                    {b for b in self.batches if b.at <= now},
                    key=lambda b: (b.at, b.batch_id, b.status),
                )
            ),
            decisions=tuple(
                sorted(
                    {d for d in self.decisions if d.stands_at(now)},
                    key=lambda d: (d.at, d.kind, str(d.until), d.by, d.reason, str(d.since)),
                )
            ),
        )

    def instants(self) -> list[datetime]:
        """When each fact became known."""
        return [
            *(a.first_seen for a in self.arrivals),
            *(p.at for p in self.polls),
            *(b.at for b in self.batches),
            *(d.at for d in self.decisions),
            *(d.revoked_at for d in self.decisions if d.revoked_at is not None),
        ]


@dataclass(frozen=True)
class Problem:
    """A delivery that cannot be published: a refused file or a quarantined batch."""

    kind: Literal["refused", "quarantined"]
    subject: str
    at: datetime
    why: str = ""


@dataclass(frozen=True)
class State:
    """What one expected delivery is; it changes with facts and at `next_change_at` only."""

    timeliness: Timeliness
    delivery: DeliveryState
    reason: str
    due_at: datetime
    late_at: datetime
    """When the alarm rings: due plus grace, or the promise if that is later."""
    late_by: timedelta | None = None
    """How long after due it came; None while it has not come, and when it came in time."""
    late_by_submission: timedelta | None = None
    """Submitted minus due; negative is early."""
    late_by_arrival: timedelta | None = None
    """Arrived minus due; negative is early."""
    complete_at: datetime | None = None
    submitted_at: datetime | None = None
    published_at: datetime | None = None
    batch_id: str | None = None
    """The published batch; while nothing is published, the newest one."""
    parts_present: int = 0
    parts_expected: int = 1
    recovered: bool = False
    """Came after the cut-off."""
    unexpected: bool = False
    """Came though nothing was expected; accepted and flagged."""
    problem: Problem | None = None
    acked_until: datetime | None = None
    """Until when a person has taken care of it: no reminders, but what is new is told."""
    snoozed_until: datetime | None = None
    """Until when nothing is told of it but its end."""
    next_change_at: datetime | None = None
    """The next instant at which the state may change by itself; None when only facts can."""

    @property
    def is_decided(self) -> bool:
        """Whether a complete delivery decided the timeliness."""
        return self.complete_at is not None

    def late_for(self, now: datetime) -> timedelta:
        """How late it is by an instant, counted from due; zero when it is not, or came in time."""
        if self.timeliness in {"LATE", "MISSING"}:
            return max(now - self.due_at, timedelta(0))
        return self.late_by or timedelta(0)
