"""PagerDuty: Events API v2, one PagerDuty incident for each of ours."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from wharf.alerts.fitting import cut, fit, json_bytes
from wharf.alerts.message import SEVERITY, Message
from wharf.alerts.safe_text import one_line
from wharf.alerts.sending import Sent
from wharf.alerts.web import address_of, needs_password, post, to_json
from wharf.contracts.alerts import Channel
from wharf.settings import Connection

API = "https://events.pagerduty.com"
_LONGEST_SUMMARY = 1_000
_LONGEST_FIELD = 255
# The whole event may have 512 KB.
_LONGEST_DETAILS = 100_000
_MOST_LINKS = 10
_ACTIONS = {"resolve": "resolve", "ack": "acknowledge"}


def send_pagerduty(
    channel: Channel,
    message: Message,
    connection: Connection,
    key: str,
    handle: Mapping[str, Any],
) -> Sent:
    """Trigger, acknowledge or resolve; a falling level is a trigger of lower severity.

    Args:
        channel: Where it goes.
        message: What is said; its notice's key is the deduplication key.
        connection: Its password is the integration (routing) key; its host is PagerDuty's unless it
            names another, such as events.eu.pagerduty.com.
        key: Names the message.
        handle: The routing key that the incident was opened with: only the same one can resolve it.

    Raises:
        ChannelError: PagerDuty cannot be reached, or says later.
        ChannelRefused: PagerDuty says the event is wrong.
    """
    fresh = needs_password(channel, connection, "the integration key of PagerDuty's Events API v2")
    routing_key = str(handle.get("routing_key") or fresh)
    address = address_of(channel, connection, "/v2/enqueue", API)
    actions = [_ACTIONS.get(message.notice.action, "trigger")]
    if message.notice.action == "test":
        # What only asks whether the channel works leaves no open incident behind.
        actions = ["trigger", "resolve"]
    for action in actions:
        content = to_json(event_of(message, action, routing_key))
        answer = post(channel, message, connection, address, content, {})
    told = one_line(answer.json().get("dedup_key") or key, 200)
    return Sent(told, handle={"routing_key": routing_key})


def event_of(message: Message, action: str, routing_key: str) -> dict[str, Any]:
    """The event of a message, within PagerDuty's limits."""
    notice = message.notice
    event: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": action,
        "dedup_key": cut(notice.key, _LONGEST_FIELD),
    }
    if action != "trigger":
        return event
    links = [{"href": link.href, "text": cut(link.label, 100)} for link in message.links]
    told = {
        "group": notice.supplier,
        "component": notice.feed or notice.supplier,
        "class": notice.kind,
    }
    event["payload"] = {
        "summary": cut(message.subject, _LONGEST_SUMMARY),
        "source": cut(f"wharf {notice.env}", _LONGEST_FIELD),
        "severity": SEVERITY.get(notice.level, "info"),
        "timestamp": message.at.astimezone(UTC).isoformat(timespec="milliseconds"),
        **{name: cut(one_line(text), _LONGEST_FIELD) for name, text in told.items() if text},
        "custom_details": dict(
            fit(message.sections, _LONGEST_DETAILS, _LONGEST_DETAILS, json_bytes)
        ),
    }
    event["client"] = "wharf"
    if links:
        event |= {"client_url": links[0]["href"], "links": links[:_MOST_LINKS]}
    return event
