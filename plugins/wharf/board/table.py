"""Cells with words as HTML, joined here: a template takes five times as long for thousands."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from html import escape
from urllib.parse import quote

from markupsafe import Markup

from wharf.board.cells import Cell, Line
from wharf.board.marks import ALL, NOTHING
from wharf.board.words import DELIVERY

Cells = Mapping[tuple[str, str], Cell]
_FEW = 2
_QUIET = "nds"
"""What is closed, awaited or scheduled needs no words to be seen."""


def row_cells(line: Line, cells: Cells, today: int) -> Markup:
    """The cells of one feed by column, each a link to its story.

    Args:
        line: The feed.
        cells: By feed and period; what is missing there is left empty.
        today: Today's column.
    """
    drawn = []
    for column in range(len(line.codes)):
        own = [
            cell
            for period, _ in line.periods_at(column)
            if (cell := cells.get((line.feed, period))) is not None
        ]
        drawn.append(_column(own, column == today))
    return Markup("".join(drawn))


def earlier_cells(line: Line, cells: Cells) -> Markup:
    """What is older than the days shown, as one cell."""
    found = [cells[key] for p, _ in line.last_earlier if (key := (line.feed, p)) in cells]
    return Markup(_column(found, False))


@lru_cache(maxsize=4096)
def breakable(feed: str) -> Markup:
    """A feed's name that may be broken behind its dot."""
    return Markup(escape(feed).replace(".", ".<wbr>"))


def now_tag(line: Line, cells: Cells) -> Markup:
    """How a feed stands now, as a link to the period that says it."""
    told = line.telling
    if told is None:
        return Markup("")
    period, code = told
    mark, cell = ALL[code], cells.get((line.feed, period))
    title = f' title="{escape(f"{period}: {cell.reason}")}"' if cell else ""
    words = escape(cell.words if cell else mark.words)
    held = ", in quarantine" if mark.is_held else ""
    return Markup(
        f'<a class="tag {mark.tone}" href="{address(line.feed, period)}"{title}>'
        f'<span aria-hidden="true">{mark.sign}</span> {words}{held}</a>'
    )


def address(feed: str, period: str) -> str:
    """Where the story of a cell is, below the board."""
    return f"feeds/{quote(feed, safe='')}/{quote(period, safe='')}"


def _column(cells: list[Cell], is_today: bool) -> str:
    if not cells:
        return '<td class="none"></td>'
    if len(cells) > _FEW:
        inner = "".join(_small(cell) for cell in sorted(cells, key=lambda cell: cell.period))
        return f'<td class="many">{inner}</td>'
    inner = "".join(_large(cell) for cell in cells)
    return f'<td class="today">{inner}</td>' if is_today else f"<td>{inner}</td>"


def _small(cell: Cell) -> str:
    said = escape(f"{cell.period} {cell.words}")
    return (
        f'<a class="{cell.mark.tone}" href="{address(cell.feed, cell.period)}" '
        f'aria-label="{said}" title="{said}: {escape(cell.reason)}">{cell.mark.sign}</a>'
    )


def _large(cell: Cell) -> str:
    label = f'<span class="label">{escape(cell.label)}</span>' if cell.label else ""
    is_plain = cell.delivery == "PUBLISHED" and cell.timeliness == "ON_TIME"
    if not label and (is_plain or cell.mark.code in _QUIET):
        return (
            f'<a class="{cell.mark.tone} fine" href="{address(cell.feed, cell.period)}" '
            f'title="{escape(cell.reason)}"><span class="sign" aria-hidden="true">'
            f'{cell.mark.sign}</span><span class="vh">{escape(cell.words)}</span></a>'
        )
    came = ""
    if cell.delivery != "NONE" and not is_plain:
        words = escape(DELIVERY.get(cell.delivery, cell.delivery.lower()))
        came = f'<span class="delivery">{words}</span>'
    return (
        f'<a class="{cell.mark.tone}" href="{address(cell.feed, cell.period)}" '
        f'title="{escape(cell.reason)}"><span class="sign" aria-hidden="true">{cell.mark.sign}'
        f'</span><span class="words">{label}{escape(cell.words)}{came}</span></a>'
    )


def roll_cells(codes: str, today: int) -> Markup:
    """The worst state of a supplier's feeds on each day, without words."""
    drawn = []
    for column, code in enumerate(codes):
        if code == NOTHING:
            drawn.append('<td class="none"></td>')
            continue
        mark = ALL[code]
        where = " today" if column == today else ""
        drawn.append(
            f'<td class="roll{where}"><span class="{mark.tone}" role="img" '
            f'aria-label="{mark.words}">{mark.sign}</span></td>'
        )
    return Markup("".join(drawn))
