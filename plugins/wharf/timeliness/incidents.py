"""Incidents: what must be told about deliveries, as transitions for others to record and send."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from wharf.timeliness.levels import (
    LEAD,
    Level,
    Need,
    Row,
    level_of,
    level_since,
    need_of,
    next_level_change,
)
from wharf.timeliness.telling import Telling, tell_late, tell_quality

Kind = Literal["late", "quality"]
Action = Literal["open", "update", "raise", "lower", "resolve"]

OLD_NEWS = timedelta(minutes=30)
OPENS_AGAIN_WITHIN = timedelta(minutes=30)
_LONGEST_KEY = 120
_NOT_IN_KEYS = re.compile(r"[^A-Za-z0-9:._-]")


@dataclass(frozen=True)
class Incident:
    """What was told last about one delivery."""

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
    resolved_at: datetime | None = None
    """When it was resolved; one that is not is open."""


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
    opens_again: bool = False
    """Whether it opens the last, resolved incident of its key again instead of a new one."""


def decide(
    incidents: Iterable[Incident],
    rows: Iterable[Row],
    now: datetime,
    *,
    env: str,
    unwatched_until: datetime | None = None,
) -> list[Transition]:
    """What is new about incidents, given the states of expected deliveries.

    Args:
        incidents: Those of the rows, open and resolved, oldest first.
        rows: Deliveries to weigh, each once; an incident without its row stays as it is.
        now: The instant.
        env: Name of the installation, part of every key.
        unwatched_until: Until when nobody evaluated, if that was a moment ago: what happened
            before is old news.

    Returns:
        Transitions in the order of feed and period. Recording them and deciding again gives none.
    """
    last = {(each.kind, each.feed, each.period): each for each in incidents}
    found: list[Transition] = []
    for row in sorted(rows, key=lambda each: (each.feed, each.period)):
        for kind, telling in _tellings(row):
            incident = last.get((kind, row.feed, row.period))
            found += _transitions(row, kind, telling, incident, now, env, unwatched_until)
    return found


def dedup_key(env: str, kind: str, *about: str) -> str:
    """The name of an incident everywhere: at most 120 of `A-Za-z0-9:._-`."""
    plain = ":".join(("wharf", env, kind, *about))
    clean = _NOT_IN_KEYS.sub("-", plain)
    if clean == plain and len(plain) <= _LONGEST_KEY:
        return plain
    digest = hashlib.sha256(plain.encode(errors="surrogatepass")).hexdigest()[:16]
    return f"{clean[: _LONGEST_KEY - 17]}-{digest}"


def is_old_news(at: datetime, now: datetime, unwatched_until: datetime | None) -> bool:
    """Whether what happened at an instant is told in a summary only."""
    return now - at > OLD_NEWS or (unwatched_until is not None and at <= unwatched_until)


def _tellings(row: Row) -> Iterator[tuple[Kind, Telling]]:
    if (late := tell_late(row.feed, row.period, row.points, row.state, row.tz)) is not None:
        yield "late", late
    if (quality := tell_quality(row.feed, row.period, row.points, row.state)) is not None:
        yield "quality", quality


def _transitions(
    row: Row,
    kind: Kind,
    telling: Telling,
    last: Incident | None,
    now: datetime,
    env: str,
    unwatched_until: datetime | None,
) -> Iterator[Transition]:
    action = _action(row, telling, last, now)
    if action is None:
        return
    standing = last if last is not None and last.resolved_at is None else None
    level = _level(row, telling, standing, now)
    at = _at(row, telling, action, level, last, now)
    again = last is not None and standing is None and _opens_again(last, now)
    made = Transition(
        action=action,
        key=last.key if last else dedup_key(env, kind, row.feed, row.period),
        kind=kind,
        feed=row.feed,
        period=row.period,
        supplier=row.supplier,
        level=level,
        condition=telling.condition,
        at=at,
        what=telling.what,
        numbers=telling.numbers,
        summary=_goes_into_summary(action, telling, at, standing, now, unwatched_until),
        tz=row.tz,
        loudest=max(level, standing.loudest, standing.level) if standing else level,
        opens_again=again,
    )
    yield made
    if action == "open" and telling.resolves:
        over_at = telling.at or now
        old = made.summary or is_old_news(over_at, now, unwatched_until)
        yield replace(made, action="resolve", at=over_at, summary=old, opens_again=False)


def _action(row: Row, telling: Telling, last: Incident | None, now: datetime) -> Action | None:
    if last is None or last.resolved_at is not None:
        # Late and published while nobody evaluated: told as both, once.
        has_passed = telling.resolves and telling.open_since is not None and last is None
        opens = telling.opens or has_passed or (telling.opens_again and last is not None)
        is_snoozed = row.state.snoozed_until is not None
        return "open" if opens and row.notifies and not is_snoozed else None
    if telling.resolves:
        return "resolve"
    if row.state.snoozed_until is not None:
        return None  # what became worse meanwhile is told when it ends
    level = _level(row, telling, last, now)
    if level > last.level:
        return "raise"
    if level < last.level:
        return "lower"
    return "update" if telling.condition != last.condition else None


def _level(row: Row, telling: Telling, standing: Incident | None, now: datetime) -> Level:
    if telling.resolves:
        return standing.level if standing is not None else "L1"
    return row.floor if telling.is_quiet else level_of(row, now)


def _at(
    row: Row,
    telling: Telling,
    action: Action,
    level: Level,
    last: Incident | None,
    now: datetime,
) -> datetime:
    """When what a transition tells of happened."""
    at = telling.at or now
    if action == "open":
        at = telling.open_since or at
        # What was resolved before cannot have begun again before that.
        return now if last is not None and last.resolved_at and at <= last.resolved_at else at
    if last is None or telling.condition != last.condition or action == "resolve":
        return at
    by_the_clock = level_since(row, level, now) if action == "raise" else None
    return max(at, by_the_clock) if by_the_clock is not None else now


def _goes_into_summary(
    action: Action,
    telling: Telling,
    at: datetime,
    standing: Incident | None,
    now: datetime,
    unwatched_until: datetime | None,
) -> bool:
    """Whether a transition is told in a summary only.

    What was opened in a summary stays there, until it gets worse. What was told alone goes on in
    its own thread; only a rise that is old news pages nobody by itself.
    """
    is_old = is_old_news(at, now, unwatched_until)
    gets_worse = action == "raise" or telling.condition == "MISSING"
    if standing is not None and not standing.summary:
        return is_old and action == "raise"
    return is_old or (standing is not None and not gets_worse)


def _opens_again(last: Incident, now: datetime) -> bool:
    return last.resolved_at is not None and now - last.resolved_at <= OPENS_AGAIN_WITHIN


__all__ = [
    "LEAD",
    "OLD_NEWS",
    "OPENS_AGAIN_WITHIN",
    "Action",
    "Incident",
    "Kind",
    "Level",
    "Need",
    "Row",
    "Transition",
    "decide",
    "dedup_key",
    "is_old_news",
    "level_of",
    "need_of",
    "next_level_change",
]
