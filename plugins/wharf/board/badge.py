"""A badge: one feed's state as a small picture for wikis and readme files."""

from __future__ import annotations

from html import escape

from wharf.board.current import Current
from wharf.board.marks import ALL
from wharf.board.words import span

_COLOURS = {
    "on-time": "#256f3e", "late-arrived": "#8a5a00", "at-risk": "#8a5a00", "late": "#a8251a",
    "missing": "#a8251a", "quarantined": "#5e31a3", "unknown": "#5e31a3",
}  # fmt: skip
_PLAIN = "#4a5a6d"
_LONGEST = 60
# Average width of a letter of 11 px; `textLength` makes the words fit whatever the font is.
_LETTER = 6.6


def draw_badge(each: Current) -> str:
    """The badge of a feed as SVG, with its words as title."""
    mark, stands = ALL[each.code], each.standing
    words = "in quarantine" if mark.tone == "quarantined" else mark.words
    if stands and stands.timeliness == "LATE" and stands.late_by_s:
        words = f"late {span(stands.late_by_s)}"
    period = stands.row.period if stands else ""
    return _draw(each.feed.feed, f"{mark.sign} {words}", _COLOURS.get(mark.tone, _PLAIN), period)


def unknown_badge(name: str) -> str:
    """The badge of a feed that nobody knows."""
    return _draw(name, "no such feed", _PLAIN, "")


def _draw(name: str, words: str, colour: str, period: str) -> str:
    name, words = (escape(text[:_LONGEST]) for text in (name, words))
    title = f"{name}{' ' + escape(period) if period else ''}: {words}"
    left, right = (round(len(text) * _LETTER) for text in (name, words))
    width = left + right + 24
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" '
        f'aria-label="{title}"><title>{title}</title>'
        f'<rect width="{width}" height="20" rx="3" fill="#33404d"/>'
        f'<path d="M{left + 12} 0h{right + 9}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-{right + 9}z" '
        f'fill="{colour}"/>'
        '<g fill="#fff" font-family="system-ui,sans-serif" font-size="11">'
        f'<text x="6" y="14" textLength="{left}" lengthAdjust="spacingAndGlyphs">{name}</text>'
        f'<text x="{left + 18}" y="14" textLength="{right}" lengthAdjust="spacingAndGlyphs">'
        f"{words}</text></g></svg>"
    )
