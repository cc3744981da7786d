"""What a channel would be sent, without sending it."""

from __future__ import annotations

import json

from wharf.alerts.message import Message
from wharf.contracts.alerts import Channel
from wharf.settings import Connection

SECRET = "(the connection's password)"


def preview(channel: Channel, message: Message, key: str) -> str:
    """The first message of an incident as a channel would get it: JSON, or a whole mail.

    Args:
        channel: Where it would go.
        message: What would be said.
        key: Names the message.

    Raises:
        ChannelRefused: The channel has no recipient.
    """
    if channel.kind == "smtp":
        from wharf.alerts.smtp import compose

        return compose(
            channel, message, Connection(channel.connection, "smtp"), key, {}
        ).as_string()
    return json.dumps(_payload(channel, message, key), indent=2, ensure_ascii=False)


def _payload(channel: Channel, message: Message, key: str) -> object:
    match channel.kind:
        case "slack":
            from wharf.alerts.slack import payload_of

            return {"channel": channel.channel, **payload_of(message)}
        case "pagerduty":
            from wharf.alerts.pagerduty import event_of

            return event_of(message, "trigger", SECRET)
        case "jsm":
            from wharf.alerts.jsm import alert_of

            return alert_of(channel, message, message.notice.key)
        case "teams":
            from wharf.alerts.teams import card_of

            return card_of(message)
        case "sns":
            from wharf.alerts.sns import publication

            return publication(message, channel.topic, key)
    if channel.shape == "alertmanager":
        from wharf.alerts.alertmanager import alerts_of

        return alerts_of(channel, message, {})
    return message.data
