"""What people decided, and which runs are known."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, or_, select, update

from wharf.ledger.chunks import chunks
from wharf.ledger.feeds import feed_id
from wharf.ledger.rows import BatchRow, Decision, ExpectedDelivery, Run, Tick, read_row
from wharf.ledger.schema import decision, expected_delivery, feed, run, tick
from wharf.timeliness.facts import DecisionFact

# Above this many feeds all decisions are read: there are few, and a list in SQL has its limit.
_LISTED = 500


def record_decision(tx: Connection, row: Decision) -> Decision:
    """Append one decision of a person; gives it with its sequence number."""
    values: dict[str, Any] = asdict(row)
    values["feed_id"] = feed_id(tx, values.pop("feed"))
    values.pop("seq")
    made = tx.execute(insert(decision).values(**values)).inserted_primary_key
    assert made is not None
    return replace(row, seq=int(made[0]))


def decisions_of(tx: Connection, feed_name: str, period: str | None = None) -> list[Decision]:
    """Decisions about a feed, and about one of its periods when given, oldest first.

    Those about a range of periods and about the whole feed are about each period of theirs.
    """
    query = _select().where(feed.c.name == feed_name)
    found = [read_row(Decision, row) for row in tx.execute(query.order_by(decision.c.seq))]
    if period is None:
        return found
    day = select(expected_delivery.c.period_first).join(feed)
    here = day.where(feed.c.name == feed_name, expected_delivery.c.period == period)
    first = tx.execute(here).scalar() or period
    return [each for each in found if is_about(each, period, first)]


def decisions_for(
    tx: Connection, rows: Collection[ExpectedDelivery]
) -> dict[tuple[str, str], list[Decision]]:
    """Decisions about each of many expected deliveries, oldest first, by feed and period."""
    names = {row.feed for row in rows}
    by_feed: dict[str, list[Decision]] = {name: [] for name in names}
    query = _select().order_by(decision.c.seq)
    if len(names) <= _LISTED:
        query = query.where(feed.c.name.in_(names))
    for row in tx.execute(query):
        by_feed.setdefault(row.feed, []).append(read_row(Decision, row))
    return {
        (row.feed, row.period): [
            each for each in by_feed[row.feed] if is_about(each, row.period, row.period_first)
        ]
        for row in rows
    }


def is_about(row: Decision, period: str, first: str) -> bool:
    """Whether a decision is about a period, given its key and its first day."""
    if row.first is not None and row.last is not None:
        return row.first <= first <= row.last
    return row.period is None or row.period == period


def as_fact(row: Decision) -> DecisionFact:
    """A decision as `wharf.timeliness` weighs it."""
    since = row.detail.get("since")
    return DecisionFact(
        kind=row.kind,
        until=row.until,
        at=row.at,
        by=row.by,
        reason=row.reason,
        since=datetime.fromisoformat(str(since)) if since else None,
        revoked_at=row.revoked_at,
    )


def find_decision(tx: Connection, seq: int) -> Decision | None:
    """One decision by its number."""
    row = tx.execute(_select().where(decision.c.seq == seq)).first()
    return read_row(Decision, row) if row else None


def all_decisions(
    tx: Connection, *, in_force_at: datetime | None = None, limit: int = 500
) -> list[Decision]:
    """The last decisions about any feed, oldest first; only those in force when asked for."""
    query = _select().order_by(decision.c.seq.desc()).limit(limit)
    if in_force_at is not None:
        lasts = or_(decision.c.until.is_(None), decision.c.until > in_force_at)
        query = query.where(lasts, decision.c.revoked_at.is_(None))
    return [read_row(Decision, row) for row in tx.execute(query)][::-1]


def revoke_decision(tx: Connection, row: Decision, by: str, reason: str, now: datetime) -> None:
    """Take a decision back; it stays in the list, with who took it back and why."""
    values = {
        "revoked_at": now,
        "revoked_by": by,
        "detail": {**row.detail, "revoked_because": reason},
    }
    still = decision.c.revoked_at.is_(None)
    tx.execute(update(decision).where(decision.c.seq == row.seq, still).values(**values))


def add_detail(tx: Connection, row: Decision, **more: Any) -> None:
    """Add to what a decision's detail says, such as who approved it."""
    values = {"detail": {**row.detail, **more}}
    tx.execute(update(decision).where(decision.c.seq == row.seq).values(**values))


def in_force(
    tx: Connection, kind: str, feed_name: str, period: str, now: datetime
) -> Decision | None:
    """The last decision of a kind about a period that goes on; None where none does."""
    found = [
        each
        for each in decisions_of(tx, feed_name, period)
        if each.kind == kind and goes_on(each, now)
    ]
    return found[-1] if found else None


def allowed_fallbacks(
    tx: Connection, consumer: str, feed_name: str, period: str, now: datetime
) -> list[Decision]:
    """What lets a product read an older batch of a feed for a period.

    Each says how old it may be: `detail["max_age"]`, as `2d` or `1bd`.
    """
    return [
        each
        for each in decisions_of(tx, feed_name, period)
        if each.kind == "use_last_good"
        and each.detail.get("consumer") == consumer
        and goes_on(each, now)
    ]


def discarded(tx: Connection, row: BatchRow) -> Decision | None:
    """Who settled that a batch in quarantine is not published; None where nobody did."""
    found = [
        each
        for each in decisions_of(tx, row.subject, row.period)
        if each.kind == "discard"
        and each.revoked_at is None
        and each.detail.get("batch_id") == row.batch_id
    ]
    return found[-1] if found else None


def goes_on(row: Decision, now: datetime) -> bool:
    """Whether a decision was made, is not taken back, and has not ended."""
    is_open = row.revoked_at is None or now < row.revoked_at
    return row.at <= now and is_open and (row.until is None or now < row.until)


def record_run(tx: Connection, dag_id: str, key: str, cause: str, now: datetime) -> bool:
    """Note that a run exists for a key and cause; False when that was known."""
    known = select(run.c.seq).where(run.c.dag_id == dag_id, run.c.key == key, run.c.cause == cause)
    if tx.execute(known).first():
        return False
    tx.execute(insert(run).values(dag_id=dag_id, key=key, cause=cause, at=now))
    return True


def runs_known(tx: Connection) -> list[Run]:
    """All runs the ledger knows of."""
    return [read_row(Run, row) for row in tx.execute(select(run).order_by(run.c.seq))]


def record_tick(tx: Connection, row: Tick) -> None:
    """Append a heartbeat of look or tick."""
    values: dict[str, Any] = asdict(row)
    values.pop("seq")
    tx.execute(insert(tick).values(**values))


def last_tick(tx: Connection, kind: str) -> Tick | None:
    """The last heartbeat of look or tick."""
    query = select(tick).where(tick.c.kind == kind).order_by(tick.c.seq.desc()).limit(1)
    row = tx.execute(query).first()
    return read_row(Tick, row) if row else None


def recent_ticks(
    tx: Connection, now: datetime, within: timedelta = timedelta(minutes=15)
) -> tuple[list[datetime], bool]:
    """When ticks were lately: all within a span before now, and the one before them.

    Returns:
        The instants, oldest first, and whether no tick was before the first of them.
    """
    query = select(tick.c.at).where(tick.c.kind == "tick").order_by(tick.c.seq.desc())
    found: list[datetime] = []
    for at in tx.execute(query.limit(1000)).scalars():
        found.append(at)
        if at < now - within:
            return found[::-1], False
    return found[::-1], len(found) < 1000


def trim_ticks(tx: Connection, before: datetime, limit: int = 5000) -> int:
    """Forget heartbeats before an instant, but for the last of each kind; gives how many."""
    last = select(func.max(tick.c.seq)).group_by(tick.c.kind)
    old = select(tick.c.seq).where(tick.c.at < before, tick.c.seq.not_in(last)).limit(limit)
    gone = list(tx.execute(old).scalars())
    for some in chunks(gone):
        tx.execute(delete(tick).where(tick.c.seq.in_(some)))
    return len(gone)


def _select() -> Select[Any]:
    return select(decision, feed.c.name.label("feed")).join(feed, feed.c.id == decision.c.feed_id)
