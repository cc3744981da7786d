"""Quantiles of spans of time, robust against single wild values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta


def quantile(spans: Iterable[timedelta], share: float) -> timedelta | None:
    """The span that a share of all spans do not exceed, between neighbours in proportion.

    Args:
        spans: In any order.
        share: From 0 (the shortest) to 1 (the longest).

    Returns:
        None when there are no spans.
    """
    return quantile_of_sorted(sorted(spans), share)


def quantile_of_sorted(ordered: Sequence[timedelta], share: float) -> timedelta | None:
    """The same of spans that are sorted already."""
    if not ordered:
        return None
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def spread(spans: Sequence[timedelta]) -> timedelta | None:
    """The median distance from the median (MAD); None when there are no spans."""
    middle = quantile(spans, 0.5)
    if middle is None:
        return None
    return quantile((abs(each - middle) for each in spans), 0.5)
