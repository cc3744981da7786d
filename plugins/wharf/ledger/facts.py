"""The ledger's rows as the facts that `wharf.timeliness` judges, and the state of this second."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from wharf.contracts import Feed
from wharf.ledger import arrivals, batches, decisions, deliveries
from wharf.ledger.rows import BatchRow, Delivery, ExpectedDelivery, Poll, read_row
from wharf.ledger.schema import poll
from wharf.timeliness.facts import (
    ArrivalFact,
    BatchFact,
    Facts,
    PollFact,
    State,
)
from wharf.timeliness.points import ClockPoints
from wharf.timeliness.states import evaluate


def state_of(tx: Connection, feed: Feed, row: ExpectedDelivery, now: datetime) -> State:
    """What an expected delivery is as of an instant; writes nothing."""
    return evaluate(facts_of(tx, feed, row), now)


def facts_of(tx: Connection, feed: Feed, row: ExpectedDelivery) -> Facts:
    """All that the ledger knows of one expected delivery."""
    landed = deliveries.deliveries_of(tx, row.feed, row.period)
    return Facts(
        points=ClockPoints(
            opens_at=row.opens_at,
            warn_at=row.warn_at,
            due_at=row.due_at,
            late_at=row.late_at,
            cutoff_at=row.cutoff_at,
        ),
        judge_by=row.judge_by,
        parts=feed.source.expected_parts,
        needs_done_flag=feed.source.done_flag is not None,
        min_bytes=feed.source.min_bytes,
        stable_for=feed.source.stable_for,
        expected=row.expected,
        not_expected_because=row.closed_because,
        arrivals=_arrivals(tx, row, landed),
        polls=tuple(PollFact(each.at, each.ok) for each in last_polls(tx, feed.source.connection)),
        batches=tuple(_batch(each) for each in batches.batches_for(tx, row.feed, row.period)),
        decisions=tuple(
            decisions.as_fact(each) for each in decisions.decisions_of(tx, row.feed, row.period)
        ),
        look_every=timedelta(minutes=1),
        tz=feed.terms_for(feed.parse_period(row.period)).tz,
    )


def last_polls(tx: Connection, connection: str) -> Sequence[Poll]:
    """The last good look at a connection and every failed one after it."""
    good = select(func.max(poll.c.seq)).where(poll.c.connection == connection, poll.c.ok.is_(True))
    since = tx.execute(good).scalar() or 0
    query = select(poll).where(poll.c.connection == connection, poll.c.seq >= since)
    return [read_row(Poll, row) for row in tx.execute(query.order_by(poll.c.seq))]


def _arrivals(
    tx: Connection, row: ExpectedDelivery, landed: Sequence[Delivery]
) -> tuple[ArrivalFact, ...]:
    refused = {each.arrival_seq: each for each in landed if each.outcome == "refused"}
    facts = []
    for each in arrivals.arrivals_of(tx, row.feed, row.period):
        verdict = refused.get(each.seq)
        facts.append(
            ArrivalFact(
                seq=each.seq,
                part=each.part,
                path=each.path,
                size=each.size,
                source_ts=each.source_ts,
                first_seen=each.first_seen,
                withdrawn=each.withdrawn,
                refused=verdict is not None,
                is_done_flag=each.is_done_flag,
                refused_at=verdict.landed_at if verdict else None,
                refused_because=verdict.reason if verdict else "",
            )
        )
    return tuple(facts)


def _batch(row: BatchRow) -> BatchFact:
    critical = [str(each["message"]) for each in row.findings if each.get("severity") == "critical"]
    return BatchFact(row.batch_id, row.status, row.status_at, "; ".join(critical))
