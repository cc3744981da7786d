"""A web service in a thread that takes messages, and refuses what the real one would refuse."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import urlsplit

from wharf.contracts.alerts import Channel
from wharf.settings import Connection

HOST = "127.0.0.1"
Reply = tuple[int, Mapping[str, str], bytes]


@dataclass
class Ailing:
    """What a server answers before anything else."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    pause_s: float = 0.0
    takes_first: bool = False
    """Whether it takes the message all the same: the answer alone is lost."""


class Refused(Exception):
    """The service would not take this."""

    def __init__(self, reason: str, status: int = 400) -> None:
        self.status = status
        super().__init__(reason)


def check(right: bool, reason: str) -> None:
    if not right:
        raise Refused(reason)


class WebDesk:
    """A web service in a thread; a kind says what it takes and what its messages show."""

    kind: ClassVar[str]
    options: ClassVar[dict[str, Any]] = {}

    def __init__(self) -> None:
        self.ailing: list[Ailing] = []
        self.refusals: list[str] = []
        self.calls = 0
        self.texts: list[str] = []
        """What people read of each message that was taken, in order."""
        self._server = ThreadingHTTPServer((HOST, 0), self._handler())
        self._server.daemon_threads = True
        # A client that would not wait is part of the play.
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def channel(self) -> Channel:
        return Channel(name="desk", kind=self.kind, connection="desk", **self.options)  # type: ignore[arg-type]

    @property
    def connection(self) -> Connection:
        return Connection(
            "desk", "http", host=f"http://{HOST}:{self.port}", password=self.secret,
            extra={"timeout": "5"},
        )  # fmt: skip

    secret = "s3cret"

    def take(self, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Reply:
        raise NotImplementedError

    def refuse(self, reason: str, status: int) -> Reply:
        return status, {}, json.dumps({"error": reason}).encode()

    @contextmanager
    def serving(self) -> Iterator[None]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        desk = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, headers, content = desk._answer(self.path, dict(self.headers), body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler

    def _answer(self, target: str, headers: dict[str, str], body: bytes) -> Reply:
        self.calls += 1
        ill = self.ailing.pop(0) if self.ailing else Ailing()
        parts = urlsplit(target)
        lower = {name.lower(): value for name, value in headers.items()}
        ailing = ill.status, ill.headers, self.refuse("InternalTrouble: not now", ill.status)[2]
        if ill.status and not ill.takes_first:
            return ailing
        try:
            reply = self.take(parts.path, parts.query, lower, body)
        except Refused as error:
            self.refusals.append(str(error))
            return self.refuse(str(error), error.status)
        time.sleep(ill.pause_s)
        return ailing if ill.status else reply


def utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
