"""Channels: handing a message over, and when to try again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from wharf.alerts.message import Message
from wharf.contracts.alerts import Channel, Routing
from wharf.errors import ChannelRefused
from wharf.settings import Connection

_TIMEOUT_S = 15.0
_FIRST_PAUSE = timedelta(seconds=30)
_LONGEST_PAUSE = timedelta(hours=1)


@dataclass(frozen=True)
class Sent:
    """A message that its channel accepted."""

    response_id: str
    note: str = ""
    """What did not go well all the same, such as one refused recipient of several."""


class Send(Protocol):
    """Hands one message to a channel of one kind."""

    def __call__(
        self, channel: Channel, message: Message, connection: Connection, key: str
    ) -> Sent:
        """See `send`."""
        ...


def _webhook() -> Send:
    from wharf.alerts.webhook import send_webhook

    return send_webhook


def _smtp() -> Send:
    from wharf.alerts.smtp import send_mail

    return send_mail


CHANNELS: dict[str, Callable[[], Send]] = {"webhook": _webhook, "smtp": _smtp}


def send(channel: Channel, message: Message, connection: Connection, key: str) -> Sent:
    """Hand a message to its channel.

    Args:
        channel: Where it goes.
        message: What is said.
        connection: The channel's credentials.
        key: Names this message; sent again under the same key it can be told for a repetition.

    Raises:
        ChannelError: It could not be handed over now; try again later.
        ChannelRefused: The channel will never take it as it is.
    """
    if channel.kind not in CHANNELS:
        raise unknown_channel(channel.kind, sorted(CHANNELS))
    return CHANNELS[channel.kind]()(channel, message, connection, key)


def route(routing: Routing, supplier: str, level: str) -> tuple[Channel, ...]:
    """The channels that hear of a supplier's incident of this level."""
    return tuple(channel for channel in routing.channels if channel.takes(supplier, level))


def back_off(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts: half a minute, doubling up to an hour."""
    doubled = _FIRST_PAUSE * (1 << min(max(attempts - 1, 0), 16))
    return min(doubled, _LONGEST_PAUSE)


def timeout_of(connection: Connection) -> float:
    """Seconds to wait for a channel's server: the connection's extra `timeout`, or 15.

    Raises:
        ChannelRefused: It is no number above 0.
    """
    given = str(connection.extra.get("timeout") or _TIMEOUT_S)
    seconds = float(given) if given.replace(".", "", 1).isdecimal() else 0.0
    if seconds <= 0:
        raise ChannelRefused(
            f"connection {connection.id!r}: timeout {given!r} is no number above 0"
        )
    return seconds


def unknown_channel(name: str, known: Iterable[str]) -> ChannelRefused:
    """The error for a message whose channel is not in `dags/alerts.yaml` any more."""
    choices = ", ".join(known) or "none yet"
    return ChannelRefused(f"no channel {name!r} in dags/alerts.yaml; channels there: {choices}")
