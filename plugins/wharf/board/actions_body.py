"""Reading what was sent, never more than allowed: forms, files and JSON."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import HTTPException, Request
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect
from starlette.types import Message

FORM_LIMIT = 64 * 1024


@asynccontextmanager
async def sent_form(request: Request, limit: int = FORM_LIMIT) -> AsyncIterator[FormData]:
    """The fields of a form; files lie on disk until the block ends.

    Args:
        request: The request.
        limit: The most bytes it may have, whatever it says of itself.

    Raises:
        HTTPException: 413 when it is longer, 400 when it cannot be read, 415 when it is no form.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        raise HTTPException(415, "send a form")
    limited = _limited(request, limit)
    try:
        form = await limited.form(max_files=1, max_fields=40, max_part_size=FORM_LIMIT)
    except (MultiPartException, ClientDisconnect, ValueError) as error:
        raise HTTPException(400, f"the form cannot be read: {error}") from error
    try:
        yield form
    finally:
        await form.close()


async def sent_json(request: Request) -> dict[str, Any]:
    """The JSON object of a request.

    Raises:
        HTTPException: 415 when it is not sent as JSON, 400 when it is none, 413 when it is long.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415, "send application/json")
    try:
        found = json.loads(await _limited(request, FORM_LIMIT).body())
        # Half a surrogate pair can be written as JSON, but not kept or answered.
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise HTTPException(400, "this is not JSON") from None
    if not isinstance(found, dict):
        raise HTTPException(400, "send one JSON object")
    return found


def texts(fields: FormData | dict[str, Any]) -> dict[str, str]:
    """The named texts of a form or of a JSON object; files and empty values are left out.

    Raises:
        HTTPException: 400 when a value is a list or an object.
    """
    found: dict[str, str] = {}
    for name, value in fields.items():
        if value is None or isinstance(value, UploadFile):
            continue
        if not isinstance(value, str | int | float):
            raise HTTPException(400, f"{name} must be a text")
        found[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return found


def _limited(request: Request, limit: int) -> Request:
    told = request.headers.get("content-length", "0")
    if not told.isdecimal() or int(told) > limit:
        raise HTTPException(413, f"at most {limit:,} bytes are taken here")
    seen = 0

    async def receive() -> Message:
        nonlocal seen
        message = await request.receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise HTTPException(413, f"at most {limit:,} bytes are taken here")
        return message

    return Request(request.scope, receive)
