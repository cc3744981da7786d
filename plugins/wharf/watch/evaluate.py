"""Evaluating expected deliveries: changed states are recorded, incidents follow from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from wharf.contracts import Feed, Period
from wharf.errors import LedgerConflict
from wharf.intake import Intake
from wharf.ledger import Ledger, Transaction, expected, facts
from wharf.ledger.chunks import chunks
from wharf.ledger.rows import ExpectedDelivery
from wharf.products import needs_for
from wharf.settings import Settings
from wharf.timeliness.facts import Facts, State
from wharf.timeliness.learned import describe
from wharf.timeliness.levels import Need, Row, next_level_change
from wharf.timeliness.states import evaluate
from wharf.watch.learn import period_of
from wharf.watch.notify import record_transitions
from wharf.watch.promises import Promises

# So many rows are read, judged and written in about a tenth of a second of one transaction.
SLICE = 150
BUDGET = timedelta(seconds=20)
UNSEEN_FOR = timedelta(minutes=10)
Rows = Callable[[Transaction], list[ExpectedDelivery]]
Needs = Mapping[int, tuple[Need, ...]]
"""By the row's id."""


@dataclass(frozen=True)
class Evaluated:
    """What one evaluation changed."""

    rows: int
    changed: int
    told: int


def evaluate_due(
    ledger: Ledger,
    promises: Promises,
    settings: Settings,
    now: datetime,
    elapsed: Callable[[], timedelta] = timedelta,
) -> Evaluated:
    """Evaluate every row that may have changed by now, in short transactions.

    After an outage these may be very many: then what is told so far leaves first, and the next
    tick goes on.

    Args:
        ledger: The ledger.
        promises: Contracts in force.
        settings: Of the installation.
        now: The instant of the evaluation.
        elapsed: How long ago `now` was.
    """
    until = elapsed() + BUDGET
    with ledger.read() as tx:
        ids = expected.due_ids(tx, now)
    total = Evaluated(0, 0, 0)
    for some in chunks(ids, SLICE):
        done = _evaluate(ledger, promises, settings, some, now, due_by=now)
        total = Evaluated(
            total.rows + done.rows, total.changed + done.changed, total.told + done.told
        )
        if elapsed() >= until:
            break
    return total


def settle(ctx: Intake, promises: Promises, feed: Feed, period: Period, now: datetime) -> State:
    """Evaluate one row at once, as publishing does, and give its state."""
    with ctx.ledger.read() as tx:
        row = expected.find_expected(tx, feed.feed, period.key)
    assert row is not None, f"{feed.feed} {period} has no row"
    _evaluate(ctx.ledger, promises, ctx.settings, [row.id], now)
    with ctx.ledger.read() as tx:
        return facts.state_of(tx, feed, row, now, ctx.settings.look_every)


def _evaluate(
    ledger: Ledger,
    promises: Promises,
    settings: Settings,
    ids: Sequence[int],
    now: datetime,
    due_by: datetime | None = None,
) -> Evaluated:
    """Evaluate some rows in one transaction; what another process wrote first is read again."""
    with ledger.read() as tx:
        rows = _promised(expected.late_among(tx, ids, now), promises)
        known = facts.known_of(tx, [(promises.feeds[row.feed], row) for row in rows])
        late = [
            row
            for row, each in zip(rows, known, strict=True)
            if _was_looked_for(row, each.facts, now)
        ]
        needs = _needs(tx, promises, late)

    def read(tx: Transaction) -> list[ExpectedDelivery]:
        return _promised(expected.rows_by_id(tx, ids, due_by), promises)

    try:
        return _record(ledger, promises, settings, read, needs, now)
    except LedgerConflict:
        return _record(ledger, promises, settings, read, needs, now)


def _record(
    ledger: Ledger, promises: Promises, settings: Settings, read: Rows, needs: Needs, now: datetime
) -> Evaluated:
    with ledger.write() as tx:
        pairs = [(promises.feeds[row.feed], row) for row in read(tx)]
        judged = [
            (feed, row, known, evaluate(known.facts, now))
            for (feed, row), known in zip(
                pairs, facts.known_of(tx, pairs, settings.look_every), strict=True
            )
            if _was_looked_for(row, known.facts, now)
        ]
        alarmed = [row for _, row, _, state in judged if _is_alarming(row, state)]
        needs = {**_needs(tx, promises, [r for r in alarmed if r.id not in needs]), **needs}
        weighed, done = [], []
        for feed, row, known, state in judged:
            weigh = _weigh(feed, row, known, state, needs.get(row.id, ()))
            next_change = _earliest(state.next_change_at, _next_level(weigh, now))
            weighed.append(weigh)
            done.append(expected.Evaluation(row, _values(state), next_change, known.fresh_seq))
        changed = expected.record_states(tx, done, now)
        told = record_transitions(tx, promises.project.routing, weighed, now, settings)
    return Evaluated(len(done), changed, told)


def _promised(rows: Sequence[ExpectedDelivery], promises: Promises) -> list[ExpectedDelivery]:
    return [row for row in rows if row.feed in promises.feeds]


def _needs(tx: Transaction, promises: Promises, rows: Sequence[ExpectedDelivery]) -> Needs:
    """Who needs deliveries; asked only of those there may be something to tell about."""
    pairs = {
        row.id: (feed, period)
        for row in rows
        if (period := period_of(feed := promises.feeds[row.feed], row.period)) is not None
    }
    found = needs_for(tx, promises.project, list(pairs.values()))
    return {**dict.fromkeys((row.id for row in rows), ()), **dict(zip(pairs, found, strict=True))}


def _is_alarming(row: ExpectedDelivery, state: State) -> bool:
    """Whether an incident about a row may be open, or be opened now."""
    told = row.timeliness in expected.ALARMING or row.delivery == "QUARANTINED"
    return told or state.timeliness in expected.ALARMING or state.problem is not None


def _weigh(
    feed: Feed, row: ExpectedDelivery, known: facts.Known, state: State, needs: tuple[Need, ...]
) -> Row:
    return Row(
        feed=row.feed,
        period=row.period,
        supplier=feed.supplier_id,
        points=known.facts.points,
        state=state,
        notifies=row.notifies,
        needs=needs,
        floor=feed.alert.floor,
        tz=known.facts.tz,
        connection=feed.source.connection,
        groups=feed.alert.group == "supplier",
        page_after_streak=feed.alert.page_after_streak,
        usual=_usual(feed, row, known),
    )


def _usual(feed: Feed, row: ExpectedDelivery, known: facts.Known) -> str:
    if "eta" not in feed.learned.use_for:
        return ""
    return describe(known.usual, row.due_at, known.facts.tz)


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


def _was_looked_for(row: ExpectedDelivery, known: Facts, now: datetime) -> bool:
    """Whether somebody looked since the row was made: before that, silence means nothing yet.

    After ten minutes without any look the silence is our own and is judged. Where something has
    arrived there is no silence, and for a period long past no other look follows.
    """
    if row.evaluated_at is not None or row.next_change_at is None or known.arrivals:
        return True
    looked = bool(known.polls) and known.polls[-1].at >= row.next_change_at
    return looked or now - row.next_change_at > UNSEEN_FOR


def _next_level(row: Row, now: datetime) -> datetime | None:
    if row.state.timeliness in {"LATE", "MISSING", "UNKNOWN"} or row.state.problem is not None:
        return next_level_change(row, now)
    return None


def _earliest(*instants: datetime | None) -> datetime | None:
    return min((at for at in instants if at is not None), default=None)


def _seconds(span: timedelta | None) -> float | None:
    return span.total_seconds() if span is not None else None
