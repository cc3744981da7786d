"""The time line of one delivery: what was promised above it, what happened below it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from itertools import pairwise
from zoneinfo import ZoneInfo

from markupsafe import Markup

from wharf.timeliness.learned import Usual

X = Callable[[datetime], float]
WIDTH, _EDGE = 1000, 14
_LANE, _LETTER, _ROOM = 17, 6.3, 10
_LINE_GAP = 16


@dataclass(frozen=True)
class Point:
    """One instant of a delivery's life."""

    label: str
    at: datetime
    side: str
    """`promise` stands above the line, `fact` below it, `now` crosses it."""
    tone: str = ""
    """A class of the style sheet."""

    def on(self, tz: str) -> datetime:
        """The same on a feed's own clock."""
        return self.at.astimezone(ZoneInfo(tz))


@dataclass(frozen=True)
class _Placed:
    """A point with the place of its mark and of its label."""

    point: Point
    x: float
    lane: int
    text: str
    is_left: bool
    """Whether the label stands to the left of its mark."""


def draw_timeline(
    points: Sequence[Point], opens_at: datetime, usual: Usual | None, tz: str
) -> Markup:
    """Draw the points to scale, labels in as many lanes as they need.

    Args:
        points: What to draw, in any order.
        opens_at: When the delivery opens.
        usual: When it usually comes.
        tz: The feed's zone, in which times are told.
    """
    first = min(point.at for point in points)
    last = max(point.at for point in points)
    length = max((last - first).total_seconds(), 60.0)

    def x(at: datetime) -> float:
        return _EDGE + (at - first).total_seconds() / length * (WIDTH - 2 * _EDGE)

    many_days = (last - first) > timedelta(hours=20)
    above = _place([p for p in points if p.side == "promise"], x, tz, many_days)
    below = _place([p for p in points if p.side != "promise"], x, tz, many_days)
    line = (max((each.lane for each in above), default=-1) + 1) * _LANE + _LINE_GAP
    height = line + (max((each.lane for each in below), default=-1) + 1) * _LANE + _LINE_GAP + 4
    drawn = [_axis(points, x, line)]
    if usual is not None:
        drawn.append(_usual(usual, opens_at, x, line))
    drawn += [_draw(each, line, up=True) for each in above]
    drawn += [_draw(each, line, up=False) for each in below]
    name = "; ".join(f"{p.label} {p.on(tz):%a %H:%M}" for p in sorted(points, key=_by_time))
    return Markup(
        f'<svg class="timeline" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(name)}">{"".join(drawn)}</svg>'
    )


def in_order(points: Iterable[Point]) -> list[Point]:
    """Points by time; at one instant what was promised comes first."""
    return sorted(points, key=lambda point: (point.at, point.side != "promise"))


def _by_time(point: Point) -> datetime:
    return point.at


def _place(points: Sequence[Point], x: X, tz: str, many_days: bool) -> list[_Placed]:
    """Give each label the lane nearest to the line in which it lies upon no other."""
    lanes: list[float] = []
    placed = []
    for point in sorted(points, key=_by_time):
        form = "%a %H:%M" if many_days else "%H:%M"
        text = f"{point.label} {point.on(tz):{form}}"
        wide, at = len(text) * _LETTER, x(point.at)
        is_left = at + wide > WIDTH
        start = at - wide if is_left else at
        lane = next((n for n, end in enumerate(lanes) if end < start), len(lanes))
        end = start + wide + _ROOM
        lanes[lane : lane + 1] = [end]
        placed.append(_Placed(point, at, lane, text, is_left))
    return placed


def _draw(placed: _Placed, line: float, *, up: bool) -> str:
    point = placed.point
    way = -1 if up else 1
    y = line + way * (_LINE_GAP + placed.lane * _LANE)
    anchor, dx = ("end", -5) if placed.is_left else ("start", 5)
    mark = "" if point.side == "now" else _mark(point, placed.x, line)
    utc = f"{point.at:%Y-%m-%d %H:%M:%S} UTC"
    return (
        f'<g class="p-{point.side} t-{escape(point.tone)}"><title>{escape(point.label)}: {utc}'
        f'</title><line class="stem" x1="{placed.x:.1f}" x2="{placed.x:.1f}" y1="{line}" '
        f'y2="{y + (4 if up else -4):.1f}"/>{mark}<text x="{placed.x + dx:.1f}" y="{y + 3:.1f}" '
        f'text-anchor="{anchor}">{escape(placed.text)}</text></g>'
    )


def _mark(point: Point, x: float, line: float) -> str:
    if point.side == "promise":
        return f'<rect x="{x - 4:.1f}" y="{line - 4}" width="8" height="8"/>'
    return f'<circle cx="{x:.1f}" cy="{line}" r="5"/>'


def _axis(points: Sequence[Point], x: X, line: float) -> str:
    """The line itself, coloured by what would be said of a delivery that has not come."""
    at = {point.tone: point.at for point in points if point.side == "promise"}
    stops = [
        (at.get("opens"), "calm"), (at.get("warn", at.get("due")), "warn"),
        (at.get("promised", at.get("late", at.get("due"))), "bad"), (at.get("cutoff"), "gone"),
    ]  # fmt: skip
    known = [(when, tone) for when, tone in stops if when is not None]
    drawn = [f'<line class="a-none" x1="{_EDGE}" x2="{WIDTH - _EDGE}" y1="{line}" y2="{line}"/>']
    for (start, tone), (end, _) in pairwise(known):
        drawn.append(
            f'<line class="a-{tone}" x1="{x(start):.1f}" x2="{x(end):.1f}" '
            f'y1="{line}" y2="{line}"/>'
        )
    return "".join(drawn)


def _usual(usual: Usual, opens_at: datetime, x: X, line: float) -> str:
    """The span in which it usually comes."""
    left = min(max(x(opens_at + usual.p50), 0), WIDTH)
    right = min(max(x(opens_at + usual.p95), left + 3), WIDTH)
    return (
        f'<rect class="usual" x="{left:.1f}" y="{line - 9}" width="{right - left:.1f}" '
        'height="18"><title>usually comes here, median to p95</title></rect>'
    )
