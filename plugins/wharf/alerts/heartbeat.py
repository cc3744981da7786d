"""A sign of life to somebody outside, who raises the alarm when it stays away."""

from __future__ import annotations

from wharf.errors import ChannelError
from wharf.settings import Connection

_TIMEOUT_S = 5.0
_LONGEST_NOTE = 10_000


def send_heartbeat(connection: Connection, problem: str = "") -> None:
    """Tell a watching service that a tick ended, in the manner of healthchecks.io.

    Args:
        connection: Its host is the whole address to ping; `/fail` is added where a tick had
            trouble, and what the trouble was is the body.
        problem: What did not go well; empty when all did.

    Raises:
        ChannelError: The service did not take it.
    """
    import httpx

    where = f"the heartbeat's connection {connection.id!r}"
    address = connection.host.rstrip("/") + ("/fail" if problem else "")
    try:
        answer = httpx.post(
            address,
            content=problem[:_LONGEST_NOTE].encode(errors="replace"),
            timeout=_TIMEOUT_S,
            trust_env=False,
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ChannelError(f"{where} cannot be reached: {type(error).__name__}") from error
    if not answer.is_success:
        raise ChannelError(f"{where} answered {answer.status_code}")
