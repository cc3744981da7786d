"""Where the board takes writes, and the pages from which people make them."""

from fastapi import APIRouter

from wharf.board.actions import Actions, story_routes
from wharf.board.actions_api import api_routes
from wharf.board.actions_backfills import backfill_routes
from wharf.board.actions_guard import Powers
from wharf.board.actions_pages import page_routes
from wharf.board.actions_quarantine import panel_of, quarantine_routes
from wharf.board.kept import KeptPages
from wharf.board.views import Views


def add_actions(router: APIRouter, views: Views, powers: Powers | None, kept: KeptPages) -> None:
    """Let people decide on the board; without powers it goes on only to show."""
    views.templates.globals["can_act"] = powers is not None
    if powers is None:
        return
    actions = Actions(views, powers)
    views.panel = actions.panel
    for routes in (story_routes, page_routes, backfill_routes, api_routes):
        router.include_router(routes(actions))
    kept.panel = panel_of(actions)
    router.include_router(quarantine_routes(actions, kept))
