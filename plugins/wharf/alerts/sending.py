"""What every way of sending shares: what was accepted, how long to wait, and how far to reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from wharf.alerts.message import Message
from wharf.contracts.alerts import Channel
from wharf.errors import ChannelRefused
from wharf.settings import Connection

_TIMEOUT_S = 15.0


@dataclass(frozen=True)
class Sent:
    """A message that its channel accepted."""

    response_id: str
    note: str = ""
    """What did not go well all the same, such as one refused recipient of several."""
    handle: Mapping[str, Any] = field(default_factory=dict)
    """What the channel needs to go on with this incident; keep it and give it back next time."""


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


def check_reach(channel: Channel, message: Message, host: str) -> None:
    """Refuse to leave this machine from anywhere but production.

    Raises:
        ChannelRefused: The environment is not `prod`, and the host is another machine.
    """
    env = message.notice.env
    if env != "prod" and not is_this_machine(host):
        raise ChannelRefused(
            f"channel {channel.name!r}: only prod sends outside, and this is {env!r}; "
            "let its connection lead to a receiver on this machine"
        )


def is_this_machine(host: str) -> bool:
    """Whether a host's name or address is the machine itself."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
