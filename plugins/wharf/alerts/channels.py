"""Channels: handing a message over, and when to try again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Protocol

from wharf.alerts.message import Message
from wharf.alerts.sending import Sent
from wharf.contracts.alerts import Channel, Routing, news_of
from wharf.errors import ChannelRefused
from wharf.settings import Connection

_FIRST_PAUSE = timedelta(seconds=30)
_LONGEST_PAUSE = timedelta(hours=1)
NOTHING_SENT: Mapping[str, Any] = MappingProxyType({})


class Send(Protocol):
    """Hands one message to its channel, as `send` does."""

    def __call__(
        self,
        channel: Channel,
        message: Message,
        connection: Connection,
        key: str,
        handle: Mapping[str, Any],
    ) -> Sent:
        """See `send`."""
        ...


@dataclass(frozen=True)
class Abilities:
    """What a kind of channel can do, for those who decide what to send."""

    can_update: bool
    """Whether a message already sent changes with its incident."""
    has_idempotency_key: bool
    """Whether a message sent twice is told for one."""
    repeats_itself: bool
    """Whether it reminds people by itself: repetitions are not sent there."""


def _webhook() -> Send:
    from wharf.alerts.webhook import send_webhook

    return send_webhook


def _smtp() -> Send:
    from wharf.alerts.smtp import send_mail

    return send_mail


def _slack() -> Send:
    from wharf.alerts.slack import send_slack

    return send_slack


def _pagerduty() -> Send:
    from wharf.alerts.pagerduty import send_pagerduty

    return send_pagerduty


def _jsm() -> Send:
    from wharf.alerts.jsm import send_jsm

    return send_jsm


def _sns() -> Send:
    from wharf.alerts.sns import send_sns

    return send_sns


def _teams() -> Send:
    from wharf.alerts.teams import send_teams

    return send_teams


CHANNELS: dict[str, Callable[[], Send]] = {
    "jsm": _jsm,
    "pagerduty": _pagerduty,
    "slack": _slack,
    "smtp": _smtp,
    "sns": _sns,
    "teams": _teams,
    "webhook": _webhook,
}
_ABILITIES = {
    "jsm": Abilities(can_update=True, has_idempotency_key=True, repeats_itself=True),
    "pagerduty": Abilities(can_update=True, has_idempotency_key=True, repeats_itself=True),
    "slack": Abilities(can_update=True, has_idempotency_key=False, repeats_itself=False),
    "smtp": Abilities(can_update=False, has_idempotency_key=False, repeats_itself=False),
    "sns": Abilities(can_update=False, has_idempotency_key=True, repeats_itself=False),
    "teams": Abilities(can_update=False, has_idempotency_key=False, repeats_itself=False),
    "webhook": Abilities(can_update=False, has_idempotency_key=True, repeats_itself=False),
}


def abilities(channel: Channel) -> Abilities:
    """What a channel can do."""
    found = _ABILITIES[channel.kind]
    if channel.kind == "sns":
        # Only a FIFO topic drops what it had before.
        return replace(found, has_idempotency_key=channel.topic.endswith(".fifo"))
    return found


def send(
    channel: Channel,
    message: Message,
    connection: Connection,
    key: str,
    handle: Mapping[str, Any] = NOTHING_SENT,
) -> Sent:
    """Hand a message to its channel.

    Args:
        channel: Where it goes.
        message: What is said.
        connection: The channel's credentials.
        key: Names this message; sent again under the same key it can be told for a repetition.
        handle: What the last message about this incident through this channel gave back; empty
            for the first.

    Raises:
        ChannelError: It could not be handed over now; try again later.
        ChannelRefused: The channel will never take it as it is.
    """
    if channel.kind not in CHANNELS:
        raise unknown_channel(channel.kind, sorted(CHANNELS))
    return CHANNELS[channel.kind]()(channel, message, connection, key, handle)


def route(
    routing: Routing, supplier: str, level: str, feed: str = "", kind: str = "late"
) -> tuple[Channel, ...]:
    """The channels that hear of something; see `Channel.takes`.

    Args:
        routing: All channels.
        supplier: Whom it is about; what is about none and has no channel of its own goes to every
            channel that hears such news, so that somebody learns of it.
        level: How loud it is.
        feed: What it is about; empty where it is about no single one.
        kind: The incident's kind.
    """
    news = news_of(kind)
    found = tuple(each for each in routing.channels if each.takes(supplier, level, feed, news))
    if found or supplier:
        return found
    return tuple(each for each in routing.channels if level >= each.min_level and news in each.news)


def back_off(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts: half a minute, doubling up to an hour."""
    doubled = _FIRST_PAUSE * (1 << min(max(attempts - 1, 0), 16))
    return min(doubled, _LONGEST_PAUSE)


def unknown_channel(name: str, known: Iterable[str]) -> ChannelRefused:
    """The error for a message whose channel is not in `dags/alerts.yaml` any more."""
    choices = ", ".join(known) or "none yet"
    return ChannelRefused(f"no channel {name!r} in dags/alerts.yaml; channels there: {choices}")
