"""Sending what the outbox holds: at least once, with back-off, never inside a transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from wharf import alerts
from wharf.contracts import Project, ResolveConnection
from wharf.contracts.alerts import Channel
from wharf.errors import ChannelError, ChannelRefused, WharfError
from wharf.ledger import Ledger, conversations, outbox
from wharf.ledger.outbox import Claimed, Manner
from wharf.ledger.rows import Outgoing
from wharf.timeliness.attention import may_page, next_attention
from wharf.timeliness.calendars import open_days
from wharf.watch.own_troubles import note_failure, note_success

GIVES_UP_AFTER = timedelta(hours=24)
LEASE = timedelta(minutes=2)
"""After this a message that was claimed and not heard of again is sent once more."""
BUDGET = timedelta(seconds=20)
"""A channel gets no further message in one tick once this is over."""
FAILS = 3
"""So many failures in a row, and a channel is left alone until the next tick."""
AT_ONCE = 100
_MOST_CHANNELS_AT_ONCE = 16
_WAKES = {"open", "raise", "summary"}


@dataclass(frozen=True)
class _Way:
    """How messages go out in one tick."""

    ledger: Ledger
    resolve: ResolveConnection
    send: alerts.Send
    now: Callable[[], datetime]
    until: datetime


def send_messages(
    ledger: Ledger,
    project: Project,
    resolve: ResolveConnection,
    now: datetime,
    send: alerts.Send = alerts.send,
    elapsed: Callable[[], timedelta] = timedelta,
) -> tuple[int, int]:
    """Send the messages whose next try has come, to all channels beside each other.

    A message is claimed before it is sent, so two ticks at once never send the same one. One that
    was sent and could not be recorded is sent again when its claim has ended.

    Args:
        ledger: The ledger.
        project: Names the channels, and the calendars of their attention.
        resolve: Finds the channels' connections.
        now: The instant of the tick.
        send: Hands one message to its channel.
        elapsed: How long ago `now` was.

    Returns:
        How many were sent and how many failed.
    """
    channels = {channel.name: channel for channel in project.routing.channels}
    manners = {name: _manner(project, channel) for name, channel in channels.items()}
    with ledger.read() as tx:
        if not outbox.is_anything_ripe(tx, now + elapsed()):
            return 0, 0
    with ledger.write() as tx:
        outbox.give_up(tx, now - GIVES_UP_AFTER, channels)
        claimed = outbox.claim(tx, manners, now + elapsed(), LEASE, AT_ONCE)
    by_channel: dict[str, list[Claimed]] = {}
    for each in claimed:
        by_channel.setdefault(each.message.channel, []).append(each)
    way = _Way(ledger, resolve, send, lambda: now + elapsed(), now + elapsed() + BUDGET)
    jobs = [(way, channels[name], some) for name, some in sorted(by_channel.items())]
    if len(jobs) <= 1:
        done = [_send_all(*job) for job in jobs]
    else:
        with ThreadPoolExecutor(min(len(jobs), _MOST_CHANNELS_AT_ONCE)) as pool:
            done = [each.result() for each in [pool.submit(_send_all, *job) for job in jobs]]
    return sum(sent for sent, _ in done), sum(failed for _, failed in done)


def _manner(project: Project, channel: Channel) -> Manner:
    """How a channel wants its messages; a page waits until somebody looks."""
    attention = channel.attention
    newest_counts = alerts.abilities(channel).can_update and channel.kind == "slack"
    if attention is None:
        return Manner(newest_counts)
    days = open_days(project.calendars.get(attention.calendar or ""), "day")

    def not_before(message: Outgoing, was_told: bool, at: datetime) -> datetime | None:
        notice = message.notice
        is_page = (notice["action"] in _WAKES or not was_told) and not notice.get("to")
        if not is_page or may_page(attention, days, str(notice["level"]), at):
            return None
        return next_attention(attention, days, at)

    return Manner(newest_counts, not_before)


def _send_all(way: _Way, channel: Channel, claimed: Sequence[Claimed]) -> tuple[int, int]:
    """Send one channel's messages in order; what is not got round to is given back."""
    sent, failed, in_a_row = 0, 0, 0
    handles: dict[int, Mapping[str, Any]] = {}
    stuck: set[int | None] = set()
    left: list[Outgoing] = []
    alone_until: datetime | None = None
    for each in claimed:
        row = each.message
        if way.now() > way.until or in_a_row >= FAILS or row.incident_id in stuck:
            left.append(row)
            continue
        try:
            handle = _send_one(way, channel, each, handles)
        except WharfError as error:
            failed, in_a_row = failed + 1, in_a_row + 1
            again_at = _put_off(way, row, error)
            if again_at is not None and row.incident_id is not None:
                stuck.add(row.incident_id)
            if isinstance(error, ChannelError) and error.retry_after is not None:
                in_a_row, alone_until = FAILS, again_at
            continue
        sent, in_a_row = sent + 1, 0
        if row.incident_id is not None:
            handles[row.incident_id] = handle
    if left or sent:
        with way.ledger.write() as tx:
            outbox.give_back(tx, left, alone_until)
            if sent:
                note_success(tx, channel.name, str(claimed[0].message.notice["env"]), way.now())
    return sent, failed


def _send_one(
    way: _Way, channel: Channel, each: Claimed, handles: Mapping[int, Mapping[str, Any]]
) -> Mapping[str, Any]:
    """Send one message and record it; gives what the channel needs for the next one."""
    row, spoken = each.message, each.conversation
    notice = alerts.Notice.from_json(row.notice)
    handle: Mapping[str, Any] = spoken.handle if spoken else {}
    if spoken is not None and spoken.key:
        # The channel knows the incident by the key that it was first told of it under.
        notice = replace(notice, key=spoken.key, thread=spoken.thread)
    handle = handles.get(row.incident_id or 0, handle)
    message = alerts.render(notice, way.now())
    done = way.send(channel, message, way.resolve(channel.connection), row.key, handle)
    with way.ledger.write() as tx:
        outbox.record_sent(tx, row, way.now(), done.response_id, done.note)
        if row.incident_id is not None and not notice.is_for_the_supplier:
            conversations.keep_conversation(
                tx,
                row,
                key=notice.key,
                thread=notice.thread,
                handle=done.handle or handle,
                at=way.now(),
                is_over=notice.action == "resolve" or notice.numbers.get("still_open") == 0,
            )
    return done.handle or handle


def _put_off(way: _Way, row: Outgoing, error: WharfError) -> datetime | None:
    """Record a failure; gives when the message is tried again, None for never."""
    at = way.now()
    asked = error.retry_after if isinstance(error, ChannelError) else None
    pause = timedelta(seconds=asked) if asked is not None else alerts.back_off(row.attempts)
    over = isinstance(error, ChannelRefused) or at - row.queued_at > GIVES_UP_AFTER
    again_at = None if over else at + pause
    with way.ledger.write() as tx:
        if outbox.record_failed(tx, row, str(error), again_at) and over:
            note_failure(tx, row.channel, str(row.notice["env"]), str(error), at)
        if asked is not None:
            outbox.leave_alone(tx, row.channel, at + pause)
    return again_at
