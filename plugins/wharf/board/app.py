"""The board's pages as one ASGI application."""

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from wharf.board.grid import Grid, build_grid
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
}


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
    pages = Environment(
        loader=PackageLoader("wharf.board"), autoescape=True, undefined=StrictUndefined
    )
    pages.filters["utc"] = _utc
    pages.filters["span"] = span
    router = APIRouter(dependencies=[Depends(guard)])

    @router.get("/")
    def board(request: Request, days: int = 14) -> Response:
        """Feeds by day, late ones first."""
        grid = _grid(ledger, clock(), days)
        text = pages.get_template("board.html").render(grid=grid, now=grid.at, days=days)
        return _html(text, request)

    @router.get("/feeds/{feed}/{period}")
    def story(request: Request, feed: str, period: str) -> Response:
        """Everything known of one expected delivery."""
        with ledger.read() as tx:
            told = build_story(tx, feed, period, clock())
        if told is None:
            text = f"Nothing is expected of {feed!r} for {period!r}; go back to the board."
            return PlainTextResponse(text, status_code=404, headers=HEADERS)
        text = pages.get_template("story.html").render(story=told, now=told.at)
        return _html(text, request)

    @router.get("/results/{batch_id}")
    def results(batch_id: str) -> Response:
        """The audit page of one batch."""
        with ledger.read() as tx:
            row = batches.batch(tx, batch_id)
        page = Path(row.results) if row and row.results else None
        if page is None or not page.is_file():
            text = f"There is no audit page of batch {batch_id!r}."
            return PlainTextResponse(text, status_code=404, headers=HEADERS)
        policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"
        return FileResponse(
            page, media_type="text/html", headers={**HEADERS, "Content-Security-Policy": policy}
        )

    @router.get("/status.json")
    def status() -> JSONResponse:
        """The state of every cell, for machines."""
        return JSONResponse(_grid(ledger, clock(), 35).describe(), headers=HEADERS)

    @router.get("/static/{name}")
    def static(name: str) -> Response:
        """The board's own style sheet and script."""
        if name not in {"board.css", "board.js"}:
            return PlainTextResponse("not found", status_code=404, headers=HEADERS)
        return FileResponse(STATIC / name, headers=HEADERS)

    app = FastAPI(title="wharf board", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(router)
    return app


def _grid(ledger: Ledger, now: datetime, days: int) -> Grid:
    with ledger.read() as tx:
        return build_grid(tx, now, max(1, min(days, 62)))


def _html(text: str, request: Request) -> Response:
    """A page, or 304 when the browser has these very bytes."""
    tag = f'"{sha256(text.encode()).hexdigest()[:32]}"'
    headers = {**HEADERS, "ETag": tag, "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return HTMLResponse(text, headers=headers)


def _utc(value: datetime | None) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S} UTC" if value else "–"


def span(seconds: float | None) -> str:
    """A length of time as people say it: 45 s, 95 min, 26 h, 3 d."""
    if seconds is None:
        return "–"
    size = abs(seconds)
    for limit, unit, step in ((120, "s", 1), (7200, "min", 60), (172800, "h", 3600)):
        if size < limit:
            return f"{seconds / step:.0f} {unit}"
    return f"{seconds / 86400:.0f} d"
