"""Creep: a feed that comes later and later, or earlier, long before it breaks its promise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from itertools import takewhile

from wharf.timeliness.learned import MIN_N, WINDOW, PastArrival, eligible
from wharf.timeliness.quantiles import quantile, spread

PERIODS = 5
LEAST = timedelta(minutes=10)


@dataclass(frozen=True)
class Creep:
    """How far the usual arrival moved."""

    was: timedelta
    """Median from due to arrival, in the older half of what counts."""
    now: timedelta
    """The same of the last five deliveries."""
    since: str
    """From which period on every delivery came so."""
    n: int
    """How many deliveries `was` was learned from."""

    @property
    def moved(self) -> timedelta:
        """Positive is later."""
        return self.now - self.was


def creep(history: Iterable[PastArrival], window: int = WINDOW, min_n: int = MIN_N) -> Creep | None:
    """Whether the last five deliveries all came further from the usual time than it ever varied.

    They are compared with the older half of the window, not with all of it: what moves a little
    every day drags a running median along and would never be told.

    Args:
        history: Past deliveries in any order.
        window: How many of the newest eligible ones count.
        min_n: How many the older half has at least.

    Returns:
        None when nothing moved by more than ten minutes and three times its spread.
    """
    known = eligible(history, min_n)[-window:]
    older = known[: max(len(known) // 2, min_n)]
    newest = known[-PERIODS:]
    if len(older) < min_n or len(older) + PERIODS > len(known):
        return None
    spans = [each.after_due for each in older]
    was, mad = quantile(spans, 0.5), spread(spans)
    now = quantile((each.after_due for each in newest), 0.5)
    assert was is not None
    assert mad is not None
    assert now is not None
    limit = max(LEAST, 3 * mad)
    sign = 1 if now > was else -1
    moved = list(takewhile(lambda e: sign * (e.after_due - was) > limit, reversed(known)))
    return Creep(was, now, moved[-1].period, len(older)) if len(moved) >= PERIODS else None


def creep_text(feed: str, found: Creep) -> str:
    """One line for a digest."""
    minutes = round(abs(found.moved) / timedelta(minutes=1))
    way = "later" if found.moved > timedelta(0) else "earlier"
    hours, rest = divmod(minutes, 60)
    span = f"{hours} h {rest} min" if hours else f"{rest} min"
    return f"{feed} comes {span} {way} than it used to, since {found.since}"
