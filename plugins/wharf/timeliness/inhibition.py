"""Inhibition: when what we see is our own doing, said once instead of for each feed behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

BLIND_AFTER = timedelta(minutes=10)
GOOD_LOOKS = 2
"""So many good looks in a row end the trouble with a connection."""
LONGEST_PAUSE = timedelta(minutes=10)
"""Ticks further apart than this leave a gap in which nobody watched."""
CATCHES_UP_FOR = timedelta(minutes=15)
FRESH = timedelta(minutes=2)
"""What happened this shortly before watching began again is news like any other."""


@dataclass(frozen=True)
class Looks:
    """How the last looks at one connection went."""

    connection: str
    last_at: datetime
    failing_since: datetime | None = None
    """When the first look failed after the last good one; None while looks are good."""
    error: str = ""
    good_in_a_row: int = 0

    def is_blind(self, look_every: timedelta) -> bool:
        """Whether looks fail for longer than two looks and ten minutes."""
        if self.failing_since is None:
            return False
        return self.last_at - self.failing_since > max(2 * look_every, BLIND_AFTER)


@dataclass(frozen=True)
class Trouble:
    """Connections of one host that cannot be looked at."""

    host: str
    """The host, or the connection itself where it names none."""
    connections: tuple[str, ...]
    since: datetime
    error: str = ""


def troubles(
    looks: Iterable[Looks],
    hosts: Mapping[str, str],
    standing: Mapping[str, Trouble],
    look_every: timedelta,
) -> tuple[dict[str, Trouble], dict[str, Trouble]]:
    """Which hosts are in trouble now, and which are over it.

    Args:
        looks: How the last looks went, of each connection that has feeds.
        hosts: Host of each connection; one without is its own host.
        standing: The troubles told of, by host.
        look_every: Time between two looks.

    Returns:
        The troubles that are new or have grown, and those that are over, by host.
    """
    by_host: dict[str, list[Looks]] = {}
    for each in looks:
        by_host.setdefault(hosts.get(each.connection) or each.connection, []).append(each)
    now: dict[str, Trouble] = {}
    over: dict[str, Trouble] = {}
    for host in sorted({*by_host, *standing}):
        here, known = by_host.get(host, []), standing.get(host)
        before = set(known.connections) if known else set()
        failing = [each for each in here if each.failing_since is not None]
        still_bad = any(
            each.good_in_a_row < GOOD_LOOKS for each in here if each.connection in before
        )
        if known is not None and not still_bad and not failing:
            over[host] = known
        elif any(each.is_blind(look_every) for each in failing):
            names = tuple(sorted(before | {each.connection for each in failing}))
            if known is None or set(names) != before:
                now[host] = _trouble(host, names, failing, known)
    return now, over


def unwatched_until(ticks: Sequence[datetime], now: datetime, *, is_first: bool) -> datetime | None:
    """Until when nobody evaluated, if watching began again a moment ago.

    Args:
        ticks: When ticks were, oldest first: all of the last quarter of an hour and one before.
        now: The instant of the present one.
        is_first: Whether no tick was before these.

    Returns:
        None when there was no gap, or when it is long over.
    """
    again = [later for earlier, later in pairwise((*ticks, now)) if later - earlier > LONGEST_PAUSE]
    if is_first:
        again.append((*ticks, now)[0])
    recent = [at for at in again if now - at <= CATCHES_UP_FOR]
    return max(recent) - FRESH if recent else None


def _trouble(
    host: str, names: tuple[str, ...], failing: Sequence[Looks], known: Trouble | None
) -> Trouble:
    since = min(each.failing_since or each.last_at for each in failing)
    error = max(failing, key=lambda each: (each.last_at, each.connection)).error
    return Trouble(host, names, min(since, known.since) if known else since, error)
