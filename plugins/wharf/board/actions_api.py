"""The same decisions as JSON, for programs: below `api/`, with a bearer token or our own."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from starlette.datastructures import UploadFile

from wharf.board import actions_backfills, actions_pages
from wharf.board.actions import Actions
from wharf.board.actions_body import FORM_LIMIT, sent_form, sent_json, texts
from wharf.board.actions_guard import (
    TOKEN_FIELD,
    Caller,
    Number,
    check_origin,
    check_write,
    insist,
)
from wharf.decisions import Person, describe
from wharf.errors import DecisionRefused, WharfError
from wharf.ledger import backfills, decisions, proposals

Answer = Callable[[Actions, Caller, dict[str, str]], tuple[Any, Any]]


def api_routes(actions: Actions) -> APIRouter:
    """The addresses of the JSON interface."""
    router = APIRouter(prefix="/api")

    def listed(feed: str = "", period: str = "", in_force: bool = False) -> Response:
        return JSONResponse(_listed(actions, feed, period, in_force))

    def token(request: Request) -> Response:
        return JSONResponse({"token": actions.token(request.state.caller)})

    async def revoke(request: Request, seq: Number) -> Response:
        return await _answer(actions, request, _revoke, decision=seq)

    async def approve(request: Request, seq: Number) -> Response:
        return await _answer(actions, request, _approve, decision=seq)

    async def settle(request: Request, seq: Number) -> Response:
        return await _answer(actions, request, _settle, proposal=seq)

    async def hand_in(request: Request) -> Response:
        return await _take_file(actions, request)

    def watch(seq: Number) -> Response:
        return JSONResponse(_progress(actions, seq))

    def waiting() -> Response:
        with actions.ledger.read() as tx:
            rows = proposals.open_proposals(tx)
        return JSONResponse({"proposals": [_offer(each) for each in rows]})

    router.get("/token")(token)
    router.get("/decisions")(listed)
    router.post("/decisions")(_taking(actions, _decide))
    router.post("/decisions/{seq}/revoke")(revoke)
    router.post("/decisions/{seq}/approve")(approve)
    router.post("/maintenance")(_taking(actions, _window))
    router.get("/proposals")(waiting)
    router.post("/proposals/{seq}")(settle)
    router.post("/backfills")(_taking(actions, _backfill))
    router.get("/backfills/{seq}")(watch)
    router.post("/deliveries")(hand_in)
    return router


def _taking(actions: Actions, do: Answer) -> Callable[..., Any]:
    async def take(request: Request) -> Response:
        return await _answer(actions, request, do)

    return take


async def _answer(actions: Actions, request: Request, do: Answer, **more: int) -> Response:
    """Read one JSON object, do what it asks, answer with one; errors as `field` and `detail`."""
    caller: Caller = request.state.caller
    check_write(actions.powers, caller, request, "", actions.clock())
    fields = {**texts(await sent_json(request)), **{name: str(n) for name, n in more.items()}}
    try:
        told, work = await run_in_threadpool(do, actions, caller, fields)
    except WharfError as error:
        return _refusal(error)
    return JSONResponse(told, status_code=201, background=work)


def _refusal(error: WharfError) -> Response:
    field = error.field if isinstance(error, DecisionRefused) else None
    code = 422 if isinstance(error, DecisionRefused) else 409
    return JSONResponse({"detail": str(error), "field": field}, status_code=code)


def _decide(actions: Actions, caller: Caller, fields: dict[str, str]) -> tuple[Any, Any]:
    made = actions.act(caller, fields, "rest", tz="UTC")
    return describe(made, actions.clock()), None


def _revoke(actions: Actions, caller: Caller, fields: dict[str, str]) -> tuple[Any, Any]:
    made = actions.revoke(caller, int(fields["decision"]), fields.get("reason", ""), "rest")
    return describe(made, actions.clock()), None


def _approve(actions: Actions, caller: Caller, fields: dict[str, str]) -> tuple[Any, Any]:
    return describe(actions.approve(caller, int(fields["decision"]), "rest"), actions.clock()), None


def _window(actions: Actions, caller: Caller, fields: dict[str, str]) -> tuple[Any, Any]:
    made = actions_pages.set_window(actions, caller, fields, "rest")
    return {"decisions": [describe(each, actions.clock()) for each in made]}, None


def _settle(actions: Actions, caller: Caller, fields: dict[str, str]) -> tuple[Any, Any]:
    return _offer(actions_pages.settle(actions, caller, fields, "rest")), None


def _backfill(actions: Actions, caller: Caller, fields: dict[str, str]) -> tuple[Any, Any]:
    dry_run = fields.pop("dry_run", "false")
    if dry_run not in {"true", "false"}:
        raise DecisionRefused("dry_run", f"{dry_run!r} is none; use true or false")
    if unknown := sorted(set(fields) - set(actions_backfills.FIELDS)):
        choices = ", ".join(("dry_run", *actions_backfills.FIELDS))
        raise DecisionRefused(unknown[0], f"unknown; fields: {choices}")
    if dry_run == "true":
        found = actions_backfills.plan(actions, caller, fields)
        periods = [vars(each) for each in found.periods]
        return {**vars(found), "periods": periods, "wanted": list(found.wanted)}, None
    row, work = actions_backfills.begin(actions, caller, fields, "rest")
    return {"backfill": row.seq, "subject": row.subject, "periods": list(row.periods)}, work


def _offer(row: Any) -> dict[str, Any]:
    return {
        "proposal": row.seq, "product": row.product, "period": row.period, "why": row.why,
        "verdict": row.verdict, "by": row.decided_by, "at": row.at.isoformat(),
    }  # fmt: skip


def _listed(actions: Actions, feed: str, period: str, in_force: bool) -> dict[str, Any]:
    now = actions.clock()
    with actions.ledger.read() as tx:
        if feed:
            rows = decisions.decisions_of(tx, feed, period or None)
            rows = [row for row in rows if not in_force or decisions.goes_on(row, now)]
        else:
            rows = decisions.all_decisions(tx, in_force_at=now if in_force else None)
    return {"decisions": [describe(row, now) for row in rows]}


def _progress(actions: Actions, seq: int) -> dict[str, Any]:
    with actions.ledger.read() as tx:
        row = backfills.find_backfill(tx, seq)
    if row is None:
        raise HTTPException(404, f"there is no backfill {seq}")
    told = [vars(each) for each in actions_backfills.described(actions, row)]
    return {"backfill": seq, "subject": row.subject, "by": row.by, "periods": told}


async def _take_file(actions: Actions, request: Request) -> Response:
    """Take a file in as `feed`, `period`, `part` and `file` of a multipart form."""
    caller: Caller = request.state.caller
    check_origin(actions.powers, caller, request)
    async with sent_form(request, actions.settings.upload_limit + FORM_LIMIT) as form:
        fields, file = texts(form), form.get("file")
        check_write(actions.powers, caller, request, fields.get(TOKEN_FIELD, ""), actions.clock())
        if not isinstance(file, UploadFile) or not file.filename:
            raise HTTPException(400, "send the file as `file` of a multipart form")
        try:
            handed = await run_in_threadpool(_land, actions, caller, fields, file)
        except WharfError as error:
            return _refusal(error)
    return JSONResponse(handed, status_code=201)


def _land(
    actions: Actions, caller: Caller, fields: dict[str, str], file: UploadFile
) -> dict[str, Any]:
    from wharf.decisions.handing_in import hand_in

    desk = actions.desk()
    insist(caller, desk.feed(fields.get("feed", "")).dag_id)
    work = actions.settings.work
    work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="handed-in-", dir=work) as folder:
        return vars(
            hand_in(
                actions.intake, desk, fields.get("feed", ""), fields.get("period", ""),
                fields.get("part", ""), file.filename or "", file.file, Path(folder),
                Person(caller.name, "rest", caller.has_login), actions.clock(),
                actions.powers.start_run, fields.get("reason", ""),
            )
        )  # fmt: skip
