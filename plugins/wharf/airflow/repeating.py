"""Doing something several times within a run that Airflow starts once a minute."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from wharf.errors import WharfError

MINUTE = timedelta(minutes=1)
log = logging.getLogger(__name__)


def repeat_within(
    body: Callable[[datetime], object],
    *,
    every: timedelta,
    until: datetime,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
) -> int:
    """Call a body now, and again each `every` for as long as a call still begins before `until`.

    One failed call does not end the repetition: the next one comes in seconds.

    Args:
        body: Gets the instant at which it is called.
        every: From the begin of one call to the begin of the next.
        until: No call begins at or after this instant, the first one excepted.
        clock: The time.
        sleep: How to wait some seconds.

    Returns:
        How often the body was called.

    Raises:
        WharfError: The last call failed.
    """
    calls = 0
    while True:
        begun = clock()
        failed: WharfError | None = None
        try:
            log.info("%s", body(begun))
        except WharfError as error:
            log.warning("failed: %s", error)
            failed = error
        calls += 1
        again = max(begun + every, clock())
        if again >= until:
            if failed is not None:
                raise failed
            return calls
        sleep((again - clock()).total_seconds())
