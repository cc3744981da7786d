"""The addresses of online scoring, in front of `protocol`, `records` and `served`."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from wharf.errors import ModelError
from wharf.scoring.online import protocol, records
from wharf.scoring.online.counted import MEDIA_TYPE, Counted
from wharf.scoring.online.records import BadInput
from wharf.scoring.online.served import Live, Served
from wharf.scoring.scorer import Scores
from wharf.scoring.tensors import Inputs

MOST_ROWS = 5_000
MOST_BYTES = 8 * 1024**2
# Beyond this a model takes milliseconds: others are not to wait for it.
_ROWS_AT_ONCE = 64
_to_json = msgspec.json.Encoder().encode
_from_json = msgspec.json.Decoder().decode


@dataclass(frozen=True)
class Limits:
    """What one request may hold."""

    rows: int = MOST_ROWS
    bytes: int = MOST_BYTES


class Refused(Exception):
    """A request that gets no scores, with the status that says why."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def build_app(
    served: Served,
    limits: Limits | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> FastAPI:
    """Build the scoring application.

    Args:
        served: The models.
        limits: What one request may hold.
        clock: Gives the instant at which a version is loaded.
    """
    app = FastAPI(title="wharf scoring", docs_url=None, redoc_url=None, openapi_url=None)
    about, scoring = _About(served, clock), _Scoring(served, limits or Limits(), clock, Counted())
    app.get("/v2")(about.server)
    app.get("/v2/health/live")(about.live)
    app.get("/v2/health/ready")(about.ready)
    app.get("/metrics")(scoring.metrics)
    for path in ("/v2/models/{name}", "/v2/models/{name}/versions/{version}"):
        app.get(path)(about.model)
        app.get(f"{path}/ready")(about.model_ready)
        app.post(f"{path}/infer")(scoring.infer)
    app.post("/invocations")(scoring.invocations)
    app.post("/invocations/{name}")(scoring.invocations)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(HTTPException, _unknown)
    return app


@dataclass(frozen=True)
class _About:
    """What is here, and whether it is ready."""

    served: Served
    clock: Callable[[], datetime]

    async def server(self) -> Response:
        return _json(protocol.server_metadata())

    async def live(self) -> Response:
        return _json({"live": True})

    async def ready(self) -> Response:
        ready = self.served.is_ready
        said = {name: each.text for name, each in self.served.problems.items()}
        return _json({"ready": ready, "problems": said}, 200 if ready else 503)

    async def model(self, name: str, version: str = "") -> Response:
        live = await _find(self.served, name, version, self.clock)
        versions = await run_in_threadpool(self.served.versions, name)
        trouble = None if version else self.served.problems.get(name)
        return _json(
            {
                **protocol.model_metadata(live.scorer.artifact, versions),
                "parameters": {
                    "version": str(live.scorer.artifact.version),
                    "since": live.since.isoformat(),
                    "current": trouble is None,
                    **({"problem": trouble.text} if trouble else {}),
                },
            }
        )

    async def model_ready(self, name: str, version: str = "") -> Response:
        await _find(self.served, name, version, self.clock)
        return _json({"ready": True})


@dataclass(frozen=True)
class _Scoring:
    """Records in, scores out."""

    served: Served
    limits: Limits
    clock: Callable[[], datetime]
    counted: Counted

    async def metrics(self) -> Response:
        return Response(self.counted.text(self.served), media_type=MEDIA_TYPE)

    async def infer(self, request: Request, name: str, version: str = "") -> Response:
        return await self._answer(request, name, version, self._infer)

    async def invocations(self, request: Request, name: str = "") -> Response:
        if not name:
            name = self._only_one()
        return await self._answer(request, name, "", self._invocations)

    async def _answer(
        self,
        request: Request,
        name: str,
        version: str,
        score: Callable[[Live, Any], Awaitable[tuple[Any, int]]],
    ) -> Response:
        live = await _find(self.served, name, version, self.clock)
        body = await _read(request, self.limits.bytes)
        started, status, rows = time.perf_counter(), 200, 0
        try:
            found, rows = await score(live, _parsed(body))
            return _json(found)
        except Refused as refusal:
            status = refusal.status
            raise
        except BadInput as error:
            status = 400
            raise Refused(status, str(error)) from error
        finally:
            took = time.perf_counter() - started
            answered = str(live.scorer.artifact.version)
            self.counted.answered(name, answered, status, rows, took)

    async def _infer(self, live: Live, body: Any) -> tuple[Any, int]:
        rows = self._few_enough(protocol.rows_of(body))
        features = live.scorer.features
        scores = await self._scores(live, rows, lambda: protocol.inputs_of(body, rows, features))
        artifact, wanted = live.scorer.artifact, body.get("outputs") or []
        return protocol.answer(artifact, scores, body.get("id"), wanted), rows

    async def _invocations(self, live: Live, body: Any) -> tuple[Any, int]:
        columns, given = records.records_of(body)
        rows, features = self._few_enough(len(given)), live.scorer.features
        scores = await self._scores(live, rows, lambda: records.inputs_of(columns, given, features))
        artifact = live.scorer.artifact
        return {
            "predictions": scores.tolist(),
            "model_name": artifact.name,
            "model_version": str(artifact.version),
        }, rows

    async def _scores(self, live: Live, rows: int, inputs: Callable[[], Inputs]) -> Scores:
        if rows <= _ROWS_AT_ONCE:
            return live.scorer.score_inputs(inputs())
        return await run_in_threadpool(lambda: live.scorer.score_inputs(inputs()))

    def _few_enough(self, rows: int) -> int:
        if rows > self.limits.rows:
            raise Refused(413, f"{rows} records; at most {self.limits.rows} go into one request")
        if rows == 0:
            raise BadInput("there is no record in it")
        return rows

    def _only_one(self) -> str:
        names = self.served.names
        if len(names) != 1:
            there = ", ".join(names) or "none yet"
            raise Refused(404, f"say which model: /invocations/<name>; models here: {there}")
        return names[0]


async def _find(served: Served, name: str, version: str, clock: Callable[[], datetime]) -> Live:
    try:
        if not version:
            return served.champion(name)
        return await run_in_threadpool(served.version, name, int(version), clock())
    except (KeyError, ValueError) as error:
        there = ", ".join(served.names) or "none yet"
        what = f"version {version} of model {name}" if version else f"model {name}"
        raise Refused(404, f"{what} is not here; models: {there}") from error
    except ModelError as error:
        raise Refused(503, str(error)) from error


async def _read(request: Request, most: int) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise Refused(413, f"the body has more than {most} bytes")
    return body


def _parsed(body: bytes) -> Any:
    try:
        return _from_json(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"the body is no JSON: {error}") from error


def _json(content: Any, status: int = 200) -> Response:
    return Response(_to_json(content), status, media_type="application/json")


async def _refused(_: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refused)
    return _json({"error": str(refusal)}, refusal.status)


async def _unknown(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _json({"error": error.detail}, error.status_code)
