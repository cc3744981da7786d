"""Reminders: chat is told again of what stays open, in the thread; pagers repeat by themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from wharf.alerts import Notice, abilities
from wharf.contracts.alerts import Channel, Routing
from wharf.ledger import Transaction, conversations, outbox
from wharf.ledger import incidents as rows
from wharf.ledger.rows import Conversation, Incident, Outgoing
from wharf.watch import notices

REMINDS_FOR = timedelta(hours=24)
"""After that an incident without news is left to the daily digest."""
_CHAT = {"slack", "teams"}


def next_reminder(routing: Routing, incident: Incident, now: datetime) -> datetime | None:
    """When the next reminder of an incident may be due, after news of it now."""
    spans = [span for each in routing.channels if (span := _repeat(each)) is not None]
    return now + min(spans) if spans else None


def remind(
    tx: Transaction, routing: Routing, awake: Sequence[Incident], now: datetime
) -> list[Outgoing]:
    """Messages that remind of incidents; those acknowledged or snoozed wait until that ends.

    Args:
        tx: A writing transaction.
        routing: All channels.
        awake: Open incidents whose reminder may be due.
        now: The instant.
    """
    channels = {each.name: each for each in routing.channels if _repeat(each) is not None}
    put_off = rows.put_off_until(tx, [each.id for each in awake], now)
    spoken: dict[int, list[Conversation]] = {}
    for each in conversations.open_conversations(tx, [each.id for each in awake]):
        spoken.setdefault(each.incident_id, []).append(each)
    last = outbox.last_messages(tx, spoken)
    found: list[Outgoing] = []
    wakes: dict[int, datetime | None] = {}
    for incident in awake:
        told_at = datetime.fromisoformat(incident.detail["told_at"])
        if now - told_at > REMINDS_FOR:
            wakes[incident.id] = None
        elif incident.id in put_off:
            wakes[incident.id] = put_off[incident.id]
        else:
            here = [each for each in spoken.get(incident.id, ()) if each.channel in channels]
            found += _reminders(incident, here, channels, last, now)
            wakes[incident.id] = next_reminder(routing, incident, now)
    rows.change_each(tx, {key: {"wakes_at": at} for key, at in wakes.items()})
    return found


def _reminders(
    incident: Incident,
    spoken: Sequence[Conversation],
    channels: Mapping[str, Channel],
    last: Mapping[tuple[int, str], Outgoing],
    now: datetime,
) -> list[Outgoing]:
    found: list[Outgoing] = []
    for each in spoken:
        repeat = _repeat(channels[each.channel])
        message = last.get((incident.id, each.channel))
        if repeat is None or message is None or now - each.updated_at < repeat:
            continue
        if message.status not in {"SENT", "FAILED", "DROPPED"}:
            continue
        notice = notices.again(Notice.from_json(message.notice), "repeat", now, incident.what)
        mark = f"{notice.number}.repeat.{now:%Y%m%dT%H%M%SZ}"
        found += notices.outgoing(incident, notice, [each.channel], now, mark=mark)
    return found


def _repeat(channel: Channel) -> timedelta | None:
    """How often a channel wants to be reminded: chat by default, others where it is asked for."""
    asked = channel.kind in _CHAT or "repeat" in channel.model_fields_set
    return channel.repeat if asked and not abilities(channel).repeats_itself else None
