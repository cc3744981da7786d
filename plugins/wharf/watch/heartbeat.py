"""Signs of life: of Airflow's components, which we watch, and ours, which somebody outside does."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime

from wharf.alerts import send_heartbeat
from wharf.errors import WharfError
from wharf.intake import Intake
from wharf.watch.own_troubles import note_components

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


def look_at_components(
    ctx: Intake, heartbeats: Callable[[], Mapping[str, datetime | None]], now: datetime
) -> list[str]:
    """Open or end incidents of Airflow's components; gives a line for each silent one.

    An API server that does not answer is the tick's own trouble: it says so itself.
    """
    if not ctx.settings.keeps_expectations:
        return []
    try:
        beats = heartbeats()
    except WharfError as error:
        log.warning("Airflow's components are not known: %s", error)
        return []
    return note_components(ctx.ledger, beats, ctx.settings.env, now)
