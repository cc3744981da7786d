"""One page of the board: what a visitor wants of the grid, in the order and portion to show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from wharf.board.cells import Cell, Group, Line
from wharf.board.grid import Grid, periods_of
from wharf.board.marks import ALL, NOTHING
from wharf.board.wanted import Wanted, codes_of
from wharf.contracts import Feed
from wharf.ledger import Transaction, heat
from wharf.ledger.rows import ExpectedDelivery

ItemT = TypeVar("ItemT")
WORDY_UP_TO = 14
"""Days up to which cells have words; more are drawn as strips."""
WORDY_LINES, STRIP_LINES, LIST_ROWS = 100, 1000, 200


@dataclass(frozen=True)
class Page:
    """A portion of the board, ready to be written down."""

    grid: Grid
    wanted: Wanted
    lines: Sequence[Line]
    """Feeds shown, in order; none of closed suppliers."""
    groups: Sequence[Group]
    """Suppliers shown, where they are asked for."""
    rows: Sequence[Cell]
    """Deliveries shown, where a list is asked for."""
    cells: Mapping[tuple[str, str], Cell]
    """Cells in full, as far as words are shown of them."""
    found: int
    """How many feeds, suppliers or deliveries there are to page through."""
    pages: int

    @property
    def has_words(self) -> bool:
        """Whether cells have words, as against strips."""
        return self.wanted.days <= WORDY_UP_TO

    @property
    def today(self) -> int:
        """Today's column; -1 where it is not shown."""
        columns = self.grid.columns
        return columns.index(self.grid.at.date()) if self.grid.at.date() in columns else -1


def turn_to(tx: Transaction, grid: Grid, wanted: Wanted) -> Page:
    """Choose, sort and fetch what one page shows."""
    codes = codes_of(wanted.tones)
    lines = [line for line in grid.lines if _is_wanted(line, wanted, codes)]
    if wanted.view == "list":
        return _list(tx, grid, wanted, lines)
    size = WORDY_LINES if wanted.days <= WORDY_UP_TO else STRIP_LINES
    groups: list[Group] = []
    if wanted.group == "supplier":
        everyone = groups_of(lines, wanted)
        found, groups = len(everyone), _portion(everyone, wanted.page, size)
        shown = [line for group in groups if group.is_open for line in group.lines]
    else:
        found, shown = len(lines), _portion(lines, wanted.page, size)
    telling = [*shown, *(group.lines[0] for group in groups)]
    pairs = [
        (line.feed, told[0]) for line in telling if (told := line.telling) and ALL[told[1]].weight
    ]
    if wanted.days <= WORDY_UP_TO:
        pairs += periods_of(shown)
    return Page(
        grid=grid,
        wanted=wanted,
        lines=shown,
        groups=groups,
        rows=(),
        cells=cells_at(tx, grid, sorted(set(pairs))),
        found=found,
        pages=_pages(found, size),
    )


def cells_at(
    tx: Transaction, grid: Grid, pairs: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], Cell]:
    """The cells of some feeds and periods in full."""
    feeds = grid.promised.feeds
    return {
        (row.feed, row.period): _cell(feeds[row.feed], row, grid)
        for row in heat.rows_at(tx, pairs)
        if row.feed in feeds
    }


def _cell(feed: Feed, row: ExpectedDelivery, grid: Grid) -> Cell:
    stands = grid.fresh.stand(row, grid.at)
    is_plain = feed.period.kind in {"day", "business_day"} and row.period in grid.keys
    return Cell(
        feed=row.feed,
        period=row.period,
        timeliness=stands.timeliness,
        delivery=stands.delivery,
        reason=stands.reason,
        late_by_s=stands.late_by_s,
        is_closed=not row.expected,
        due_at=row.due_at,
        tz=feed.terms_for(feed.parse_period(row.period)).tz,
        label="" if is_plain else row.period,
    )


def _is_wanted(line: Line, wanted: Wanted, codes: frozenset[str]) -> bool:
    if wanted.supplier and line.supplier_id != wanted.supplier:
        return False
    words = wanted.q.casefold().split()
    name = f"{line.feed} {line.supplier} {line.about}".casefold()
    if not all(word in name for word in words):
        return False
    return not wanted.tones or not codes.isdisjoint(line.all_codes)


def groups_of(lines: Iterable[Line], wanted: Wanted) -> list[Group]:
    """Feeds by supplier, the supplier that stands worst first."""
    by_supplier: dict[str, list[Line]] = {}
    for line in lines:
        by_supplier.setdefault(line.supplier_id, []).append(line)
    narrowed = bool(wanted.q or wanted.supplier)
    groups = [
        Group(
            id=supplier,
            name=next((line.supplier for line in own if line.supplier != supplier), supplier),
            lines=own,
            is_open=narrowed or bool(wanted.opened & {supplier, "all"}),
        )
        for supplier, own in by_supplier.items()
    ]
    return sorted(groups, key=lambda group: (-group.weight, group.id))


def _list(tx: Transaction, grid: Grid, wanted: Wanted, lines: Iterable[Line]) -> Page:
    """Single deliveries, the worst first and of those the newest."""
    codes = codes_of(wanted.tones)
    found = sorted(
        (-ALL[code].weight, -age, line.feed, period)
        for line in lines
        if not codes.isdisjoint(line.all_codes)
        for age, (period, code) in enumerate(_periods(line))
        if code in codes
    )
    portion = _portion(found, wanted.page, LIST_ROWS)
    pairs = [(feed, period) for _, _, feed, period in portion]
    cells = cells_at(tx, grid, pairs)
    return Page(
        grid=grid,
        wanted=wanted,
        lines=(),
        groups=(),
        rows=[cells[pair] for pair in pairs if pair in cells],
        cells=cells,
        found=len(found),
        pages=_pages(len(found), LIST_ROWS),
    )


def _periods(line: Line) -> Iterable[tuple[str, str]]:
    """Every (period, letter) of a line, oldest first."""
    yield from line.earlier
    for column, code in enumerate(line.codes):
        if code != NOTHING:
            yield line.period_at(column), code
            yield from line.hidden.get(column, ())


def _portion(items: Sequence[ItemT], page: int, size: int) -> list[ItemT]:
    start = (min(page, _pages(len(items), size)) - 1) * size
    return list(items[start : start + size])


def _pages(found: int, size: int) -> int:
    return max(-(-found // size), 1)
