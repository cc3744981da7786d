"""The ledger's rows as the facts that `wharf.timeliness` judges, and the state of this second."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from wharf.contracts import Feed, Period
from wharf.errors import PeriodError
from wharf.ledger import arrivals, batches, decisions, deliveries
from wharf.ledger.learned import usuals
from wharf.ledger.polls import spans_of
from wharf.ledger.rows import Arrival, BatchRow, Delivery, ExpectedDelivery, Poll
from wharf.timeliness.facts import (
    ArrivalFact,
    BatchFact,
    Facts,
    PollFact,
    State,
)
from wharf.timeliness.learned import Usual, usual_by, usual_for
from wharf.timeliness.points import ClockPoints
from wharf.timeliness.states import evaluate

LOOK_EVERY = timedelta(minutes=1)
Pair = tuple[Feed, ExpectedDelivery]


@dataclass(frozen=True)
class Known:
    """All that the ledger knows of one expected delivery."""

    facts: Facts
    usual: Usual | None = None
    """When it usually comes."""
    fresh_seq: int | None = None
    """The last arrival that nothing has landed yet."""


def state_of(
    tx: Connection,
    feed: Feed,
    row: ExpectedDelivery,
    now: datetime,
    look_every: timedelta = LOOK_EVERY,
) -> State:
    """What an expected delivery is as of an instant; writes nothing."""
    return evaluate(facts_of(tx, feed, row, look_every), now)


def facts_of(
    tx: Connection, feed: Feed, row: ExpectedDelivery, look_every: timedelta = LOOK_EVERY
) -> Facts:
    """What counts for the state of one expected delivery."""
    return known_of(tx, [(feed, row)], look_every)[0].facts


def facts_for(
    tx: Connection, pairs: Sequence[Pair], look_every: timedelta = LOOK_EVERY
) -> list[Facts]:
    """What counts for the states of many expected deliveries, in their order."""
    return [each.facts for each in known_of(tx, pairs, look_every)]


def known_of(
    tx: Connection, pairs: Sequence[Pair], look_every: timedelta = LOOK_EVERY
) -> list[Known]:
    """All that is known of many expected deliveries: as many queries for 500 as for one.

    Args:
        tx: A transaction.
        pairs: Each delivery as it was read, with its feed's contract in force.
        look_every: How often sources are looked at.

    Returns:
        What is known of each, in the order given.
    """
    rows = [row for _, row in pairs]
    ids = [row.id for row in rows]
    seen, landed = arrivals.arrivals_for(tx, ids), deliveries.deliveries_for(tx, ids)
    staged, decided = batches.batches_of_rows(tx, ids), decisions.decisions_for(tx, rows)
    looks = spans_of(tx, {feed.source.connection for feed, _ in pairs})
    polls = {name: tuple(PollFact(e.at, e.ok) for e in each) for name, each in looks.items()}
    learned = usuals(tx, {row.feed_id for row in rows})
    found = []
    for feed, row in pairs:
        arrived, there = seen.get(row.id, []), landed.get(row.id, [])
        usual = usual_for(learned.get(row.feed_id, {}), row.stratum)
        fresh = arrivals.not_landed(arrived, there)
        facts = Facts(
            points=ClockPoints(
                opens_at=row.opens_at,
                warn_at=row.warn_at,
                due_at=row.due_at,
                late_at=row.late_at,
                cutoff_at=row.cutoff_at,
                expected_at=row.expected_at,
                remark=row.closed_because if row.expected else "",
            ),
            judge_by=row.judge_by,
            parts=feed.source.expected_parts,
            needs_done_flag=feed.source.done_flag is not None,
            min_bytes=feed.source.min_bytes,
            stable_for=feed.source.stable_for,
            expected=row.expected,
            not_expected_because=row.closed_because,
            arrivals=tuple(_arrivals(arrived, there)),
            polls=polls[feed.source.connection],
            batches=tuple(_batch(each) for each in staged.get(row.id, [])),
            decisions=tuple(decisions.as_fact(e) for e in decided[row.feed, row.period]),
            usual_by=usual_by(usual, row.due_at) if _warns(feed) else None,
            look_every=look_every,
            tz=feed.terms_for(_period(feed, row)).tz,
        )
        found.append(Known(facts, usual, fresh[-1].seq if fresh else None))
    return found


def last_polls(tx: Connection, connection: str) -> Sequence[Poll]:
    """The last good look at a connection, and of the failed ones after it the first and last."""
    return spans_of(tx, [connection])[connection]


def _period(feed: Feed, row: ExpectedDelivery) -> Period:
    """A row's period; of a row from before the contract counted other periods, the one around."""
    try:
        return feed.parse_period(row.period)
    except PeriodError:
        return feed.parse_period(row.period_first)


def _warns(feed: Feed) -> bool:
    return "at_risk" in feed.learned.use_for


def _arrivals(seen: Sequence[Arrival], landed: Sequence[Delivery]) -> Iterator[ArrivalFact]:
    refused = {each.arrival_seq: each for each in landed if each.outcome == "refused"}
    for each in seen:
        verdict = refused.get(each.seq)
        yield ArrivalFact(
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


def _batch(row: BatchRow) -> BatchFact:
    critical = [str(each["message"]) for each in row.findings if each.get("severity") == "critical"]
    return BatchFact(row.batch_id, row.status, row.status_at, "; ".join(critical))
