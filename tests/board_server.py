"""A real web server on this machine for the board, by itself or in a frame as in Airflow."""

from __future__ import annotations

import threading
import time
from html import escape
from types import TracebackType
from typing import Annotated

import uvicorn
from fastapi import FastAPI, Header, HTTPException
from fastapi.responses import HTMLResponse

PASSWORD = "let me in"


def guard(x_password: Annotated[str, Header()] = "") -> None:
    """Let in who knows the word, as Airflow lets in who has signed in."""
    if x_password != PASSWORD:
        raise HTTPException(status_code=401, detail="Not authenticated")


def everybody() -> None:
    """Let everybody in."""


class LocalServer:
    """Serves an application until it is closed."""

    def __init__(self, app: FastAPI) -> None:
        config = uvicorn.Config(app, port=0, log_level="warning", ws="none", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        until = time.monotonic() + 30
        while not self._server.started:
            assert time.monotonic() < until, "the server did not start"
            time.sleep(0.02)

    @property
    def url(self) -> str:
        """The application's address, without a slash behind it."""
        [listening] = self._server.servers
        return f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"

    def __enter__(self) -> LocalServer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        self._thread.join()


def framed(board: FastAPI) -> FastAPI:
    """The board as Airflow shows it: below its own address, in a frame that may do little."""
    outer = FastAPI()
    sandbox = "allow-scripts allow-same-origin allow-forms allow-downloads"
    text = f'<iframe src="/wharf/" sandbox="{sandbox}" width="1200" height="800"></iframe>'
    outer.get("/plugin/suppliers", response_class=HTMLResponse)(lambda: text)
    outer.get("/dags/{dag_id}", response_class=HTMLResponse)(lambda dag_id: f"DAG {escape(dag_id)}")
    outer.mount("/wharf", board)
    return outer
