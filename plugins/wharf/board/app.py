"""The board as one ASGI application: its addresses, their guard, and the headers of all answers."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from starlette.middleware.base import BaseHTTPMiddleware

from wharf.board.actions_guard import Powers, remember
from wharf.board.actions_routes import add_actions
from wharf.board.checked import Checked
from wharf.board.kept import KeptPages
from wharf.board.machines import Machines
from wharf.board.room import RoomPage
from wharf.board.suppliers import Suppliers
from wharf.board.trails import TrailPages
from wharf.board.views import Views
from wharf.settings import Settings

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}


def build_app(
    settings: Settings,
    guard: Callable[..., Any],
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    powers: Powers | None = None,
) -> FastAPI:
    """Build the board.

    Args:
        settings: Which installation to show.
        guard: A FastAPI dependency that lets only permitted people in, put before every route.
        clock: Gives the instant that a page shows.
        powers: Who asks, and what Airflow lends to decide; without them the board only shows.
    """
    views = Views(settings, clock)
    entry = [Depends(guard)] + ([remember(powers)] if powers else [])
    router = APIRouter(dependencies=entry, default_response_class=Response)
    router.get("/")(views.board)
    router.get("/feeds/{feed}/{period}")(views.story)
    checked = Checked(views)
    router.get("/results/{batch_id}.csv")(checked.rows)
    router.get("/results/{batch_id}")(views.results)
    suppliers, machines = Suppliers(views), Machines(views)
    router.get("/suppliers")(suppliers.overview)
    router.get("/suppliers/{supplier}")(suppliers.supplier)
    router.get("/suppliers/{supplier}/{feed}")(suppliers.feed)
    router.get("/suppliers/{supplier}/{feed}/audits")(checked.history)
    router.get("/scorecards/{name}")(suppliers.export)
    router.get("/disk")(RoomPage(views).show)
    router.get("/status.json")(machines.status)
    router.get("/metrics")(machines.metrics)
    router.get("/badges/{name}")(machines.badge)
    router.get("/static/{name}")(views.static)
    kept, trails = KeptPages(views), TrailPages(views)
    router.get("/quarantine")(kept.overview)
    router.get("/feeds/{feed}/{period}/quarantine")(kept.rows)
    router.get("/feeds/{feed}/{period}/quarantine/{kind}")(kept.download)
    router.get("/feeds/{feed}/{period}/versions")(trails.versions)
    router.get("/trace")(trails.trace)
    router.get("/trace/{batch_id}")(trails.batch)
    add_actions(router, views, powers, kept)
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
