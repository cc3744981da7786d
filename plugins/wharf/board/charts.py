"""Small charts of a scorecard as SVG: a bar for each month, and how early or late things came.

They are pictures of the table below them, so they carry one name and no data of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from html import escape

from markupsafe import Markup

from wharf.board.words import size, span
from wharf.timeliness.scorecard import Score

WIDTH, HEIGHT = 560, 150
_LEFT, _RIGHT, _TOP, _FLOOR = 92, 8, 12, 118
_MANY = 9


def rate_chart(months: Sequence[Score]) -> Markup:
    """The share that came in time, month by month."""
    drawn = [_level(_rate_y(share), f"{share:.0%}") for share in (0.0, 0.5, 1.0)]
    step = _step(months)
    for at, each in enumerate(months):
        x = _LEFT + step * at
        share = each.on_time_rate
        if share is None:
            continue
        y, wide = _rate_y(share), min(step * 0.7, 36)
        left = x + (step - wide) / 2
        drawn.append(
            f'<rect class="bar" x="{left:.1f}" y="{y:.1f}" width="{wide:.1f}" '
            f'height="{_FLOOR - y:.1f}"><title>{escape(each.month)}: {share:.1%}</title></rect>'
        )
    return _svg("On time by month", [*drawn, *_names(months)])


def arrival_chart(months: Sequence[Score]) -> Markup:
    """Between median and 95th percentile of arrival, counted from due, month by month."""
    told = [
        (at, each.p50.total_seconds(), each.p95.total_seconds())
        for at, each in enumerate(months)
        if each.p50 is not None and each.p95 is not None
    ]
    low = min([0.0, *(p50 for _, p50, _ in told)])
    high = max([0.0, *(p95 for _, _, p95 in told)])
    room = (high - low) or 1.0

    def y(seconds: float) -> float:
        return _TOP + (high - seconds) / room * (_FLOOR - _TOP)

    drawn = [_level(y(each), _from_due(each)) for each in _levels(low, high)]
    drawn.append(f'<line class="due-line" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" {_flat(y(0.0))}/>')
    step = _step(months)
    for at, p50, p95 in told:
        x = _LEFT + step * (at + 0.5)
        name = f"{months[at].month}: median {_from_due(p50)}, p95 {_from_due(p95)}"
        drawn.append(
            f'<g><title>{escape(name)}</title><line class="reach" x1="{x:.1f}" x2="{x:.1f}" '
            f'y1="{y(p50):.1f}" y2="{y(p95):.1f}"/><circle class="median" cx="{x:.1f}" '
            f'cy="{y(p50):.1f}" r="4"/><line class="reach" x1="{x - 5:.1f}" x2="{x + 5:.1f}" '
            f"{_flat(y(p95))}/></g>"
        )
    return _svg("Arrival from due by month, median to p95", [*drawn, *_names(months)])


def room_chart(days: Sequence[tuple[date, int]]) -> Markup:
    """All bytes, day by day, as one line from zero."""
    first, last = days[0][0], days[-1][0]
    most = max(max(size for _, size in days), 1)
    wide, high = WIDTH - _LEFT - _RIGHT, _FLOOR - _TOP

    def x(day: date) -> float:
        return _LEFT + (day - first).days / max((last - first).days, 1) * wide

    points = " ".join(f"{x(day):.1f},{_FLOOR - bytes_ / most * high:.1f}" for day, bytes_ in days)
    drawn = [_level(_FLOOR - share * high, size(int(most * share))) for share in (0.0, 0.5, 1.0)]
    drawn.append(f'<polyline class="line" points="{points}"/>')
    drawn += [
        f'<text class="{"mid" if day == first else "end"}" x="{x(day):.1f}" '
        f'y="{_FLOOR + 14}">{day.isoformat()}</text>'
        for day in (first, last)
    ]
    return _svg("Bytes by day", drawn)


def from_due(lateness: timedelta | None) -> str:
    """A time counted from due: 12 min before due."""
    if lateness is None:
        return "–"
    return _from_due(lateness.total_seconds())


def _from_due(seconds: float) -> str:
    if abs(seconds) < 1:
        return "due"
    return f"{span(abs(seconds))} {'before' if seconds < 0 else 'after'}"


def _levels(low: float, high: float) -> list[float]:
    """Both ends and due, unless they lie upon each other."""
    least = (high - low) / 6
    return [0.0, *(each for each in (low, high) if abs(each) > least)]


def _rate_y(share: float) -> float:
    return _TOP + (1 - share) * (_FLOOR - _TOP)


def _step(months: Sequence[Score]) -> float:
    return (WIDTH - _LEFT - _RIGHT) / max(len(months), 6)


def _names(months: Sequence[Score]) -> list[str]:
    """Months below the bars, with the year at the first and each January."""
    step, every = _step(months), -(-len(months) // (2 * _MANY))
    drawn = []
    for at, each in enumerate(months):
        if at % every:
            continue
        year, _, month = each.month.partition("-")
        x = _LEFT + step * (at + 0.5)
        drawn.append(f'<text class="mid" x="{x:.1f}" y="{_FLOOR + 14}">{escape(month)}</text>')
        if at == 0 or month == "01":
            text = f'<text class="mid" x="{x:.1f}" y="{_FLOOR + 28}">{escape(year)}</text>'
            drawn.append(text)
    return drawn


def _level(y: float, text: str) -> str:
    return (
        f'<line class="level" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" {_flat(y)}/>'
        f'<text class="end" x="{_LEFT - 6}" y="{y + 4:.1f}">{escape(text)}</text>'
    )


def _flat(y: float) -> str:
    return f'y1="{y:.1f}" y2="{y:.1f}"'


def _svg(name: str, drawn: Sequence[str]) -> Markup:
    return Markup(
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{name}">'
        f"{''.join(drawn)}</svg>"
    )
