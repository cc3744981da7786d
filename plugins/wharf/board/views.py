"""The board's pages: what each address answers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.responses import FileResponse, HTMLResponse, PlainTextResponse

from wharf.board import marks
from wharf.board.grid import Grid, build_grid
from wharf.board.page import turn_to
from wharf.board.promised import Promised, PromisedReader
from wharf.board.pulse import Pulse, feel_pulse
from wharf.board.story import build_story
from wharf.board.templating import make_templates
from wharf.board.wanted import SPANS, TONES, read_wanted
from wharf.ledger import Ledger, Transaction, batches
from wharf.settings import Settings

STATIC = Path(__file__).parent / "static"
FILES = frozenset({"actions.css", "board.css", "board.js", "theme.js"})
# Audit pages carry their style along and run nothing.
RESULTS_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)


class Views:
    """Answers to the board's addresses, from one installation's ledger."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime]) -> None:
        self.settings = settings
        self.clock = clock
        self.ledger = Ledger.open(settings.ledger_url)
        self.reader = PromisedReader(settings.project)
        self.templates = make_templates()
        self.panel: Callable[..., Any] | None = None

    def board(self, request: Request) -> Response:
        """Feeds by day, suppliers by day, or single deliveries; late ones first."""
        wanted = read_wanted(request.query_params)
        with self.reading() as (tx, promised, pulse):
            page = turn_to(tx, build_grid(tx, promised, pulse.at, wanted.days, pulse), wanted)
        name = "list.html" if wanted.view == "list" else "grid.html"
        return self.html(
            request, name, page=page, grid=page.grid, wanted=wanted, pulse=pulse,
            spans=SPANS, tones=TONES, marks=marks.ALL, up="",
        )  # fmt: skip

    def story(self, request: Request, feed: str, period: str) -> Response:
        """Everything known of one expected delivery."""
        with self.reading() as (tx, promised, pulse):
            told = build_story(tx, promised, feed, period, pulse.at)
            acts = self.panel(tx, told, request) if self.panel and told else None
        if told is None:
            return self.absent(f"Nothing is expected of {feed} for {period}.", "../../")
        return self.html(request, "story.html", story=told, acts=acts, pulse=pulse, up="../../")

    def results(self, batch_id: str) -> Response:
        """The audit page of one batch."""
        with self.ledger.read() as tx:
            row = batches.batch(tx, batch_id)
        page = self.kept(row.results) if row else None
        if page is None:
            return self.absent(f"There is no audit page of batch {batch_id}.", "../")
        if not page.is_file():
            return self.absent(f"The audit page of batch {batch_id} is gone.", "../")
        headers = {"Content-Security-Policy": RESULTS_POLICY}
        return FileResponse(page, media_type="text/html", headers=headers)

    def kept(self, results: str) -> Path | None:
        """An audit page as a batch's row names it; None unless it lies where results are kept."""
        page = Path(results).resolve() if results else None
        return page if page and page.is_relative_to(self.settings.results.resolve()) else None

    def static(self, name: str) -> Response:
        """The board's own style sheet and scripts."""
        if name not in FILES:
            return PlainTextResponse("not found", status_code=404)
        return FileResponse(STATIC / name)

    def grid(self, days: int) -> Grid:
        """The board of the last days."""
        with self.reading() as (tx, promised, pulse):
            return build_grid(tx, promised, pulse.at, days, pulse)

    @contextmanager
    def reading(self) -> Iterator[tuple[Transaction, Promised, Pulse]]:
        """A reading transaction, the contracts in force, and how looks and ticks go."""
        every = max(self.settings.look_every, self.settings.tick_every)
        silence = max(timedelta(minutes=5), 3 * every)
        with self.ledger.read() as tx:
            promised = self.reader.read(tx)
            yield tx, promised, feel_pulse(tx, promised.feeds.values(), self.clock(), silence)

    def html(self, request: Request, name: str, **values: Any) -> Response:
        """A page, or 304 when the browser has these very bytes."""
        text = self.templates.get_template(name).render(**values)
        tag = f'"{sha256(text.encode()).hexdigest()[:32]}"'
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"ETag": tag})
        return HTMLResponse(text, headers={"ETag": tag})

    def absent(self, text: str, up: str) -> Response:
        """A page that says what is not there, with the way back."""
        page = self.templates.get_template("absent.html").render(text=text, up=up)
        return HTMLResponse(page, status_code=404)
