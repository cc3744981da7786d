"""Sending what the outbox holds: at least once, with back-off, never inside a transaction."""

from __future__ import annotations

from datetime import datetime, timedelta

from wharf import alerts
from wharf.contracts import Project, ResolveConnection
from wharf.errors import Terminal, WharfError
from wharf.ledger import Ledger, incidents
from wharf.ledger.rows import Outgoing

GIVES_UP_AFTER = timedelta(hours=24)


def send_messages(
    ledger: Ledger,
    project: Project,
    resolve: ResolveConnection,
    now: datetime,
    send: alerts.Send = alerts.send,
) -> tuple[int, int]:
    """Send every message whose next try has come; `send` hands each to its channel.

    Returns:
        How many were sent and how many failed.
    """
    channels = {channel.name: channel for channel in project.routing.channels}
    with ledger.read() as tx:
        ripe = incidents.messages_to_send(tx, now)
    sent = failed = 0
    for each in ripe:
        try:
            if each.channel not in channels:
                raise alerts.unknown_channel(each.channel, sorted(channels))
            channel = channels[each.channel]
            message = alerts.render(alerts.Notice.from_json(each.notice), now)
            done = send(channel, message, resolve(channel.connection), each.key, {})
        except WharfError as error:
            failed += 1
            _put_off(ledger, each, error, now)
        else:
            sent += 1
            with ledger.write() as tx:
                incidents.change_message(
                    tx,
                    each.seq,
                    status="SENT",
                    sent_at=now,
                    attempts=each.attempts + 1,
                    response_id=done.response_id,
                    error="",
                )
    return sent, failed


def _put_off(ledger: Ledger, each: Outgoing, error: WharfError, now: datetime) -> None:
    over = isinstance(error, Terminal) or now - each.queued_at > GIVES_UP_AFTER
    with ledger.write() as tx:
        incidents.change_message(
            tx,
            each.seq,
            status="FAILED" if over else "QUEUED",
            attempts=each.attempts + 1,
            next_try_at=now + alerts.back_off(each.attempts + 1),
            error=str(error)[:500],
        )
