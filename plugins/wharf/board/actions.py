"""Writing through the board: decisions, files handed in, and what else changes the ledger.

Every write is a POST behind the caller's right to run the DAG, with a token of ours; reading it
again (GET) changes nothing. `actions_api` takes the same as JSON.
"""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import UploadFile

from wharf import decisions
from wharf.board.actions_body import FORM_LIMIT, sent_form, texts
from wharf.board.actions_guard import (
    TOKEN_FIELD,
    Caller,
    Powers,
    check_origin,
    check_write,
    insist,
    token_for,
)
from wharf.board.actions_panel import Panel, build_panel
from wharf.board.story import Story, build_story
from wharf.board.views import Views
from wharf.decisions import Desk, Person
from wharf.errors import DecisionRefused, WharfError
from wharf.ledger import Transaction

SAID = {
    "decided": "Noted. The next tick weighs it.",
    "revoked": "Taken back. The next tick weighs it.",
    "published": "Published.",
    "waits": "Noted. It is published when a second person who has signed in agrees.",
    "handed": "Handed in.",
    "started": "Handed in, and a run was started to take it in.",
}


class Actions:
    """What the board can do to one installation.

    Args:
        views: The board's pages, with the ledger and the clock.
        powers: Who asks, and what Airflow lends.
    """

    def __init__(self, views: Views, powers: Powers) -> None:
        self.views = views
        self.powers = powers
        self.settings = views.settings
        self.ledger = views.ledger
        self.clock = views.clock

    def desk(self) -> Desk:
        """The ledger with the contracts in force."""
        with self.ledger.read() as tx:
            return Desk.of(self.ledger, self.views.reader.read(tx).project)

    def token(self, caller: Caller) -> str:
        """A token for the forms of this caller."""
        return token_for(self.powers, caller, self.clock())

    @cached_property
    def intake(self) -> Any:
        """The lake and the landing area, opened when the first person needs them."""
        from wharf.intake import open_intake

        return open_intake(self.settings, self.powers.resolve)

    def panel(self, tx: Transaction, story: Story, request: Request, **more: Any) -> Panel:
        """What the caller may do about a delivery."""
        caller: Caller = request.state.caller
        desk = Desk.of(self.ledger, self.views.reader.read(tx).project)
        more = {"said": SAID.get(request.query_params.get("said", ""), ""), **more}
        return build_panel(
            desk, story, caller,
            token=self.token(caller), limit=self.settings.upload_limit, **more,
        )  # fmt: skip

    def act(
        self, caller: Caller, fields: dict[str, str], via: Any = "board", tz: str | None = None
    ) -> Any:
        """Decide what the fields say; gives the decision."""
        desk, now = self.desk(), self.clock()
        wish = decisions.read_wish(desk, fields, now, tz=tz)
        insist(caller, desk.feed(wish.feed).dag_id)
        person = Person(caller.name, via, caller.has_login)
        if wish.kind == "force_publish":
            from wharf.decisions.publishing import force_publish

            return force_publish(desk, self.intake.batches, wish, person, now)
        return decisions.decide(desk, wish, person, now)

    def revoke(self, caller: Caller, seq: int, reason: str, via: Any = "board") -> Any:
        """Take a decision back; gives it."""
        desk, now = self.desk(), self.clock()
        insist(caller, desk.feed(self._feed_of(seq)).dag_id)
        person = Person(caller.name, via, caller.has_login)
        return decisions.revoke(desk, seq, decisions.plain(reason), person, now)

    def approve(self, caller: Caller, seq: int, via: Any = "board") -> Any:
        """Agree to a forced publication as the second person; gives it."""
        from wharf.decisions.publishing import approve

        desk, now = self.desk(), self.clock()
        insist(caller, desk.feed(self._feed_of(seq)).dag_id)
        person = Person(caller.name, via, caller.has_login)
        return approve(desk, self.intake.batches, seq, person, now)

    def _feed_of(self, seq: int) -> str:
        from wharf.ledger.decisions import find_decision

        with self.ledger.read() as tx:
            row = find_decision(tx, seq)
        if row is None:
            raise DecisionRefused("decision", f"there is no decision {seq}")
        return row.feed


@asynccontextmanager
async def sent_about(
    actions: Actions, request: Request, feed: str, wanted: str
) -> AsyncIterator[tuple[dict[str, str], UploadFile | None]]:
    """What a caller who may write sent about a feed: fields, and the file if it is a form of one.

    Args:
        actions: What the board can do.
        request: The request.
        feed: The feed it is about.
        wanted: The file in words, where the form should have one.

    Raises:
        HTTPException: The caller may not, the form is not ours or too long, or lacks its file.
    """
    caller: Caller = request.state.caller
    check_origin(actions.powers, caller, request)
    await run_in_threadpool(_insist_on, actions, caller, feed)
    is_file = request.headers.get("content-type", "").startswith("multipart/")
    limit = FORM_LIMIT + (actions.settings.upload_limit if is_file else 0)
    async with sent_form(request, limit) as form:
        fields, file = texts(form), form.get("file")
        token = fields.pop(TOKEN_FIELD, "")
        check_write(actions.powers, caller, request, token, actions.clock())
        given = file if isinstance(file, UploadFile) and file.filename else None
        if is_file and given is None:
            raise HTTPException(400, f"choose {wanted}")
        yield fields, given


def story_routes(actions: Actions) -> APIRouter:
    """The writes that stand on a delivery's story."""
    router = APIRouter()

    async def act(request: Request, feed: str, period: str) -> Response:
        async with sent_about(actions, request, feed, "a file to hand in") as (fields, file):
            if file is None:
                return await run_in_threadpool(_decide, actions, request, feed, period, fields)
            return await run_in_threadpool(_hand_in, actions, request, feed, period, fields, file)

    router.post("/feeds/{feed}/{period}")(act)
    return router


def _decide(
    actions: Actions, request: Request, feed: str, period: str, fields: dict[str, str]
) -> Response:
    caller: Caller = request.state.caller
    do = fields.pop("do", "decide")
    try:
        if do == "revoke":
            actions.revoke(caller, _number(fields), fields.get("reason", ""))
            return _back(feed, period, "revoked")
        if do == "approve":
            actions.approve(caller, _number(fields))
            return _back(feed, period, "published")
        about = {} if fields.get("kind") == "suspend" else {"period": period}
        made = actions.act(caller, {**fields, "feed": feed, **about})
    except WharfError as error:
        return refused(actions, request, feed, period, error, fields)
    if made.kind != "force_publish":
        return _back(feed, period, "decided")
    return _back(feed, period, "published" if made.detail.get("carried_out_at") else "waits")


def _hand_in(
    actions: Actions,
    request: Request,
    feed: str,
    period: str,
    fields: dict[str, str],
    file: UploadFile,
) -> Response:
    from wharf.decisions.handing_in import hand_in, try_out

    caller: Caller = request.state.caller
    work = actions.settings.work
    work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="handed-in-", dir=work) as folder:
        try:
            desk = actions.desk()
            if fields.get("do") == "try":
                tried = try_out(
                    desk, feed, file.filename or "", file.file, Path(folder),
                    actions.settings.project, actions.clock(),
                )  # fmt: skip
                return page(actions, request, feed, period, trial=tried)
            handed = hand_in(
                actions.intake, desk, feed, period, fields.get("part", ""), file.filename or "",
                file.file, Path(folder), Person(caller.name, "board", caller.has_login),
                actions.clock(), actions.powers.start_run,
            )  # fmt: skip
        except WharfError as error:
            return refused(actions, request, feed, period, error, fields)
    said = f"Handed in as {handed.name}: {handed.verdict}, version {handed.version}, sha256 "
    return page(actions, request, feed, period, said=f"{said}{handed.sha256}. {handed.next_step}")


def page(
    actions: Actions, request: Request, feed: str, period: str, code: int = 200, **more: Any
) -> Response:
    """The story with something to say."""
    views = actions.views
    with views.reading() as (tx, promised, pulse):
        story = build_story(tx, promised, feed, period, pulse.at)
        if story is None:
            return views.absent(f"Nothing is expected of {feed} for {period}.", "../../")
        acts = actions.panel(tx, story, request, **more)
    page = views.templates.get_template("story.html")
    text = page.render(story=story, acts=acts, pulse=pulse, up="../../")
    return HTMLResponse(text, status_code=code)


def refused(
    actions: Actions,
    request: Request,
    feed: str,
    period: str,
    error: WharfError,
    fields: dict[str, str],
) -> Response:
    """The story again, with what was refused and what had been typed."""
    code = 422 if isinstance(error, DecisionRefused) else 409
    return page(actions, request, feed, period, code, problem=str(error), filled=fields)


def _insist_on(actions: Actions, caller: Caller, feed: str) -> None:
    try:
        insist(caller, actions.desk().feed(feed).dag_id)
    except DecisionRefused as error:
        raise HTTPException(404, str(error)) from error


def _number(fields: dict[str, str]) -> int:
    text = fields.get("decision", "")
    if not text.isdecimal() or len(text) > 15:
        raise DecisionRefused("decision", f"{text!r} is no number of a decision")
    return int(text)


def _back(feed: str, period: str, said: str) -> Response:
    """To the story again, so that loading it anew decides nothing anew."""
    where = f"{quote(period, safe='')}?said={said}#decide"
    return RedirectResponse(where, status_code=303)
