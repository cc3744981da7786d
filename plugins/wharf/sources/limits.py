"""How much a supplier's side may send and how long it may take; a connection's extra sets them."""

from __future__ import annotations

from dataclasses import dataclass

from wharf.errors import SettingsError
from wharf.settings import Connection

DEFAULT_MAX_BYTES = 50 * 1024**3


@dataclass(frozen=True)
class Limits:
    """Bounds on one fetch."""

    max_bytes: int
    timeout: float
    """Seconds without a byte."""
    max_seconds: float
    """Seconds for one whole file."""


def read_limits(connection: Connection) -> Limits:
    """Read `max_bytes`, `timeout` and `max_seconds` of a connection's extra.

    Raises:
        SettingsError: One of them is not a number above 0.
    """
    return Limits(
        max_bytes=int(_above_zero(connection, "max_bytes", DEFAULT_MAX_BYTES)),
        timeout=_above_zero(connection, "timeout", 30),
        max_seconds=_above_zero(connection, "max_seconds", 3600),
    )


def _above_zero(connection: Connection, name: str, default: float) -> float:
    raw = connection.extra.get(name, default)
    try:
        value = float(str(raw))
    except ValueError:
        value = 0
    if not 0 < value < float("inf"):
        raise SettingsError(
            f"connection {connection.id!r}: `{name}` in extra is {raw!r}; write a number above 0"
        )
    return value
