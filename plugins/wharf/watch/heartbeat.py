"""The sign of life after a tick: who watches the watcher is outside of this installation."""

from __future__ import annotations

import logging

from wharf.alerts import send_heartbeat
from wharf.errors import WharfError
from wharf.intake import Intake

log = logging.getLogger(__name__)


def give_sign_of_life(ctx: Intake, problem: str = "") -> bool:
    """Ping the address of the heartbeat's connection, if this installation has one.

    A ping that fails is only noted: its watcher raises the alarm when pings stay away.

    Args:
        ctx: The installation.
        problem: What did not go well in the tick.

    Returns:
        Whether somebody took it.
    """
    settings = ctx.settings
    if not settings.heartbeat or not settings.sends_outside:
        return False
    try:
        send_heartbeat(ctx.resolve(settings.heartbeat), problem)
    except WharfError as error:
        log.warning("no sign of life was given: %s", error)
        return False
    return True
