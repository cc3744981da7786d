"""Alertmanager's shape (API v2): its grouping, silences and routes can be used for our incidents.

An alert is known by its labels, so a change of severity closes the alert under the old labels and
opens one under the new. Alertmanager forgets what is not told again; every alert therefore carries
an end of its own, which each later message and each repetition moves on.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from wharf.alerts.message import SEVERITY, Message
from wharf.alerts.safe_text import one_line
from wharf.contracts.alerts import Channel

PATH = "/api/v2/alerts"
_SHORTEST_LIFE = timedelta(days=1)
_LIFE_WITHOUT_REPEATS = timedelta(days=7)
_LIFE_OF_OTHER_NEWS = timedelta(hours=1)
_LONGEST_LABEL = 500


def alerts_of(
    channel: Channel, message: Message, handle: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The alerts to post: the one that stands now, and the end of one that was told before."""
    labels = _labels(message)
    starts = str(handle.get("starts_at") or _say(message.at))
    before = handle.get("labels")
    found = []
    if before and before != labels:
        found.append(_alert(message, before, starts, _end(message, starts)))
        starts = _say(message.at)
    if message.is_resolved:
        return [*found, _alert(message, labels, starts, _end(message, starts))]
    life = _life(channel) if message.notice.is_about_a_delivery else _LIFE_OF_OTHER_NEWS
    return [*found, _alert(message, labels, starts, _say(message.at + life))]


def next_handle(message: Message, handle: Mapping[str, Any]) -> dict[str, Any]:
    """What the next message about the incident has to know."""
    labels = _labels(message)
    goes_on = handle.get("labels") == labels and handle.get("starts_at")
    return {
        "labels": labels,
        "starts_at": handle["starts_at"] if goes_on else _say(message.at),
    }


def _alert(message: Message, labels: Mapping[str, str], starts: str, ends: str) -> dict[str, Any]:
    link = next((link.href for link in message.links), "")
    told = {"summary": message.what, "description": message.text}
    return {
        "labels": dict(labels),
        "annotations": {name: text for name, text in told.items() if text},
        "startsAt": starts,
        "endsAt": ends,
        **({"generatorURL": link} if link else {}),
    }


def _labels(message: Message) -> dict[str, str]:
    notice = message.notice
    told = {
        "alertname": f"Wharf{notice.kind.title()}",
        "env": notice.env,
        "supplier": notice.supplier,
        "feed": notice.feed,
        "period": notice.period,
        "key": notice.key,
        "level": notice.level,
        "severity": SEVERITY.get(notice.level, "info"),
    }
    return {name: one_line(text, _LONGEST_LABEL) for name, text in told.items() if text.strip()}


def _life(channel: Channel) -> timedelta:
    return max(_SHORTEST_LIFE, 3 * channel.repeat) if channel.repeat else _LIFE_WITHOUT_REPEATS


def _end(message: Message, starts: str) -> str:
    return max(_say(message.at), starts)


def _say(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
