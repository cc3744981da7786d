"""What is usual for a figure, and whether one is out of it. Pure, and hard to fool.

A figure is unusual when it is far from what came before it, counted in how far that was apart, and
its step from the last one is as well: what grows every day is not unusual for being the largest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

REACH = 4.0
"""So many times the usual distance beyond the outer 5 % on a side."""
OUTER = 0.05


@dataclass(frozen=True)
class Band:
    """The usual range of a figure, and the limits beyond which it is unusual."""

    low: float
    high: float
    least: float
    most: float

    def holds(self, value: float) -> bool:
        """Whether a figure is within the limits."""
        return self.least <= value <= self.most


def band(values: Sequence[float], floor: float) -> Band:
    """The band of what came before.

    Args:
        values: At least one, in any order.
        floor: A distance that means nothing, however steady the figure was.
    """
    ordered = sorted(values)
    low, middle, high = (_quantile(ordered, share) for share in (OUTER, 0.5, 1 - OUTER))
    below, above = max(middle - low, floor), max(high - middle, floor)
    return Band(low, high, low - REACH * below, high + REACH * above)


def unusual(values: Sequence[float], value: float, floor: float, *, grows: bool) -> Band | None:
    """The band that a figure is out of; None when it is usual.

    Args:
        values: What came before, oldest first.
        value: What came now.
        floor: A distance that means nothing.
        grows: Whether the figure may grow or shrink steadily; then its step counts too.
    """
    level = band(values, floor)
    if level.holds(value):
        return None
    if grows and len(values) > 1:
        steps = [later - earlier for earlier, later in pairwise(values)]
        if band(steps, floor).holds(value - values[-1]):
            return None
    return level


def _quantile(ordered: Sequence[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
