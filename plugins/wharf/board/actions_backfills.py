"""Backfills on the board: choose periods, see what would be started, start it, watch it."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.background import BackgroundTask

from wharf.board.actions import Actions
from wharf.board.actions_guard import Caller, Number, insist
from wharf.board.actions_pages import checked_fields
from wharf.contracts import Feed, Product
from wharf.decisions import Person, Plan, plain, plan_backfill, start_backfill, started_periods
from wharf.decisions.backfills import FOLLOW, REPROCESS, Progress, progress, readers
from wharf.errors import WharfError
from wharf.ledger import backfills
from wharf.ledger.backfills import Backfill

FIELDS = ("subject", "first", "last", "reprocess", "follow", "reason")


def backfill_routes(actions: Actions) -> APIRouter:
    """The pages of backfills and what their forms send."""

    def show(request: Request) -> Response:
        filled = {name: request.query_params.get(name, "") for name in FIELDS}
        return form_page(actions, request, filled)

    async def begin(request: Request) -> Response:
        fields = await checked_fields(actions, request)
        return await run_in_threadpool(_begin, actions, request, fields)

    def show_one(request: Request, seq: Number) -> Response:
        return progress_page(actions, request, seq)

    async def go_on(request: Request, seq: Number) -> Response:
        await checked_fields(actions, request)
        return await run_in_threadpool(_go_on, actions, request, seq)

    router = APIRouter()
    router.get("/backfills")(show)
    router.post("/backfills")(begin)
    router.get("/backfills/{seq}")(show_one)
    router.post("/backfills/{seq}")(go_on)
    return router


def plan(actions: Actions, caller: Caller, fields: dict[str, str]) -> Plan:
    """What a backfill would do.

    Raises:
        DecisionRefused: A period is malformed or in the future.
        HTTPException: The caller may not run the DAG, or one of a product that is to follow.
    """
    desk = actions.desk()
    subject = desk.subject(fields.get("subject", ""))
    insist(caller, subject.dag_id)
    follow = fields.get("follow") or "none"
    for product in readers(desk, fields.get("subject", "")) if follow != "none" else ():
        insist(caller, desk.products[product].dag_id)
    return plan_backfill(
        desk, fields.get("subject", ""), fields.get("first", ""), fields.get("last", ""),
        actions.clock(), reprocess=fields.get("reprocess") or "none", follow=follow,
    )  # fmt: skip


def begin(
    actions: Actions, caller: Caller, fields: dict[str, str], via: Any
) -> tuple[Backfill, BackgroundTask]:
    """Keep a backfill; gives it, and the work of starting its runs for after the answer.

    Raises:
        DecisionRefused: There is nothing to start, or no reason.
    """
    found = plan(actions, caller, fields)
    person = Person(caller.name, via, caller.has_login)
    reason = plain(fields.get("reason", ""))
    row = start_backfill(actions.desk(), found, reason, person, actions.clock())
    return row, BackgroundTask(_start, actions, row)


def described(actions: Actions, row: Backfill) -> list[Progress]:
    """How far each period of a backfill is."""
    with actions.ledger.read() as tx:
        return progress(tx, actions.desk(), row)


def form_page(
    actions: Actions,
    request: Request,
    filled: dict[str, str],
    code: int = 200,
    **more: Any,
) -> Response:
    """The form, the plan of what was asked for, and the last backfills."""
    caller: Caller = request.state.caller
    desk = actions.desk()
    specs: list[Feed | Product] = [*desk.feeds.values(), *desk.products.values()]
    names = [*desk.feeds, *desk.products]
    may = [n for n, spec in zip(names, specs, strict=True) if caller.may_change(spec.dag_id)]
    with actions.ledger.read() as tx:
        last = backfills.backfills(tx)
    values = {
        "problem": "", "plan": None, "up": "", "last": last, "filled": filled,
        "subjects": sorted(may), "reprocess": REPROCESS, "follow": FOLLOW,
        "token": actions.token(caller), **more,
    }  # fmt: skip
    text = actions.views.templates.get_template("actions_backfills.html").render(**values)
    return HTMLResponse(text, status_code=code)


def progress_page(actions: Actions, request: Request, seq: int) -> Response:
    """How far one backfill is."""
    with actions.ledger.read() as tx:
        row = backfills.find_backfill(tx, seq)
    if row is None:
        return actions.views.absent(f"There is no backfill {seq}.", "../")
    caller: Caller = request.state.caller
    told = described(actions, row)
    text = actions.views.templates.get_template("actions_backfill.html").render(
        row=row, periods=told, token=actions.token(caller), up="../",
        may_start=caller.may_change(row.dag_id), is_feed=row.dag_id.startswith("feed__"),
        left=sum(each.status == "not started" for each in told),
    )  # fmt: skip
    return HTMLResponse(text)


def _begin(actions: Actions, request: Request, fields: dict[str, str]) -> Response:
    caller: Caller = request.state.caller
    try:
        if fields.pop("do", "") != "start":
            found = plan(actions, caller, fields)
            return form_page(actions, request, fields, plan=found)
        row, work = begin(actions, caller, fields, "board")
    except WharfError as error:
        return form_page(actions, request, fields, 422, problem=str(error))
    return RedirectResponse(f"backfills/{row.seq}", status_code=303, background=work)


def _go_on(actions: Actions, request: Request, seq: int) -> Response:
    with actions.ledger.read() as tx:
        row = backfills.find_backfill(tx, seq)
    if row is None:
        return actions.views.absent(f"There is no backfill {seq}.", "../")
    insist(request.state.caller, row.dag_id)
    work = BackgroundTask(_start, actions, row)
    return RedirectResponse(f"{row.seq}", status_code=303, background=work)


def _start(actions: Actions, row: Backfill) -> None:
    """Start the runs, oldest period first; what Airflow refuses stays `not started`."""
    for _ in started_periods(actions.desk(), row, actions.powers.start_run, actions.clock()):
        continue
