"""Telling channels that a person takes care: pagers stop calling, chat shows who and until when."""

from __future__ import annotations

from datetime import datetime

from wharf.alerts import Notice, abilities
from wharf.contracts.alerts import Routing
from wharf.ledger import Ledger, Transaction, conversations, decisions, outbox
from wharf.ledger import incidents as rows
from wharf.ledger.rows import Decision, Incident, Outgoing
from wharf.watch import notices


def acknowledge(ledger: Ledger, routing: Routing, now: datetime) -> int:
    """Queue, once, that somebody acknowledged what a channel was told of.

    Only channels whose message changes with its incident hear of it.

    Returns:
        How many messages were queued.
    """
    with ledger.read() as tx:
        taken = [
            each for each in decisions.all_decisions(tx, in_force_at=now) if each.kind == "ack"
        ]
        queued = _messages(tx, routing, taken, now) if taken else []
    if not queued:
        return 0
    with ledger.write() as tx:
        return outbox.queue_messages(tx, queued)


def _messages(
    tx: Transaction, routing: Routing, taken: list[Decision], now: datetime
) -> list[Outgoing]:
    by_row = {(each.feed, each.period or ""): each for each in taken}
    standing = {
        each.id: each for each in rows.incidents_for(tx, by_row) if each.resolved_at is None
    }
    last = outbox.last_messages(tx, standing)
    changing = {each.name for each in routing.channels if abilities(each).can_update}
    found: list[Outgoing] = []
    for talk in conversations.open_conversations(tx, standing):
        incident = standing[talk.incident_id]
        message = last.get((incident.id, talk.channel))
        if talk.channel in changing and message is not None:
            decision = by_row[incident.feed, incident.period]
            found += _message(incident, talk.channel, message, decision, now)
    return found


def _message(
    incident: Incident, channel: str, last: Outgoing, decision: Decision, now: datetime
) -> list[Outgoing]:
    until = f"{decision.until:%Y-%m-%d %H:%M} UTC" if decision.until else "further notice"
    what = f"{incident.what}; {decision.by} takes care of it until {until}: {decision.reason}"
    notice = notices.again(Notice.from_json(last.notice), "ack", now, what)
    return notices.outgoing(incident, notice, [channel], now, mark=f"ack.{decision.seq}")
