"""Who may write through the board, and that a write was meant: no other site can cause one."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException, Path, Request

from wharf.contracts import ResolveConnection, StartRun

TOKEN_FIELD = "token"
TOKEN_HEADER = "X-Wharf-Token"
TOKEN_HOURS = 12
LOCAL_HOSTS = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True)
class Caller:
    """Who asks, and what they may do."""

    name: str
    has_login: bool
    """Whether Airflow knows that they are this person; not where it lets everybody in."""
    may_change: Callable[[str], bool]
    """Whether they may start runs of a DAG: who may do that may decide about its deliveries."""


@dataclass(frozen=True)
class Powers:
    """What the board needs to write: given by whoever mounts it."""

    caller: Callable[..., Any]
    """A FastAPI dependency that gives the `Caller`."""
    start_run: StartRun
    resolve: ResolveConnection
    secret: bytes = field(repr=False)
    """Signs the tokens in forms; the same in every process that serves the board."""
    host: str = ""
    """The host of Airflow's address; with no logins, writes are taken for it alone."""


Number = Annotated[int, Path(ge=0, lt=10**15)]
"""A number of ours in an address; no database knows a longer one."""


def remember(powers: Powers) -> Any:
    """A dependency that keeps the caller with the request."""

    async def keep(request: Request, caller: Annotated[Any, Depends(powers.caller)]) -> None:
        request.state.caller = caller

    return Depends(keep)


def token_for(powers: Powers, caller: Caller, now: datetime) -> str:
    """A token that shows that a form came from a page we gave to this person."""
    return _sign(powers.secret, caller.name, _hour(now))


def check_write(
    powers: Powers, caller: Caller, request: Request, token: str, now: datetime
) -> None:
    """Refuse a write that another site may have caused.

    A request whose own header names a signed-in user needs no token: no other site can write that
    header. Where Airflow asks nobody who they are, it puts such a header in front of everything.

    Raises:
        HTTPException: 403, saying what is missing.
    """
    check_origin(powers, caller, request)
    bearer = request.headers.get("authorization", "").lower().startswith("bearer ")
    if caller.has_login and bearer:
        return
    given = token or request.headers.get(TOKEN_HEADER, "")
    hour = _hour(now)
    valid = [_sign(powers.secret, caller.name, hour - age) for age in range(TOKEN_HOURS)]
    if not any(hmac.compare_digest(given.encode(), each.encode()) for each in valid):
        raise HTTPException(403, "this form is too old or not ours; load the page again")


def check_origin(powers: Powers, caller: Caller, request: Request) -> None:
    """Refuse what a browser says to come from another site; read nothing of the body before.

    Raises:
        HTTPException: 403.
    """
    host = request.headers.get("host", "")
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site")
    foreign = origin is not None and urlsplit(origin).netloc != host
    if foreign or site not in {None, "same-origin"}:
        raise HTTPException(403, "a page of another site may not write here")
    # Without logins a name that leads here is all that another site needs.
    known = LOCAL_HOSTS | {powers.host}
    if not caller.has_login and (urlsplit(f"//{host}").hostname or "") not in known:
        raise HTTPException(403, f"Airflow has no logins, so nothing is written under {host!r}")


def insist(caller: Caller, dag_id: str) -> None:
    """Refuse who may read, but not decide.

    Raises:
        HTTPException: 403.
    """
    if not caller.may_change(dag_id):
        raise HTTPException(
            403, f"{caller.name} may read this, not decide: that needs the right to run {dag_id}"
        )


def _hour(now: datetime) -> int:
    return int(now.timestamp()) // 3600


def _sign(secret: bytes, name: str, hour: int) -> str:
    said = f"wharf board\0{name}\0{hour}".encode()
    return hmac.new(secret, said, hashlib.sha256).hexdigest()
