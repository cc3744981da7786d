"""Conversations: what each channel was told of an incident, and what it needs to hear the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, exists, insert, select, update

from wharf.ledger.chunks import chunks
from wharf.ledger.rows import Conversation, Outgoing, read_row
from wharf.ledger.schema import conversation, incident, outbox

_WAITING = ("QUEUED", "SENDING")


def conversations_of(tx: Connection, ids: Iterable[int]) -> dict[tuple[int, str], Conversation]:
    """Conversations about incidents, closed ones too, by incident and channel."""
    found: dict[tuple[int, str], Conversation] = {}
    for some in chunks(sorted(set(ids))):
        query = select(conversation).where(conversation.c.incident_id.in_(some))
        for row in tx.execute(query):
            found[row.incident_id, row.channel] = read_row(Conversation, row)
    return found


def open_conversations(tx: Connection, ids: Iterable[int]) -> list[Conversation]:
    """Conversations about incidents that their channel was not told the end of, oldest first."""
    found: list[Conversation] = []
    for some in chunks(sorted(set(ids))):
        query = select(conversation).where(
            conversation.c.incident_id.in_(some), conversation.c.closed_at.is_(None)
        )
        found += [read_row(Conversation, r) for r in tx.execute(query.order_by(conversation.c.seq))]
    return found


def channels_told(tx: Connection, ids: Iterable[int]) -> dict[int, set[str]]:
    """The channels that know of each incident, or may: a message to them was tried."""
    found: dict[int, set[str]] = {key: set() for key in ids}
    for some in chunks(sorted(found)):
        spoken = select(conversation.c.incident_id, conversation.c.channel).where(
            conversation.c.incident_id.in_(some), conversation.c.closed_at.is_(None)
        )
        tried = select(outbox.c.incident_id, outbox.c.channel).where(
            outbox.c.incident_id.in_(some), outbox.c.status.in_(_WAITING), outbox.c.attempts > 0
        )
        for row in (*tx.execute(spoken), *tx.execute(tried)):
            found[row.incident_id].add(row.channel)
    return found


def keep_conversation(
    tx: Connection,
    row: Outgoing,
    *,
    key: str,
    thread: str,
    handle: Mapping[str, Any],
    at: datetime,
    is_over: bool,
) -> None:
    """Keep what a channel needs to go on with an incident, after a message about it."""
    about = and_(
        conversation.c.incident_id == row.incident_id, conversation.c.channel == row.channel
    )
    closed_at = at if is_over else None
    changed = tx.execute(
        update(conversation)
        .where(about)
        .values(key=key, thread=thread, handle=dict(handle), updated_at=at, closed_at=closed_at)
    )
    if not changed.rowcount:
        tx.execute(
            insert(conversation).values(
                incident_id=row.incident_id,
                channel=row.channel,
                key=key,
                thread=thread,
                handle=dict(handle),
                opened_at=at,
                updated_at=at,
                closed_at=closed_at,
            )
        )


def hand_over(tx: Connection, spoken: Iterable[Conversation], incident_id: int) -> None:
    """Let a group go on with the conversations of its members: one thread, one key."""
    for each in spoken:
        tx.execute(
            update(conversation)
            .where(conversation.c.seq == each.seq)
            .values(incident_id=incident_id)
        )


def ends_not_told(tx: Connection, limit: int = 1000) -> list[Conversation]:
    """Open conversations about resolved incidents for which no message is on its way."""
    on_its_way = exists().where(
        outbox.c.incident_id == conversation.c.incident_id,
        outbox.c.channel == conversation.c.channel,
        outbox.c.status.in_(("HELD", *_WAITING)),
    )
    query = (
        select(conversation)
        .join(incident, incident.c.id == conversation.c.incident_id)
        .where(conversation.c.closed_at.is_(None), incident.c.resolved_at.is_not(None), ~on_its_way)
        .order_by(conversation.c.seq)
        .limit(limit)
    )
    return [read_row(Conversation, row) for row in tx.execute(query)]
