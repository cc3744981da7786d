"""Writes on the page of a quarantine: corrected rows, a new reading, a discarded batch."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from wharf.board.actions import Actions, sent_about
from wharf.board.actions_guard import Caller
from wharf.board.kept import KeptPages
from wharf.contracts import Feed
from wharf.decisions import Person
from wharf.decisions.replaying import ask_for_run, discard, keep_corrections, read_anew
from wharf.errors import DecisionRefused, WharfError


def panel_of(actions: Actions) -> Callable[[Feed, Request], dict[str, Any]]:
    """What a caller may do on the page of a feed's quarantine."""

    def panel(feed: Feed, request: Request) -> dict[str, Any]:
        caller: Caller = request.state.caller
        may = caller.may_change(feed.dag_id)
        return {
            "may": may, "caller": caller.name, "token": actions.token(caller) if may else "",
            "limit": actions.settings.upload_limit,
        }  # fmt: skip

    return panel


def quarantine_routes(actions: Actions, pages: KeptPages) -> APIRouter:
    """The writes."""
    router = APIRouter()

    async def act(request: Request, feed: str, period: str) -> Response:
        async with sent_about(actions, request, feed, "a file of corrected rows") as sent:
            return await run_in_threadpool(_act, actions, pages, request, feed, period, *sent)

    router.post("/feeds/{feed}/{period}/quarantine")(act)
    return router


def _act(
    actions: Actions, pages: KeptPages, request: Request, feed: str, period: str,
    fields: dict[str, str], file: UploadFile | None,
) -> Response:  # fmt: skip
    caller: Caller = request.state.caller
    person = Person(caller.name, "board", caller.has_login)
    reason = fields.get("reason", "")
    try:
        if file is not None:
            said = _keep(actions, feed, period, file, person, reason)
        elif fields.get("do") == "discard":
            row = discard(
                actions.desk(), feed, fields.get("batch", ""), person, actions.clock(), reason
            )
            said = (
                f"Discarded, as decision {row.seq}. It is not published unless that is taken back."
            )
        else:
            desk, now = actions.desk(), actions.clock()
            row = read_anew(desk, feed, period, person, now, reason)
            said = ask_for_run(desk, row, actions.powers.start_run, now)
    except WharfError as error:
        code = 422 if isinstance(error, DecisionRefused) else 409
        return pages.page(request, feed, period, code, problem=str(error))
    return pages.page(request, feed, period, said=said)


def _keep(
    actions: Actions, feed: str, period: str, file: UploadFile, person: Person, reason: str
) -> str:
    work = actions.settings.work
    work.mkdir(parents=True, exist_ok=True)
    desk, now = actions.desk(), actions.clock()
    with tempfile.TemporaryDirectory(prefix="corrected-", dir=work) as folder:
        row, is_new = keep_corrections(
            actions.intake, desk, feed, period, file.filename or "", file.file, Path(folder),
            person, now, reason,
        )  # fmt: skip
    if not is_new:
        return f"These very corrections are known as decision {row.seq}; nothing is left to do."
    rows, dropped = row.detail["rows"], row.detail["dropped"]
    kept = f"{rows} rows corrected, {dropped} left out: decision {row.seq}."
    return f"{kept} {ask_for_run(desk, row, actions.powers.start_run, now)}"
