"""Small charts of what came out batch after batch, as SVG; the words beside them say the same."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from markupsafe import Markup

from wharf.quality.trend import Point

_STEP, _HEIGHT, _MANY = 8, 28, 60


def outcome_strip(points: Sequence[Point], label: str) -> Markup:
    """One bar for each outcome: as high as the share that broke it, full where none is known."""
    shown = points[-_MANY:]
    bars = []
    for at, each in enumerate(shown):
        share = each.share
        tall = 3.0 if each.success and not share else max(4.0, _HEIGHT * min(1.0, share or 1.0))
        tone = "held" if each.success else "errored" if each.errored else "broke"
        said = f"{each.period}: {'held' if each.success else each.observed}"
        bars.append(
            f'<rect class="{tone}" x="{at * _STEP}" y="{_HEIGHT - tall:.1f}" '
            f'width="{_STEP - 2}" height="{tall:.1f}"><title>{escape(said)}</title></rect>'
        )
    return _svg("".join(bars), len(shown), label)


def figure_line(values: Sequence[float], label: str) -> Markup:
    """A line through a figure of each batch."""
    shown = list(values)[-_MANY:]
    low, high = min(shown, default=0.0), max(shown, default=0.0)
    room = (high - low) or 1.0
    places = " ".join(
        f"{at * _STEP + 3:.1f},{_HEIGHT - 3 - (each - low) / room * (_HEIGHT - 6):.1f}"
        for at, each in enumerate(shown)
    )
    return _svg(f'<polyline class="figure" points="{places}"/>', len(shown), label)


def _svg(drawn: str, count: int, label: str) -> Markup:
    wide = max(count, 1) * _STEP
    return Markup(
        f'<svg class="trend" role="img" aria-label="{escape(label)}" width="{wide}" '
        f'height="{_HEIGHT}" viewBox="0 0 {wide} {_HEIGHT}">{drawn}</svg>'
    )
