"""Slack: one message for each incident, recoloured as it goes on, with the news in its thread.

Whatever suppliers wrote stands in `plain_text` objects, where Slack reads no markup and no
mentions; the one line outside them is escaped. Slack knows no idempotency key: a message sent again
after a lost answer stands there twice.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

from wharf.alerts.fitting import cut, fit, utf16
from wharf.alerts.message import Message, Section
from wharf.alerts.notice import Link
from wharf.alerts.safe_text import one_line, web_address
from wharf.alerts.sending import Sent
from wharf.alerts.web import address_of, needs_password, post, secret_address, to_json
from wharf.contracts.alerts import Channel
from wharf.errors import ChannelError, ChannelRefused
from wharf.settings import Connection

API = "https://slack.com"
WEBHOOKS = "https://hooks.slack.com/services"
# Slack says 3,000 for a section, and for all blocks together nothing: 9,597 characters were taken
# and 11,341 were not.
_LONGEST_SECTION = 2_900
_LONGEST_BLOCKS = 7_000
_LONGEST_TEXT = 600
_LONGEST_LINK = 500
_MOST_LINKS = 5
_LATER = {
    "fatal_error", "internal_error", "message_limit_exceeded", "rate_limited", "ratelimited",
    "request_timeout", "service_unavailable", "team_added_to_org",
}  # fmt: skip
_GONE = {
    "cant_update_message", "edit_window_closed", "message_not_found", "thread_not_found",
}  # fmt: skip
_SECTIONS_OF_A_REPLY = {"What", "How late", "What happens by itself"}


class _MessageGone(ChannelRefused):
    """The message that should change was deleted, or may not be changed any more."""


def send_slack(
    channel: Channel,
    message: Message,
    connection: Connection,
    key: str,
    handle: Mapping[str, Any],
) -> Sent:
    """Post a message, or go on with the one that the handle names.

    Args:
        channel: Its `channel`, or else the connection's extra `channel`, is where to post.
        message: What is said.
        connection: Its password is a bot token (`xoxb-...`), or an incoming webhook's address; what
            goes to a webhook can never be changed and has no thread.
        key: Names the message.
        handle: `channel` and `ts` of the incident's message.

    Raises:
        ChannelError: Slack cannot be reached, or says later.
        ChannelRefused: Slack says no; the message names its reason.
    """
    secret = needs_password(channel, connection, "a bot token or an incoming webhook's address")
    if not secret.startswith("xox"):
        address = secret_address(channel, connection, WEBHOOKS)
        answer = post(channel, message, connection, address, to_json(payload_of(message)), {})
        return Sent(answer.id_or(key))
    if not handle.get("ts"):
        return _open(channel, message, connection)
    try:
        return _go_on(channel, message, connection, handle)
    except _MessageGone:
        return _open(channel, message, connection)


def escape(text: str) -> str:
    """A text that Slack shows as it is: without mentions, links or entities."""
    return html.escape(text, quote=False)


def _open(channel: Channel, message: Message, connection: Connection) -> Sent:
    where = channel.channel or str(connection.extra.get("channel") or "")
    if not where:
        raise ChannelRefused(
            f"channel {channel.name!r} names no Slack channel; set `channel` in dags/alerts.yaml"
        )
    content = {"channel": where, **payload_of(message)}
    told = _call(channel, message, connection, "chat.postMessage", content)
    place = {"channel": str(told.get("channel") or where), "ts": str(told.get("ts") or "")}
    return Sent(one_line(place["ts"], 100), handle=place)


def _go_on(
    channel: Channel, message: Message, connection: Connection, handle: Mapping[str, Any]
) -> Sent:
    place = {"channel": str(handle["channel"]), "ts": str(handle["ts"])}
    action = message.notice.action
    if action != "repeat":
        # First what may be done twice without harm, so that a retry repeats no news.
        content = {**place, **payload_of(message)}
        _call(channel, message, connection, "chat.update", content)
    reply = {
        "channel": place["channel"],
        "thread_ts": place["ts"],
        "reply_broadcast": action == "raise",
        **payload_of(message, _SECTIONS_OF_A_REPLY if action != "repeat" else None),
    }
    told = _call(channel, message, connection, "chat.postMessage", reply)
    return Sent(one_line(told.get("ts") or place["ts"], 100), handle=place)


def _call(
    channel: Channel,
    message: Message,
    connection: Connection,
    method: str,
    content: Mapping[str, Any],
) -> Mapping[str, Any]:
    address = address_of(channel, connection, f"/api/{method}", API)
    headers = {
        "Authorization": f"Bearer {connection.password}",
        "Content-Type": "application/json; charset=utf-8",
    }
    answer = post(channel, message, connection, address, to_json(content), headers).json()
    if answer.get("ok") is True:
        return answer
    reason = one_line(answer.get("error") or "no JSON", 100)
    told = f"channel {channel.name!r}: Slack's {method} says {reason}"
    if reason in _LATER or not answer:
        raise ChannelError(told)
    if reason in _GONE:
        raise _MessageGone(told)
    raise ChannelRefused(told)


def payload_of(message: Message, only: set[str] | None = None) -> dict[str, Any]:
    """A message, or some sections of it, as Slack takes them."""
    sections = [each for each in message.sections if only is None or each.title in only]
    line = escape(cut(f"{message.head}: {message.what}", _LONGEST_TEXT, _size_escaped))
    return {
        "text": line,
        "attachments": [
            {"color": message.colour, "fallback": line, "blocks": list(_blocks(sections))}
        ],
        "mrkdwn": False,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _blocks(sections: Sequence[Section]) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    links = [link for section in sections for link in section.links]
    for title, text in fit(sections, _LONGEST_BLOCKS, _LONGEST_SECTION):
        linked = _linked(links) if title == "What you can do" or len(sections) == 1 else ""
        if not text and not linked:
            continue
        blocks.append({"type": "context", "elements": [_plain(title)]})
        if text:
            blocks.append({"type": "section", "text": _plain(text)})
        if linked:
            mrkdwn = {"type": "mrkdwn", "text": linked, "verbatim": True}
            blocks.append({"type": "section", "text": mrkdwn})
    return blocks


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _linked(links: Sequence[Link]) -> str:
    usable = [(web_address(link.href), link.label) for link in links]
    written = [f"<{escape(href)}|{_label(label)}>" for href, label in usable if href]
    return " · ".join([each for each in written if utf16(each) <= _LONGEST_LINK][:_MOST_LINKS])


def _label(label: str) -> str:
    plain = re.sub(r"[|*_~`]", " ", one_line(label)).strip()
    return escape(cut(plain, 60) or "open")


def _size_escaped(text: str) -> int:
    return utf16(escape(text))
