"""Incidents: what must be told about deliveries, as transitions for others to record and send."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from wharf.contracts import Period, Product
from wharf.timeliness.calendars import OpenDays
from wharf.timeliness.facts import State
from wharf.timeliness.points import ClockPoints, product_points
from wharf.timeliness.telling import Telling, tell_late, tell_quality

Kind = Literal["late", "quality"]
Action = Literal["open", "update", "raise", "lower", "resolve"]
Level = Literal["L0", "L1", "L2", "L3"]

OLD_NEWS = timedelta(minutes=30)
LEAD = timedelta(minutes=60)
_LONGEST_KEY = 120
_NOT_IN_KEYS = re.compile(r"[^A-Za-z0-9:._-]")


@dataclass(frozen=True)
class Need:
    """When one product needs the delivery, and whether it can do without."""

    product: str
    tier: int
    decide_at: datetime
    has_fallback: bool = False


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


@dataclass(frozen=True)
class Incident:
    """What was told last about one delivery and is not resolved yet."""

    key: str
    kind: Kind
    feed: str
    period: str
    level: Level
    condition: str
    summary: bool = False
    """Whether it was opened in a summary only."""
    loudest: Level = "L0"
    """The highest level it ever had."""


@dataclass(frozen=True)
class Transition:
    """One step in an incident's life."""

    action: Action
    key: str
    kind: Kind
    feed: str
    period: str
    supplier: str
    level: Level
    condition: str
    """What it is about, for the next decision; store it with the incident."""
    at: datetime
    """When the thing told of happened, not when it was noticed."""
    what: str
    numbers: Mapping[str, object] = field(default_factory=dict)
    summary: bool = False
    """Old news: it goes into one message with all others of its kind."""
    loudest: Level = "L0"
    """The incident's highest level so far: who heard of it then hears of this too."""
    tz: str = "UTC"
    """The feed's zone, to show times in."""


def decide(
    incidents: Iterable[Incident], rows: Iterable[Row], now: datetime, *, env: str
) -> list[Transition]:
    """What is new about incidents, given the states of expected deliveries.

    Args:
        incidents: The open incidents.
        rows: Deliveries to weigh, each once; an incident without its row stays as it is.
        now: The instant.
        env: Name of the installation, part of every key.

    Returns:
        Transitions in the order of feed and period. Recording them and deciding again gives none.
    """
    open_now = {(each.kind, each.feed, each.period): each for each in incidents}
    found: list[Transition] = []
    for row in sorted(rows, key=lambda each: (each.feed, each.period)):
        for kind, telling in _tellings(row):
            incident = open_now.get((kind, row.feed, row.period))
            transition = _transition(row, kind, telling, incident, now, env)
            if transition is not None:
                found.append(transition)
    return found


def level_of(row: Row, now: datetime) -> Level:
    """How loud a delivery that is late or held back may get, from what its consumers need.

    L1 tells; L2 when a tier-1 product decides without it within the hour and cannot do without;
    L3 when such a product's decision has passed, or the delivery is missing for a tier-1 product.
    """
    levels: list[Level] = ["L1", row.floor]
    for need in row.needs:
        if need.tier != 1:
            continue
        is_stuck = not need.has_fallback
        if row.state.timeliness == "MISSING" or (is_stuck and now >= need.decide_at):
            levels.append("L3")
        elif is_stuck and now >= need.decide_at - LEAD:
            levels.append("L2")
    return max(levels)


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
    return Need(product.product, product.tier, decide_at, has_fallback)


def dedup_key(env: str, kind: str, feed: str, period: str) -> str:
    """The name of an incident everywhere: at most 120 of `A-Za-z0-9:._-`."""
    plain = f"wharf:{env}:{kind}:{feed}:{period}"
    clean = _NOT_IN_KEYS.sub("-", plain)
    if clean == plain and len(plain) <= _LONGEST_KEY:
        return plain
    digest = hashlib.sha256(plain.encode(errors="surrogatepass")).hexdigest()[:16]
    return f"{clean[: _LONGEST_KEY - 17]}-{digest}"


def _tellings(row: Row) -> Iterator[tuple[Kind, Telling]]:
    if (late := tell_late(row.feed, row.period, row.points, row.state, row.tz)) is not None:
        yield "late", late
    if (quality := tell_quality(row.feed, row.period, row.points, row.state)) is not None:
        yield "quality", quality


def _transition(
    row: Row, kind: Kind, telling: Telling, incident: Incident | None, now: datetime, env: str
) -> Transition | None:
    action = _action(row, telling, incident, now)
    if action is None:
        return None
    level = _level(row, telling, incident, now)
    at = (telling.open_since if action == "open" else None) or telling.at or now
    # What was opened in a summary ends in one; only news that makes it worse stands alone.
    stays_quiet = (
        incident is not None
        and incident.summary
        and not (action == "raise" or telling.condition == "MISSING")
    )
    return Transition(
        action=action,
        key=incident.key if incident else dedup_key(env, kind, row.feed, row.period),
        kind=kind,
        feed=row.feed,
        period=row.period,
        supplier=row.supplier,
        level=level,
        condition=telling.condition,
        at=at,
        what=telling.what,
        numbers=telling.numbers,
        summary=now - at > OLD_NEWS or stays_quiet,
        tz=row.tz,
        loudest=max(level, incident.loudest, incident.level) if incident else level,
    )


def _action(row: Row, telling: Telling, incident: Incident | None, now: datetime) -> Action | None:
    if incident is None:
        return "open" if telling.opens and row.notifies else None
    if telling.resolves:
        return "resolve"
    level = _level(row, telling, incident, now)
    if level > incident.level:
        return "raise"
    if level < incident.level:
        return "lower"
    return "update" if telling.condition != incident.condition else None


def _level(row: Row, telling: Telling, incident: Incident | None, now: datetime) -> Level:
    if telling.resolves and incident is not None:
        return incident.level
    return row.floor if telling.is_quiet else level_of(row, now)
