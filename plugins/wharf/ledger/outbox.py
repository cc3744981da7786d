"""The outbox: messages on their way to channels.

A message is HELD (its incident may yet be told of by another one), QUEUED, SENDING (somebody has
claimed it, until `next_try_at`), then SENT, FAILED for good, or DROPPED (a later one says more).
Those of one key go to a channel strictly one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, func, insert, or_, select, update

from wharf.ledger.chunks import chunks
from wharf.ledger.conversations import conversations_of
from wharf.ledger.rows import Conversation, Outgoing, read_row
from wharf.ledger.schema import incident, outbox

UNFINISHED = ("HELD", "QUEUED", "SENDING")
_WAITING = ("QUEUED", "SENDING")
_LONGEST_ERROR = 500


@dataclass(frozen=True)
class Manner:
    """How messages are sent to one channel."""

    newest_counts: bool = False
    """Whether, of several waiting messages about one incident, only the newest is sent."""
    not_before: Callable[[Outgoing, bool, datetime], datetime | None] | None = None
    """Until when a message has to wait, given whether its incident was told of there; pages do
    where nobody looks."""


@dataclass(frozen=True)
class Claimed:
    """A message that this process alone may send until its claim ends."""

    message: Outgoing
    conversation: Conversation | None = None


def queue_message(tx: Connection, row: Outgoing) -> bool:
    """Put a message in the outbox; False when its key was queued before."""
    return queue_messages(tx, [row]) == 1


def queue_messages(tx: Connection, rows: Iterable[Outgoing]) -> int:
    """Put messages in the outbox; those whose key was queued before are left out.

    Returns:
        How many were new.
    """
    wanted = {row.key: row for row in rows}
    known: set[str] = set()
    for some in chunks(sorted(wanted)):
        known |= set(tx.execute(select(outbox.c.key).where(outbox.c.key.in_(some))).scalars())
    new = [row for key, row in wanted.items() if key not in known]
    for part in chunks(new):
        values = [{k: v for k, v in vars(row).items() if k != "seq"} for row in part]
        tx.execute(insert(outbox), values)
    return len(new)


def messages(tx: Connection, incident_id: int | None = None) -> list[Outgoing]:
    """Messages of one incident, or all, in the order queued."""
    query = select(outbox)
    if incident_id is not None:
        query = query.where(outbox.c.incident_id == incident_id)
    return [read_row(Outgoing, row) for row in tx.execute(query.order_by(outbox.c.seq))]


def last_messages(tx: Connection, ids: Iterable[int]) -> dict[tuple[int, str], Outgoing]:
    """The newest message of each incident to each channel, whatever became of it."""
    found: dict[tuple[int, str], Outgoing] = {}
    for some in chunks(sorted(set(ids))):
        newest = (
            select(func.max(outbox.c.seq))
            .where(outbox.c.incident_id.in_(some))
            .group_by(outbox.c.incident_id, outbox.c.channel)
        )
        for row in tx.execute(select(outbox).where(outbox.c.seq.in_(newest))):
            found[row.incident_id, row.channel] = read_row(Outgoing, row)
    return found


def next_try(tx: Connection) -> datetime | None:
    """When the next queued message is to be sent; None when none is queued."""
    query = select(func.min(func.coalesce(outbox.c.next_try_at, outbox.c.queued_at)))
    found: datetime | None = tx.execute(query.where(outbox.c.status == "QUEUED")).scalar()
    return found


def release(tx: Connection, ids: Iterable[int]) -> None:
    """Queue the messages of incidents that were held back."""
    _move(tx, ids, outbox.c.status == "HELD", "QUEUED")


def hold(tx: Connection, ids: Iterable[int]) -> None:
    """Hold back the messages of incidents that nobody has tried to send yet."""
    _move(tx, ids, and_(outbox.c.status == "QUEUED", outbox.c.attempts == 0), "HELD")


def drop_held(tx: Connection, ids: Iterable[int]) -> None:
    """Give up messages that were held back: they would be no news any more."""
    _move(tx, ids, outbox.c.status == "HELD", "DROPPED")


def is_anything_ripe(tx: Connection, at: datetime) -> bool:
    """Whether a message waits to be sent."""
    ripe = and_(outbox.c.status.in_(_WAITING), _is_ripe(at))
    return tx.execute(select(outbox.c.seq).where(ripe).limit(1)).first() is not None


def claim(
    tx: Connection,
    manners: Mapping[str, Manner],
    at: datetime,
    lease: timedelta,
    limit: int = 200,
) -> list[Claimed]:
    """Claim the messages to send now: of each key and channel in order, none past a waiting one.

    Args:
        tx: A writing transaction.
        manners: The channels to send to, by name.
        at: The instant.
        lease: For how long they are claimed; after it anybody may claim them again.
        limit: How many at most for one channel.
    """
    ripe = [each for name in sorted(manners) for each in _ripe(tx, name, manners[name], at, limit)]
    if not ripe:
        return []
    ids = {each.incident_id for each in ripe if each.incident_id is not None}
    keys, told = _keys_of(tx, ids), conversations_of(tx, ids)
    blocked = _first_waiting(tx, keys.values(), at, {each.seq for each in ripe})
    fit = [
        each
        for each in ripe
        if each.seq <= blocked.get((keys.get(each.incident_id or 0, ""), each.channel), each.seq)
    ]
    outdated = {each.seq for each in _outdated(fit, manners)}
    _finish(tx, sorted(outdated), "DROPPED", "a later message says more")
    mine: list[Claimed] = []
    for each in fit:
        if each.seq in outdated:
            continue
        spoken = told.get((each.incident_id or 0, each.channel))
        ask = manners[each.channel].not_before
        is_told = spoken is not None and spoken.closed_at is None
        until = ask(each, is_told, at) if ask else None
        if until is not None and until > at:
            tx.execute(update(outbox).where(outbox.c.seq == each.seq).values(next_try_at=until))
            continue
        claimed = replace(each, status="SENDING", attempts=each.attempts + 1)
        mine.append(Claimed(claimed, spoken))
    for some in chunks([each.message.seq for each in mine]):
        tx.execute(
            update(outbox)
            .where(outbox.c.seq.in_(some))
            .values(status="SENDING", attempts=outbox.c.attempts + 1, next_try_at=at + lease)
        )
    return mine


def give_back(
    tx: Connection, rows: Iterable[Outgoing], next_try_at: datetime | None = None
) -> None:
    """Let go of claimed messages that were not tried; that was no attempt."""
    for some in chunks([each.seq for each in rows]):
        tx.execute(
            update(outbox)
            .where(outbox.c.seq.in_(some), outbox.c.status == "SENDING")
            .values(status="QUEUED", attempts=outbox.c.attempts - 1, next_try_at=next_try_at)
        )


def record_sent(
    tx: Connection, row: Outgoing, at: datetime, response_id: str, note: str = ""
) -> bool:
    """Record that a claimed message was sent; False when another had claimed it meanwhile."""
    return _record(
        tx, row, status="SENT", sent_at=at, next_try_at=None, response_id=response_id, error=note
    )


def record_failed(tx: Connection, row: Outgoing, error: str, next_try_at: datetime | None) -> bool:
    """Record that a claimed message could not be sent; without a next try it has failed for good.

    Returns:
        Whether it was still claimed by this process.
    """
    status = "FAILED" if next_try_at is None else "QUEUED"
    return _record(tx, row, status=status, next_try_at=next_try_at, error=error)


def leave_alone(tx: Connection, channel: str, until: datetime) -> None:
    """Send nothing to a channel before an instant: it asked for that."""
    early = or_(outbox.c.next_try_at.is_(None), outbox.c.next_try_at < until)
    tx.execute(
        update(outbox)
        .where(outbox.c.status == "QUEUED", outbox.c.channel == channel, early)
        .values(next_try_at=until)
    )


def give_up(tx: Connection, before: datetime, known: Collection[str]) -> int:
    """Fail messages to channels that are not there any more, once they are old.

    Returns:
        How many.
    """
    lost = and_(outbox.c.queued_at < before, outbox.c.channel.not_in(sorted(known)))
    error = "dags/alerts.yaml has no such channel"
    done = tx.execute(
        update(outbox).where(outbox.c.status == "QUEUED", lost).values(status="FAILED", error=error)
    )
    return done.rowcount


def failed_since(tx: Connection, since: datetime) -> dict[str, int]:
    """How many messages to each channel failed for good, of those queued since an instant."""
    query = select(outbox.c.channel, func.count().label("failed")).where(
        outbox.c.status == "FAILED", outbox.c.queued_at >= since
    )
    return {row.channel: row.failed for row in tx.execute(query.group_by(outbox.c.channel))}


def _is_ripe(at: datetime) -> Any:
    return or_(outbox.c.next_try_at.is_(None), outbox.c.next_try_at <= at)


def _keys_of(tx: Connection, ids: Collection[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for some in chunks(sorted(ids)):
        query = select(incident.c.id, incident.c.dedup_key).where(incident.c.id.in_(some))
        found |= {row.id: row.dedup_key for row in tx.execute(query)}
    return found


def _ripe(tx: Connection, channel: str, manner: Manner, at: datetime, limit: int) -> list[Outgoing]:
    of_channel = select(outbox).where(outbox.c.status.in_(_WAITING), outbox.c.channel == channel)
    query = of_channel.where(_is_ripe(at)).order_by(outbox.c.seq).limit(limit)
    found = [read_row(Outgoing, row) for row in tx.execute(query)]
    if manner.not_before is None:
        return found
    # What waits until somebody looks may have been overtaken by something more urgent.
    waits = and_(outbox.c.status == "QUEUED", outbox.c.attempts == 0, ~_is_ripe(at))
    for some in chunks(sorted({each.incident_id for each in found if each.incident_id})):
        query = of_channel.where(waits, outbox.c.incident_id.in_(some))
        found += [read_row(Outgoing, row) for row in tx.execute(query)]
    return sorted(found, key=lambda each: each.seq)


def _first_waiting(
    tx: Connection, keys: Iterable[str], at: datetime, ripe: Collection[int]
) -> dict[tuple[str, str], int]:
    """The first message of each key and channel that is unfinished and cannot be sent now."""
    found: dict[tuple[str, str], int] = {}
    not_now = or_(outbox.c.status == "HELD", and_(outbox.c.status.in_(_WAITING), ~_is_ripe(at)))
    for some in chunks(sorted(set(keys))):
        query = (
            select(incident.c.dedup_key, outbox.c.channel, outbox.c.seq)
            .join(outbox, outbox.c.incident_id == incident.c.id)
            .where(incident.c.dedup_key.in_(some), not_now)
            .order_by(outbox.c.seq.desc())
        )
        for row in tx.execute(query):
            if row.seq not in ripe:
                found[row.dedup_key, row.channel] = row.seq
    return found


def _outdated(rows: Sequence[Outgoing], manners: Mapping[str, Manner]) -> list[Outgoing]:
    """Messages that a later one about the same incident stands for."""
    last = {(each.incident_id, each.channel): each.seq for each in rows}
    return [
        each
        for each in rows
        if each.incident_id is not None
        and _may_stand_for(manners[each.channel])
        and last[each.incident_id, each.channel] != each.seq
    ]


def _may_stand_for(manner: Manner) -> bool:
    return manner.newest_counts or manner.not_before is not None


def _record(tx: Connection, row: Outgoing, **values: Any) -> bool:
    mine = and_(
        outbox.c.seq == row.seq,
        outbox.c.status == "SENDING",
        outbox.c.attempts == row.attempts,
    )
    values["error"] = str(values["error"])[:_LONGEST_ERROR]
    return tx.execute(update(outbox).where(mine).values(**values)).rowcount == 1


def _move(tx: Connection, ids: Iterable[int], where: Any, status: str) -> None:
    for some in chunks(sorted(set(ids))):
        tx.execute(
            update(outbox).where(outbox.c.incident_id.in_(some), where).values(status=status)
        )


def _finish(tx: Connection, seqs: Sequence[int], status: str, error: str) -> None:
    for some in chunks(seqs):
        tx.execute(update(outbox).where(outbox.c.seq.in_(some)).values(status=status, error=error))
