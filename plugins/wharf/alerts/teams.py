"""Microsoft Teams: one Adaptive Card for each message, through a workflow's incoming webhook.

A workflow can post and can change nothing, so an incident's messages stand one below the other.
Whatever suppliers wrote stands in text runs, which Teams shows without reading any Markdown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wharf.alerts.fitting import cut, fit, json_bytes
from wharf.alerts.message import Message
from wharf.alerts.sending import Sent
from wharf.alerts.web import needs_password, post, secret_address, to_json
from wharf.contracts.alerts import Channel
from wharf.settings import Connection

# A message may have 28 KB, its envelope included, whether counted as UTF-8 or as UTF-16.
_LONGEST_BODY = 16_000
_LONGEST_SECTION = 9_000
_LONGEST_HEAD = 1_200
_LONGEST_LINKS = 3_000
_MOST_LINKS = 6
_STYLE = {"L0": "accent", "L1": "warning", "L2": "attention", "L3": "attention"}


def send_teams(
    channel: Channel,
    message: Message,
    connection: Connection,
    key: str,
    handle: Mapping[str, Any],
) -> Sent:
    """Post a card.

    Args:
        channel: Where it goes.
        message: What is said.
        connection: Its password is the workflow's address: who has it can post.
        key: Names the message.
        handle: Not used: a card cannot be changed.

    Raises:
        ChannelError: Teams cannot be reached, or says later.
        ChannelRefused: Teams refuses the card, or the address is wrong.
    """
    needs_password(channel, connection, "the address of the Teams workflow")
    address = secret_address(channel, connection)
    answer = post(channel, message, connection, address, to_json(card_of(message)), {})
    return Sent(answer.id_or(key), handle=dict(handle))


def card_of(message: Message) -> dict[str, Any]:
    """The card of a message, within the limit of Teams."""
    style = "good" if message.is_resolved else _STYLE.get(message.notice.level, "default")
    heading = {
        "type": "Container",
        "style": style,
        "bleed": True,
        "items": [
            _runs(cut(f"{message.head}: {message.what}", _LONGEST_HEAD, json_bytes), "Bolder")
        ],
    }
    body = [heading]
    for title, text in fit(message.sections, _LONGEST_BODY, _LONGEST_SECTION, json_bytes):
        if text:
            body += [_runs(title, "Lighter"), _runs(text)]
    content: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": cut(message.subject, 500, json_bytes),
        "msteams": {"width": "Full"},
        "body": body,
    }
    if actions := _actions(message):
        content["actions"] = actions
    kind = "application/vnd.microsoft.card.adaptive"
    attachment = {"contentType": kind, "contentUrl": None, "content": content}
    return {"type": "message", "attachments": [attachment]}


def _runs(text: str, weight: str = "Default") -> dict[str, Any]:
    run = {"type": "TextRun", "text": text, "weight": weight}
    return {"type": "RichTextBlock", "inlines": [run]}


def _actions(message: Message) -> list[dict[str, str]]:
    actions, room = [], _LONGEST_LINKS
    for link in message.links[:_MOST_LINKS]:
        room -= json_bytes(link.href)
        if room >= 0:
            title = cut(link.label, 100, json_bytes)
            actions.append({"type": "Action.OpenUrl", "title": title, "url": link.href})
    return actions
