"""JSM Operations, and Opsgenie, whose payload it took over: alerts known by their alias.

The interface opens, acknowledges, annotates and closes alerts and cannot change a priority. A
raised level therefore opens a second alert under an alias of its own before the first is closed:
people are called again, and never is none open. A lowered level is told on the open alert.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from wharf.alerts.fitting import cut, fit, utf16
from wharf.alerts.message import Message
from wharf.alerts.safe_text import one_line
from wharf.alerts.sending import Sent
from wharf.alerts.web import address_of, needs_password, post, to_json
from wharf.contracts.alerts import Channel
from wharf.settings import Connection

API = "https://api.atlassian.com/jsm/ops/integration"
PRIORITY = {"L0": "P5", "L1": "P4", "L2": "P2", "L3": "P1"}
_LONGEST_MESSAGE = 130
_LONGEST_ALIAS = 512
_LONGEST_DESCRIPTION = 14_000
_LONGEST_SECTION = 9_000
_LONGEST_NOTE = 10_000
_LONGEST_TAG = 50
_LONGEST_FIELD = 100
_MOST_RESPONDERS = 50


def send_jsm(
    channel: Channel,
    message: Message,
    connection: Connection,
    key: str,
    handle: Mapping[str, Any],
) -> Sent:
    """Open, annotate, acknowledge or close an alert.

    Args:
        channel: Its `responders` are the teams to call.
        message: What is said; its notice's key is the alias.
        connection: Its password is the API key of the integration; its host is JSM's unless it
            names another, such as https://api.opsgenie.com.
        key: Names the message.
        handle: The alias under which the alert stands now, and the one still to be closed.

    Raises:
        ChannelError: The server cannot be reached, or says later.
        ChannelRefused: The server refuses the message.
    """
    desk = _Desk(channel, message, connection, key)
    own = cut(message.notice.key, _LONGEST_ALIAS - 10)
    alias = str(handle.get("alias") or own)
    match message.notice.action:
        case "resolve":
            return Sent(desk.act(alias, "close"), handle={"alias": alias})
        case "ack":
            return Sent(desk.act(alias, "acknowledge"), handle={"alias": alias})
        case "test":
            desk.create(alias)
            return Sent(desk.act(alias, "close"), handle={"alias": alias})
        case "raise" if handle.get("alias"):
            louder = f"{own}:{message.notice.level}"
            told = desk.create(louder)
            if louder != alias:
                desk.act(alias, "close")
            return Sent(told, handle={"alias": louder})
        case "update" | "lower" if handle.get("alias"):
            return Sent(desk.act(alias, "notes"), handle={"alias": alias})
    return Sent(desk.create(alias), handle={"alias": alias})


def alert_of(channel: Channel, message: Message, alias: str) -> dict[str, Any]:
    """The alert of a message, within the documented limits."""
    notice = message.notice
    tags = ["wharf", notice.env, notice.kind, notice.level, notice.supplier]
    teams = [{"type": "team", "name": name} for name in channel.responders[:_MOST_RESPONDERS]]
    details = {
        "feed": notice.feed,
        "period": notice.period,
        "supplier": notice.supplier,
        "key": notice.key,
        **{cut(link.label, 50): link.href for link in message.links[:5]},
    }
    return {
        "message": cut(f"{message.head}: {message.what}", _LONGEST_MESSAGE),
        "alias": alias,
        "description": _description(message),
        "priority": PRIORITY.get(notice.level, "P5"),
        "source": cut(f"wharf {notice.env}", _LONGEST_FIELD),
        "entity": cut(one_line(notice.feed or notice.supplier or "wharf"), _LONGEST_FIELD),
        "tags": [cut(one_line(tag), _LONGEST_TAG) for tag in dict.fromkeys(tags) if tag.strip()],
        "details": {name: cut(one_line(text), 1_000) for name, text in details.items() if text},
        **({"responders": teams} if teams else {}),
    }


class _Desk:
    """One server's alerts, for one message."""

    def __init__(
        self, channel: Channel, message: Message, connection: Connection, key: str
    ) -> None:
        secret = needs_password(channel, connection, "the API key of a JSM or Opsgenie integration")
        self._headers = {"Authorization": f"GenieKey {secret}"}
        self._call = (channel, message, connection)
        self._key = key

    def create(self, alias: str) -> str:
        """Open an alert, or count it once more where it is open; gives the request's id."""
        channel, message, _ = self._call
        return self._post("/v2/alerts", alert_of(channel, message, alias))

    def act(self, alias: str, verb: str) -> str:
        """Close, acknowledge or annotate an alert; gives the request's id."""
        _, message, _ = self._call
        note = cut(f"{message.head}: {message.what}\n\n{message.text}", _LONGEST_NOTE, _escaped)
        content = {"note": html.escape(note, quote=False), "source": "wharf", "user": "wharf"}
        return self._post(f"/v2/alerts/{quote(alias, safe='')}/{verb}", content, "alias")

    def _post(self, path: str, content: Mapping[str, Any], identifier: str = "") -> str:
        channel, message, connection = self._call
        address = address_of(channel, connection, "", API)
        # The alias is part of the path: it must stay quoted.
        raw = address.raw_path.decode().rstrip("/") + path
        query = f"?identifierType={identifier}" if identifier else ""
        address = address.copy_with(raw_path=(raw + query).encode())
        answer = post(channel, message, connection, address, to_json(content), self._headers)
        return one_line(answer.json().get("requestId") or answer.id_or(self._key), 200)


def _description(message: Message) -> str:
    told = fit(message.sections, _LONGEST_DESCRIPTION, _LONGEST_SECTION, _escaped)
    # JSM shows a description as HTML.
    return "\n\n".join(f"{title}\n{html.escape(text, quote=False)}" for title, text in told)


def _escaped(text: str) -> int:
    return utf16(html.escape(text, quote=False))
