"""Pages of suppliers and feeds: how they kept their promises, and the way to each period."""

from fastapi import Request, Response
from fastapi.responses import PlainTextResponse

from wharf.board.cards import MONTHS, as_csv, as_json, read_card
from wharf.board.cells import Line
from wharf.board.grid import build_grid
from wharf.board.marks import NOTHING
from wharf.board.page import cells_at, groups_of
from wharf.board.views import Views
from wharf.board.wanted import Wanted

DAYS = 90


class Suppliers:
    """Answers about suppliers, from the same installation that the board shows."""

    def __init__(self, views: Views) -> None:
        self.views = views

    def overview(self, request: Request) -> Response:
        """Every supplier of the last days, the one that needs a look first."""
        with self.views.reading() as (tx, promised, pulse):
            grid = build_grid(tx, promised, pulse.at, DAYS, pulse)
        groups = groups_of(grid.lines, Wanted())
        return self.views.html(
            request, "suppliers.html", groups=groups, grid=grid, pulse=pulse, days=DAYS, up=""
        )

    def supplier(self, request: Request, supplier: str, months: str = "12") -> Response:
        """The scorecard of a supplier."""
        return self._card(request, supplier, supplier, months, "../")

    def feed(self, request: Request, supplier: str, feed: str, months: str = "12") -> Response:
        """The scorecard of a feed, and its last periods."""
        return self._card(request, supplier, feed, months, "../../")

    def export(self, name: str, months: str = "12") -> Response:
        """A scorecard as CSV or JSON."""
        subject, _, kind = name.rpartition(".")
        with self.views.reading() as (tx, promised, pulse):
            card = read_card(tx, promised, subject, _months(months), pulse.at)
        if card is None or kind not in {"csv", "json"}:
            return PlainTextResponse("not found", status_code=404)
        media = "text/csv" if kind == "csv" else "application/json"
        headers = {"Content-Disposition": f'attachment; filename="scorecard_{name}"'}
        text = as_csv(card.rows) if kind == "csv" else as_json(card)
        return Response(text, media_type=media, headers=headers)

    def _card(
        self, request: Request, supplier: str, subject: str, months: str, up: str
    ) -> Response:
        with self.views.reading() as (tx, promised, pulse):
            card = read_card(tx, promised, subject, _months(months), pulse.at)
            if card is None or card.supplier != supplier:
                return self.views.absent(f"Nobody knows a supplier or feed {subject}.", up)
            grid = build_grid(tx, promised, pulse.at, DAYS, pulse)
            lines = {line.feed: line for line in grid.lines}
            is_feed = subject in promised.feeds
            line = lines.get(subject) if is_feed else None
            pairs = _recent(line) if line else []
            cells = cells_at(tx, grid, pairs)
        return self.views.html(
            request, "supplier.html", card=card, lines=lines, line=line, choices=MONTHS,
            cells=[cells[pair] for pair in pairs if pair in cells], days=DAYS, pulse=pulse,
            feed=promised.feeds[subject] if is_feed else None, grid=grid, up=up,
        )  # fmt: skip


def _recent(line: Line, count: int = 31) -> list[tuple[str, str]]:
    """(feed, period) of the last cells of a line, newest first."""
    shown = [
        (line.feed, period)
        for column in reversed(range(len(line.codes)))
        if line.codes[column] != NOTHING
        for period, _ in sorted(line.periods_at(column), reverse=True)
    ]
    return [*shown[:count], *((line.feed, period) for period, _ in reversed(line.last_earlier))]


def _months(text: str) -> int:
    return int(text) if text.isdecimal() and text.isascii() and int(text) in MONTHS else 12
