"""Pages about decisions of all feeds: their list, maintenance windows, and products' proposals."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse

from wharf.board.actions import Actions
from wharf.board.actions_body import sent_form, texts
from wharf.board.actions_guard import TOKEN_FIELD, Caller, check_origin, check_write, insist
from wharf.decisions import Person, parse_instant, plain, sentence, status
from wharf.decisions.decide import decide_window, window_feeds
from wharf.decisions.offers import settle_offer
from wharf.errors import WharfError
from wharf.ledger import decisions, proposals

SHOWN = 200


def page_routes(actions: Actions) -> APIRouter:
    """The pages and what their forms send."""

    def show_decisions(request: Request) -> Response:
        with actions.ledger.read() as tx:
            rows = decisions.all_decisions(tx, limit=SHOWN)
        now = actions.clock()
        told = [(row, sentence(row, now), status(row, now)) for row in reversed(rows)]
        return _page(actions, request, "actions_decisions.html", told=told, shown=SHOWN)

    def show_windows(request: Request) -> Response:
        return windows_page(actions, request)

    async def set_window(request: Request) -> Response:
        fields = await checked_fields(actions, request)
        return await run_in_threadpool(_set_window, actions, request, fields)

    def show_offers(request: Request) -> Response:
        return offers_page(actions, request)

    async def settle(request: Request) -> Response:
        fields = await checked_fields(actions, request)
        return await run_in_threadpool(_settle, actions, request, fields)

    router = APIRouter()
    router.get("/decisions")(show_decisions)
    router.get("/maintenance")(show_windows)
    router.post("/maintenance")(set_window)
    router.get("/proposals")(show_offers)
    router.post("/proposals")(settle)
    return router


async def checked_fields(actions: Actions, request: Request) -> dict[str, str]:
    """The fields of a form that this caller meant to send.

    Raises:
        HTTPException: Another site may have caused it, or it cannot be read.
    """
    caller: Caller = request.state.caller
    check_origin(actions.powers, caller, request)
    async with sent_form(request) as form:
        fields = texts(form)
    check_write(actions.powers, caller, request, fields.pop(TOKEN_FIELD, ""), actions.clock())
    return fields


def set_window(actions: Actions, caller: Caller, fields: dict[str, str], via: Any) -> list[Any]:
    """Set a maintenance window; gives its decisions, one for each feed.

    Raises:
        DecisionRefused: It is not allowed.
        HTTPException: The caller may not decide about one of the feeds.
    """
    desk, now = actions.desk(), actions.clock()
    scope = fields.get("scope", "")
    feeds = window_feeds(desk, scope)
    for feed in feeds:
        insist(caller, feed.dag_id)
    since = parse_instant(fields.get("since") or "0s", now, field="since", ends=False)
    until = parse_instant(fields.get("until", ""), now)
    person = Person(caller.name, via, caller.has_login)
    return decide_window(
        desk, feeds, scope, since, until, plain(fields.get("reason", "")), person, now
    )


def windows_page(actions: Actions, request: Request, code: int = 200, **more: Any) -> Response:
    """The form for a maintenance window, and the windows there are."""
    now = actions.clock()
    with actions.ledger.read() as tx:
        rows = decisions.all_decisions(tx, in_force_at=now, limit=1000)
    groups: dict[tuple[str, str, str], list[Any]] = {}
    for row in rows:
        if row.kind == "maintenance":
            key = (str(row.detail.get("scope")), str(row.detail.get("since")), str(row.until))
            groups.setdefault(key, []).append(row)
    feeds = actions.desk().feeds.values()
    scopes = ["all"]
    scopes += sorted({f"supplier:{feed.supplier_id}" for feed in feeds})
    scopes += sorted({f"connection:{feed.source.connection}" for feed in feeds})
    return _page(
        actions, request, "actions_maintenance.html", code,
        windows=list(groups.values()), scopes=scopes, now=now, **more,
    )  # fmt: skip


def offers_page(actions: Actions, request: Request, code: int = 200, **more: Any) -> Response:
    """Proposals that wait for a person's word."""
    with actions.ledger.read() as tx:
        waiting = proposals.open_proposals(tx)
    caller: Caller = request.state.caller
    told = [(each, caller.may_change(f"product__{each.product}")) for each in waiting]
    return _page(actions, request, "actions_proposals.html", code, waiting=told, **more)


def settle(actions: Actions, caller: Caller, fields: dict[str, str], via: Any) -> Any:
    """Accept or decline a proposal; gives it.

    Raises:
        DecisionRefused: It is not allowed.
        HTTPException: The caller may not decide about the product.
    """
    number = fields.get("proposal", "")
    seq = int(number) if number.isdecimal() and len(number) < 16 else 0
    with actions.ledger.read() as tx:
        row = proposals.find_proposal(tx, seq)
    if row is not None:
        insist(caller, f"product__{row.product}")
    return settle_offer(
        actions.desk(), seq, fields.get("verdict", ""), plain(fields.get("reason", "")),
        Person(caller.name, via, caller.has_login), actions.clock(), actions.powers.start_run,
    )  # fmt: skip


def _set_window(actions: Actions, request: Request, fields: dict[str, str]) -> Response:
    try:
        set_window(actions, request.state.caller, fields, "board")
    except WharfError as error:
        return windows_page(actions, request, 422, problem=str(error), filled=fields)
    return RedirectResponse("maintenance", status_code=303)


def _settle(actions: Actions, request: Request, fields: dict[str, str]) -> Response:
    try:
        settle(actions, request.state.caller, fields, "board")
    except WharfError as error:
        return offers_page(actions, request, 422, problem=str(error))
    return RedirectResponse("proposals", status_code=303)


def _page(
    actions: Actions, request: Request, name: str, code: int = 200, **values: Any
) -> Response:
    values = {"problem": "", "filled": {}, "up": "", **values}
    caller: Caller = request.state.caller
    text = actions.views.templates.get_template(name).render(
        token=actions.token(caller), caller=caller.name, **values
    )
    return HTMLResponse(text, status_code=code)
