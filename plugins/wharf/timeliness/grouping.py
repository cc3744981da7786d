"""Grouping: which late deliveries are told of together, and what is said of them then."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from wharf.timeliness.levels import Level

GroupKind = Literal["supplier", "connection", "summary", "channel", "component"]
OWN = frozenset({"connection", "channel", "component"})
"""What is wrong on our side of the sources."""
TAKES_IN_FOR = timedelta(hours=24)
"""For so long a group takes in new members: what comes later is another day's trouble."""
MOST_NAMED = 5


@dataclass(frozen=True)
class Member:
    """One incident about a delivery, as a group sees it."""

    id: int
    feed: str
    period: str
    supplier: str
    level: Level
    condition: str
    what: str
    noticed_at: datetime
    opened_at: datetime
    connection: str = ""
    groups: bool = True
    is_open: bool = True
    ending: str = ""
    """How it ended, in a sentence."""

    @property
    def name(self) -> str:
        """Feed and period."""
        return f"{self.feed} {self.period}"

    @property
    def line(self) -> str:
        """What is said of it among others."""
        return f"{self.what}; {self.ending}" if self.ending and not self.is_open else self.what


@dataclass(frozen=True)
class Arrangement:
    """What becomes of incidents that were not told of yet."""

    joined: Mapping[int, tuple[Member, ...]] = field(default_factory=dict)
    """By the id of the group that tells of them."""
    founded: tuple[tuple[Member, ...], ...] = ()
    """Each a new group of one supplier; some of its members may have been told of before."""
    alone: tuple[Member, ...] = ()
    waiting: tuple[tuple[Member, datetime], ...] = ()
    """Those to look at again, and when."""


@dataclass(frozen=True)
class GroupTelling:
    """What there is to say about a group."""

    level: Level
    condition: str
    """Changes whenever there is news of a member."""
    what: str
    lines: tuple[str, ...]
    is_over: bool


def arrange(
    waiting: Iterable[Member],
    beside: Iterable[Member],
    groups: Mapping[str, int],
    *,
    down: Mapping[str, int],
    failing: Set[str],
    wait: timedelta,
    now: datetime,
) -> Arrangement:
    """Decide who speaks for incidents that were not told of yet.

    Args:
        waiting: Those incidents.
        beside: Open incidents of the same suppliers that were told of alone.
        groups: Open groups that take in members, by supplier.
        down: Groups of connections that cannot be looked at, by connection.
        failing: Connections whose last look failed: we may soon know that it is us.
        wait: How long one late feed waits for others of its supplier; a page does not.
        now: The instant.
    """
    joined: dict[int, list[Member]] = {}
    alone: list[Member] = []
    later: list[tuple[Member, datetime]] = []
    rest: dict[str, list[Member]] = {}
    for each in sorted(waiting, key=lambda one: one.id):
        group = down.get(each.connection)
        if group is None and each.connection not in failing and each.groups:
            group = groups.get(each.supplier)
        if group is not None:
            joined.setdefault(group, []).append(each)
        elif each.connection in failing:
            later.append((each, now))
        elif each.groups:
            rest.setdefault(each.supplier, []).append(each)
        else:
            alone.append(each)
    told = [each for each in beside if each.groups]
    founded: list[tuple[Member, ...]] = []
    for supplier, members in rest.items():
        ends = {each.id: _waits_until(each, wait) for each in members}
        if min(ends.values()) > now:
            later += [(each, ends[each.id]) for each in members]
            continue
        together = [*(each for each in told if each.supplier == supplier), *members]
        if len({each.feed for each in together}) > 1:
            founded.append(tuple(sorted(together, key=lambda one: one.id)))
        else:
            alone += [each for each in members if ends[each.id] <= now]
            later += [(each, ends[each.id]) for each in members if ends[each.id] > now]
    return Arrangement(
        {group: tuple(members) for group, members in joined.items()},
        tuple(founded),
        tuple(alone),
        tuple(later),
    )


def tell_group(
    kind: GroupKind, about: str, members: Sequence[Member], *, floor: Level = "L0"
) -> GroupTelling:
    """What there is to say about a group.

    Args:
        kind: What holds it together.
        about: The supplier, or the trouble with a connection in words.
        members: Its incidents, resolved ones too.
        floor: How loud it is in any case while it is open.
    """
    still = [each for each in members if each.is_open]
    done = [each for each in members if not each.is_open]
    level = max([floor, *(each.level for each in still)])
    is_over = kind in {"supplier", "summary"} and not still
    if is_over:
        level = max((each.level for each in members), default="L1")
    state = ";".join(f"{each.id}:{each.condition}:{each.is_open}" for each in members)
    return GroupTelling(
        level=level,
        condition=hashlib.sha256(f"{about}|{state}".encode()).hexdigest()[:16],
        what=_what(kind, about, still, done),
        lines=tuple(each.line for each in (*still, *done)),
        is_over=is_over,
    )


def _waits_until(each: Member, wait: timedelta) -> datetime:
    return each.noticed_at + wait if each.level < "L2" else each.noticed_at


def _what(kind: GroupKind, about: str, still: Sequence[Member], done: Sequence[Member]) -> str:
    if kind in OWN:
        behind = f"; {_names(still)} may be late because of it" if still else ""
        return f"{about}{behind}"
    if kind == "summary":
        count = len(still) + len(done)
        changes = f"{count} deliver{'y' if count == 1 else 'ies'}"
        return (
            f"caught up: {changes} went wrong while nobody watched, "
            f"{len(still)} of them {'is' if len(still) == 1 else 'are'} still open"
        )
    if not still:
        return f"{about}: nothing is late any more of {_names(done)}"
    ended = f"; over for {_names(done)}" if done else ""
    return f"{about}: {_names(still)} {'is' if len(still) == 1 else 'are'} late{ended}"


def _names(members: Sequence[Member]) -> str:
    shown = ", ".join(each.name for each in members[:MOST_NAMED])
    more = len(members) - MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown
