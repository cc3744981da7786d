"""Levels: how loud a delivery that is late or held back may get, from what its consumers need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from wharf.contracts import Period, Product
from wharf.timeliness.calendars import OpenDays
from wharf.timeliness.facts import State
from wharf.timeliness.points import ClockPoints, product_points

Level = Literal["L0", "L1", "L2", "L3"]

LEAD = timedelta(minutes=60)


@dataclass(frozen=True)
class Need:
    """When one product needs the delivery, and whether it can do without."""

    product: str
    tier: int
    decide_at: datetime
    has_fallback: bool = False
    period: str = ""
    """The product's own period."""


@dataclass(frozen=True)
class Row:
    """One expected delivery as incidents see it."""

    feed: str
    period: str
    supplier: str
    points: ClockPoints
    state: State
    notifies: bool = True
    """False for trial feeds and periods outside the promise."""
    needs: tuple[Need, ...] = ()
    floor: Level = "L0"
    tz: str = "UTC"
    connection: str = ""
    """Where its source is looked at."""
    groups: bool = True
    """Whether it may be told of together with other feeds of its supplier."""
    streak: int = 1
    """How many periods in a row are late, with this one."""
    missed: int = 0
    """How many of those never came."""
    page_after_streak: int | None = None
    usual: str = ""
    """When it usually comes, in words."""


def level_of(row: Row, now: datetime) -> Level:
    """How loud a delivery may get; one that no product reads never pages.

    L1 tells; L2 when a tier-1 product decides without it within the hour and cannot do without,
    or when so many periods in a row are late as the contract names; L3 when such a product's
    decision has passed, or the delivery is missing for a tier-1 product.
    """
    if not row.needs:
        return "L1"
    levels: list[Level] = ["L1", row.floor, *(level for at, level in _claims(row) if at <= now)]
    if row.page_after_streak is not None and row.streak >= row.page_after_streak:
        levels.append("L2")
    if row.state.timeliness == "MISSING" and any(need.tier == 1 for need in row.needs):
        levels.append("L3")
    return max(levels)


def level_since(row: Row, level: Level, now: datetime) -> datetime | None:
    """When the clock alone raised a delivery to a level; None where it was something else."""
    return min((at for at, each in _claims(row) if each >= level and at <= now), default=None)


def next_level_change(row: Row, now: datetime) -> datetime | None:
    """The next instant at which a level may rise with the clock alone."""
    instants = [at for need in row.needs for at in (need.decide_at - LEAD, need.decide_at)]
    return min((at for at in instants if at > now), default=None)


def need_of(product: Product, period: Period, days: OpenDays, *, has_fallback: bool) -> Need | None:
    """What a product needs of one period of an input, at its own period of the same days.

    Args:
        product: The consumer.
        period: The input's period.
        days: Open days of the product's calendar.
        has_fallback: Whether its policies let it be made without; see `edges`.

    Returns:
        None when the product is not made for that time.
    """
    own = period if period.kind == product.period.kind else None
    own = own or Period.containing(product.period.kind, period.last)
    if not product.is_active(own):
        return None
    decide_at = product_points(product.timeliness, own, days).decide_at
    return Need(product.product, product.tier, decide_at, has_fallback, own.key)


def _claims(row: Row) -> Iterator[tuple[datetime, Level]]:
    """From when on the needs of tier-1 products that cannot do without ask for which level."""
    for need in row.needs:
        if need.tier == 1 and not need.has_fallback:
            yield need.decide_at - LEAD, "L2"
            yield need.decide_at, "L3"
