"""The board's pages as one ASGI application."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.middleware.base import BaseHTTPMiddleware

from wharf.board import words
from wharf.board.cells import EARLIER, Grid
from wharf.board.grid import build_grid
from wharf.board.promised import PromisedReader
from wharf.board.story import build_story
from wharf.ledger import Ledger, batches
from wharf.settings import Settings

STATIC = Path(__file__).parent / "static"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}
# Audit pages carry their style along and run nothing.
RESULTS_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"
SPANS = (7, 14, 35, 62)


def build_app(
    settings: Settings,
    guard: Callable[..., Any],
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> FastAPI:
    """Build the board.

    Args:
        settings: Which installation to show.
        guard: A FastAPI dependency that lets only permitted people in, put before every route.
        clock: Gives the instant that a page shows.
    """
    ledger = Ledger.open(settings.ledger_url)
    reader = PromisedReader(settings.project)
    silence = max(timedelta(minutes=5), 3 * settings.look_every, 3 * settings.tick_every)
    pages = _pages()
    router = APIRouter(dependencies=[Depends(guard)])

    def grid_of(days: int) -> Grid:
        with ledger.read() as tx:
            return build_grid(tx, reader.read(tx), clock(), days, silence)

    def absent(text: str, way_up: str) -> Response:
        page = pages.get_template("absent.html")
        return HTMLResponse(page.render(text=text, way_up=way_up), status_code=404)

    @router.get("/")
    def board(request: Request, days: str = "14") -> Response:
        """Feeds by day, late ones first."""
        shown = min(max(int(days), 1), SPANS[-1]) if days.isdecimal() else SPANS[1]
        page = pages.get_template("board.html")
        text = page.render(grid=grid_of(shown), days=shown, spans=SPANS, earlier=EARLIER)
        return _html(text, request)

    @router.get("/feeds/{feed}/{period}")
    def story(request: Request, feed: str, period: str) -> Response:
        """Everything known of one expected delivery."""
        with ledger.read() as tx:
            told = build_story(tx, reader.read(tx), feed, period, clock())
        if told is None:
            return absent(f"Nothing is expected of {feed} for {period}.", "../../")
        return _html(pages.get_template("story.html").render(story=told), request)

    @router.get("/results/{batch_id}")
    def results(batch_id: str) -> Response:
        """The audit page of one batch."""
        with ledger.read() as tx:
            row = batches.batch(tx, batch_id)
        page = Path(row.results).resolve() if row and row.results else None
        if page is None or not page.is_file() or not _is_below(page, settings.results):
            return absent(f"There is no audit page of batch {batch_id}.", "../")
        headers = {"Content-Security-Policy": RESULTS_POLICY}
        return FileResponse(page, media_type="text/html", headers=headers)

    @router.get("/status.json")
    def status() -> JSONResponse:
        """The state of every cell, for machines."""
        return JSONResponse(grid_of(35).describe())

    @router.get("/static/{name}")
    def static(name: str) -> Response:
        """The board's own style sheet and script."""
        if name not in {"board.css", "board.js"}:
            return PlainTextResponse("not found", status_code=404)
        return FileResponse(STATIC / name)

    app = FastAPI(title="wharf board", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(router)
    app.add_middleware(BaseHTTPMiddleware, dispatch=_with_headers)
    return app


async def _with_headers(
    request: Request, answer: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Give every answer the board's headers, refusals and unknown addresses too."""
    response = await answer(request)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _html(text: str, request: Request) -> Response:
    """A page, or 304 when the browser has these very bytes."""
    tag = f'"{sha256(text.encode()).hexdigest()[:32]}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"ETag": tag})
    return HTMLResponse(text, headers={"ETag": tag})


def _is_below(path: Path, folder: Path) -> bool:
    return path.is_relative_to(folder.resolve())


def _pages() -> Environment:
    pages = Environment(
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
        pages.filters[each.__name__] = each
    pages.filters["number"] = lambda value: f"{value:,}"
    return pages
