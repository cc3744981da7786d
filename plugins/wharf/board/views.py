"""The board's pages: what each address answers."""

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from fastapi import Request, Response
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from wharf.board import words
from wharf.board.cells import EARLIER, Grid
from wharf.board.grid import build_grid
from wharf.board.promised import PromisedReader
from wharf.board.story import build_story
from wharf.ledger import Ledger, batches
from wharf.settings import Settings

STATIC = Path(__file__).parent / "static"
SPANS = (7, 14, 35, 62)
# Audit pages carry their style along and run nothing.
RESULTS_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"


class Views:
    """Answers to the board's addresses, from one installation's ledger."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime]) -> None:
        self.settings = settings
        self.clock = clock
        self.ledger = Ledger.open(settings.ledger_url)
        self.reader = PromisedReader(settings.project)
        self.templates = _templates()

    def board(self, request: Request, days: str = "14") -> Response:
        """Feeds by day, late ones first."""
        shown = min(max(int(days), 1), SPANS[-1]) if days.isdecimal() else SPANS[1]
        page = self.templates.get_template("board.html")
        text = page.render(grid=self._grid(shown), days=shown, spans=SPANS, earlier=EARLIER)
        return _html(text, request)

    def story(self, request: Request, feed: str, period: str) -> Response:
        """Everything known of one expected delivery."""
        with self.ledger.read() as tx:
            told = build_story(tx, self.reader.read(tx), feed, period, self.clock())
        if told is None:
            return self._absent(f"Nothing is expected of {feed} for {period}.", "../../")
        return _html(self.templates.get_template("story.html").render(story=told), request)

    def results(self, batch_id: str) -> Response:
        """The audit page of one batch."""
        with self.ledger.read() as tx:
            row = batches.batch(tx, batch_id)
        page = Path(row.results).resolve() if row and row.results else None
        if page is None or not page.is_relative_to(self.settings.results.resolve()):
            return self._absent(f"There is no audit page of batch {batch_id}.", "../")
        if not page.is_file():
            return self._absent(f"The audit page of batch {batch_id} is gone.", "../")
        headers = {"Content-Security-Policy": RESULTS_POLICY}
        return FileResponse(page, media_type="text/html", headers=headers)

    def status(self) -> Response:
        """The state of every cell, for machines."""
        return JSONResponse(self._grid(SPANS[2]).describe())

    def static(self, name: str) -> Response:
        """The board's own style sheet and script."""
        if name not in {"board.css", "board.js"}:
            return PlainTextResponse("not found", status_code=404)
        return FileResponse(STATIC / name)

    def _grid(self, days: int) -> Grid:
        every = max(self.settings.look_every, self.settings.tick_every)
        silence = max(timedelta(minutes=5), 3 * every)
        with self.ledger.read() as tx:
            return build_grid(tx, self.reader.read(tx), self.clock(), days, silence)

    def _absent(self, text: str, way_up: str) -> Response:
        page = self.templates.get_template("absent.html").render(text=text, way_up=way_up)
        return HTMLResponse(page, status_code=404)


def _html(text: str, request: Request) -> Response:
    """A page, or 304 when the browser has these very bytes."""
    tag = f'"{sha256(text.encode()).hexdigest()[:32]}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"ETag": tag})
    return HTMLResponse(text, headers={"ETag": tag})


def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("wharf.board"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for each in (
        words.span, words.minute, words.second, words.weekday, words.day_and_month,
        words.timeliness, words.delivery, words.condition, words.finding, words.capitalize_first,
    ):  # fmt: skip
        made.filters[each.__name__] = each
    made.filters["number"] = lambda value: f"{value:,}"
    return made
