"""Building the grid: feeds by day, the states of this second, worst first."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from wharf.board.cells import EARLIER, WEIGHT, Cell, Grid, Line
from wharf.board.promised import Promised
from wharf.board.standing import Standing, standings
from wharf.contracts import Feed
from wharf.ledger import Transaction, decisions, expected
from wharf.ledger.rows import ExpectedDelivery

_SHORT_KINDS = {"hour", "day", "business_day"}


def build_grid(
    tx: Transaction,
    promised: Promised,
    now: datetime,
    days: int,
    silence: timedelta = timedelta(minutes=5),
) -> Grid:
    """Evaluate what should have come in the last days, and what is older and still open.

    Args:
        tx: A reading transaction.
        promised: Contracts in force.
        now: The instant to evaluate.
        days: How many days to show, today among them.
        silence: For how long look and tick may leave no heartbeat.
    """
    first = now.date() - timedelta(days=days - 1)
    since = datetime.combine(first, datetime.min.time(), now.tzinfo)
    rows = [row for row in expected.in_horizon(tx, since) if row.opens_at <= now]
    cells = [_cell(promised.feeds[each.row.feed], each, first)
             for each in standings(tx, promised.feeds, rows, now)]  # fmt: skip
    cells = [cell for cell in cells if cell.day != EARLIER or _is_open(cell)]
    seen = {cell.feed for cell in cells}
    older = [row for name in promised.feeds if name not in seen for row in _last_two(tx, name, now)]
    cells += [_cell(promised.feeds[each.row.feed], each, first)
              for each in standings(tx, promised.feeds, older, now)]  # fmt: skip
    by_feed: dict[str, list[Cell]] = {name: [] for name in promised.feeds}
    for cell in cells:
        by_feed[cell.feed].append(cell)
    lines = [_line(promised, feed, by_feed[name]) for name, feed in promised.feeds.items()]
    looked, ticked = decisions.last_tick(tx, "look"), decisions.last_tick(tx, "tick")
    return Grid(
        at=now,
        columns=_columns(cells, now.date()),
        lines=tuple(sorted(lines, key=lambda line: (-line.weight, line.feed))),
        promised=promised,
        looked_at=looked.at if looked else None,
        ticked_at=ticked.at if ticked else None,
        silence=silence,
    )


def _cell(feed: Feed, standing: Standing, first: date) -> Cell:
    row = standing.row
    period = feed.parse_period(row.period)
    day = period.first
    if period.kind not in _SHORT_KINDS:
        day = row.due_at.astimezone(ZoneInfo(feed.terms_for(period).tz)).date()
    is_plain = period.kind in _SHORT_KINDS - {"hour"} and day >= first
    return Cell(
        feed=row.feed,
        period=row.period,
        day=day if day >= first else EARLIER,
        timeliness=standing.timeliness,
        delivery=standing.delivery,
        reason=standing.reason,
        late_by_s=standing.late_by_s,
        is_closed=not row.expected,
        label="" if is_plain else row.period,
    )


def _is_open(cell: Cell) -> bool:
    """Whether something is still to be done about it."""
    return cell.timeliness != "MISSING" and cell.weight > WEIGHT["LATE_ARRIVED"]


def _last_two(tx: Transaction, feed: str, now: datetime) -> list[ExpectedDelivery]:
    """What was expected last of a feed of which nothing falls into the days shown."""
    return [row for row in expected.expected_of(tx, feed) if row.opens_at <= now][-2:]


def _line(promised: Promised, feed: Feed, cells: Iterable[Cell]) -> Line:
    own: dict[date, list[Cell]] = {}
    for cell in cells:
        own.setdefault(cell.day, []).append(cell)
    return Line(
        feed=feed.feed,
        supplier=feed.supplier.name or feed.supplier_id,
        about=feed.about,
        cells={
            day: sorted(found, key=lambda cell: (-cell.weight, cell.period))
            for day, found in own.items()
        },
        is_broken=feed.feed in promised.broken,
        orphaned=promised.orphaned.get(feed.feed, ""),
        is_trial=feed.active.trial,
    )


def _columns(cells: Iterable[Cell], today: date) -> tuple[date, ...]:
    """Every day from the first with a cell to the last, with today; what is earlier in front."""
    found = {cell.day for cell in cells}
    days = found - {EARLIER}
    if not days:
        return (EARLIER,) if found else ()
    first, last = min(days), max(days | {today})
    whole = [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
    return (EARLIER, *whole) if EARLIER in found else tuple(whole)
