"""Evaluating expected deliveries: changed states are recorded, incidents follow from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from wharf.contracts import Feed, Period
from wharf.intake import Intake
from wharf.ledger import Ledger, Transaction, arrivals, expected, facts
from wharf.ledger.rows import ExpectedDelivery
from wharf.products import needs_of
from wharf.settings import Settings
from wharf.timeliness import incidents
from wharf.timeliness.facts import State
from wharf.timeliness.states import evaluate
from wharf.watch.notify import record_transitions
from wharf.watch.promises import Promises

SLICE = 200
UNSEEN_FOR = timedelta(minutes=10)


@dataclass(frozen=True)
class Evaluated:
    """What one evaluation changed."""

    rows: int
    changed: int
    told: int


def evaluate_due(
    ledger: Ledger, promises: Promises, settings: Settings, now: datetime
) -> Evaluated:
    """Evaluate every row that may have changed by now, in short transactions."""
    with ledger.read() as tx:
        rows = [row for row in expected.due_for_evaluation(tx, now) if row.feed in promises.feeds]
        rows = [row for row in rows if _was_looked_for(tx, promises.feeds[row.feed], row, now)]
    changed = told = 0
    for start in range(0, len(rows), SLICE):
        done = _evaluate(ledger, promises, settings, rows[start : start + SLICE], now)
        changed, told = changed + done.changed, told + done.told
    return Evaluated(len(rows), changed, told)


def settle(ctx: Intake, promises: Promises, feed: Feed, period: Period, now: datetime) -> State:
    """Evaluate one row at once, as publishing does, and give its state."""
    with ctx.ledger.read() as tx:
        row = expected.find_expected(tx, feed.feed, period.key)
    assert row is not None, f"{feed.feed} {period} has no row"
    _evaluate(ctx.ledger, promises, ctx.settings, [row], now)
    with ctx.ledger.read() as tx:
        return facts.state_of(tx, feed, row, now)


def _evaluate(
    ledger: Ledger,
    promises: Promises,
    settings: Settings,
    rows: Sequence[ExpectedDelivery],
    now: datetime,
) -> Evaluated:
    changed = 0
    with ledger.write() as tx:
        weighed: list[incidents.Row] = []
        for row in rows:
            feed = promises.feeds[row.feed]
            known = facts.facts_of(tx, feed, row)
            state = evaluate(known, now)
            weigh = incidents.Row(
                feed=row.feed,
                period=row.period,
                supplier=feed.supplier_id,
                points=known.points,
                state=state,
                notifies=row.notifies,
                needs=needs_of(tx, promises.project, feed, feed.parse_period(row.period)),
                floor=feed.alert.floor,
                tz=known.tz,
            )
            next_change = _earliest(state.next_change_at, _next_level(weigh, now))
            changed += expected.record_state(tx, row, _values(state), now, next_change)
            weighed.append(weigh)
        told = record_transitions(tx, promises.project.routing, weighed, now, settings)
    return Evaluated(len(rows), changed, told)


def _values(state: State) -> dict[str, object]:
    return {
        "timeliness": state.timeliness,
        "delivery": state.delivery,
        "reason": state.reason,
        "late_by_s": _seconds(state.late_by),
        "late_by_submitted_s": _seconds(state.late_by_submission),
        "late_by_arrived_s": _seconds(state.late_by_arrival),
        "complete_at": state.complete_at,
        "submitted_at": state.submitted_at,
        "batch_id": state.batch_id,
    }


def _was_looked_for(tx: Transaction, feed: Feed, row: ExpectedDelivery, now: datetime) -> bool:
    """Whether somebody looked since the row was made: before that, silence means nothing yet.

    After ten minutes without any look the silence is our own and is judged. Where something has
    arrived there is no silence, and for a period long past no other look follows.
    """
    if row.evaluated_at is not None or row.next_change_at is None:
        return True
    if arrivals.arrivals_of(tx, row.feed, row.period):
        return True
    polls = facts.last_polls(tx, feed.source.connection)
    looked = bool(polls) and polls[-1].at >= row.next_change_at
    return looked or now - row.next_change_at > UNSEEN_FOR


def _next_level(row: incidents.Row, now: datetime) -> datetime | None:
    if row.state.timeliness in {"LATE", "MISSING"} or row.state.problem is not None:
        return incidents.next_level_change(row, now)
    return None


def _earliest(*instants: datetime | None) -> datetime | None:
    return min((at for at in instants if at is not None), default=None)


def _seconds(span: timedelta | None) -> float | None:
    return span.total_seconds() if span is not None else None
