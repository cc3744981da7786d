"""The page that says how much room everything takes, and how it grew."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from fastapi import Request, Response

from wharf.board.views import Views
from wharf.ledger import disk
from wharf.ledger.disk import DiskUse

SHOWN = timedelta(days=90)
BEFORE = timedelta(days=30)
KINDS = ("read", "replaced", "quarantine", "metadata", "landing", "results", "database")
"""In the order of the page's columns."""


@dataclass(frozen=True)
class Line:
    """The room that one table, feed or database takes."""

    name: str
    by_kind: Mapping[str, int]
    grew: int | None
    """Bytes more than thirty days before; None where that was not measured."""

    @property
    def total(self) -> int:
        """Bytes of all kinds."""
        return sum(self.by_kind.values())


@dataclass(frozen=True)
class Room:
    """What one page shows."""

    at: datetime | None
    """When it was measured; None where nobody measured yet."""
    lines: Sequence[Line]
    """The largest first."""
    total: Line
    days: Sequence[tuple[date, int]]
    """All bytes by day, oldest first."""


def read_room(rows: Iterable[DiskUse]) -> Room:
    """Make the page's content of the measures of its time, oldest first."""
    nights: dict[datetime, list[DiskUse]] = defaultdict(list)
    for row in rows:
        nights[row.at].append(row)
    if not nights:
        return Room(None, (), Line("everything", {}, None), ())
    last = max(nights)
    before = max((at for at in nights if at <= last - BEFORE), default=None)
    then = _by_name(nights[before]) if before else {}
    lines = [
        Line(name, kinds, _grew(kinds, then.get(name, {}) if before else None))
        for name, kinds in _by_name(nights[last]).items()
    ]
    together = _sum(line.by_kind for line in lines)
    total = Line("everything", together, _grew(together, _sum(then.values()) if before else None))
    days = {at.date(): sum(row.bytes for row in nights[at]) for at in sorted(nights)}
    ordered = sorted(lines, key=lambda line: (-line.total, line.name))
    return Room(last, ordered, total, sorted(days.items()))


class RoomPage:
    """Answers what takes how much room."""

    def __init__(self, views: Views) -> None:
        self.views = views

    def show(self, request: Request) -> Response:
        """The last measure by table and feed, and the growth of the last months."""
        with self.views.reading() as (tx, _, pulse):
            room = read_room(disk.disk_use_since(tx, pulse.at - SHOWN))
        return self.views.html(request, "room.html", room=room, kinds=KINDS, pulse=pulse, up="")


def _by_name(rows: Iterable[DiskUse]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for row in rows:
        found[row.name][row.what] = row.bytes
    return found


def _sum(many: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = defaultdict(int)
    for each in many:
        for kind, size in each.items():
            total[kind] += size
    return dict(total)


def _grew(now: Mapping[str, int], then: Mapping[str, int] | None) -> int | None:
    return None if then is None else sum(now.values()) - sum(then.values())
