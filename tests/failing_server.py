"""A proxy before an HTTP server that answers 500, is slow, and cuts connections, by a seed."""

from __future__ import annotations

import http.client
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

FAULTS = ("500", "503", "cut before", "cut after", "cut inside", "slow")
"""`cut after`: the server did what was asked, and nobody hears of it."""
BUSY = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>injected</Message>'
    b"<RequestId>1</RequestId></Error>"
)


class FailingProxy:
    """Passes requests on to a server, and fails a share of them."""

    def __init__(self, upstream: str, seed: int, share: float) -> None:
        parts = urlsplit(upstream)
        self.upstream = (str(parts.hostname), int(parts.port or 80))
        self.chance, self.share = random.Random(seed), share
        self.faults = FAULTS
        self.injected: Counter[str] = Counter()
        self.wanted: dict[tuple[str, str], str] = {}
        """Faults for the next request of a method whose path ends so."""
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": self})
        )
        self._server.daemon_threads = True

    @property
    def endpoint(self) -> str:
        """Where clients find it."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def fault(self, method: str, path: str) -> str:
        """What happens to a request; empty for nothing."""
        with self._lock:
            for (verb, end), fault in list(self.wanted.items()):
                if method == verb and path.partition("?")[0].endswith(end):
                    del self.wanted[verb, end]
                    self.injected[fault] += 1
                    return fault
            if self.chance.random() >= self.share:
                return ""
            fault = self.chance.choice(self.faults)
            self.injected[fault] += 1
            return fault

    @contextmanager
    def running(self) -> Iterator[FailingProxy]:
        """The proxy, for the length of a block."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    proxy: FailingProxy
    protocol_version = "HTTP/1.1"

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (OSError, http.client.HTTPException):
            self.close_connection = True

    def do_any(self) -> None:
        body = self._body()
        fault = self.proxy.fault(self.command, self.path)
        if fault in {"500", "503"}:
            code = b"InternalError" if fault == "500" else b"SlowDown"
            self._answer(int(fault), [("Content-Type", "application/xml")], BUSY % code)
            return
        if fault == "cut before":
            self._cut()
            return
        if fault == "slow":
            time.sleep(0.3)
        status, headers, answer = self._pass_on(body)
        if fault == "cut after":
            self._cut()
            return
        half = len(answer) // 2 if fault == "cut inside" else None
        self._answer(status, headers, answer, half)
        if half is not None:
            self._cut()

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do_any

    def _pass_on(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        server = http.client.HTTPConnection(*self.proxy.upstream, timeout=30)
        try:
            server.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in {"connection", "expect"}:
                    server.putheader(name, value)
            chunked = self._is_chunked()
            whole = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if chunked and body else body
            server.endheaders(whole or None)
            answer = server.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            server.close()

    def _is_chunked(self) -> bool:
        return "chunked" in (self.headers.get("Transfer-Encoding") or "").lower()

    def _body(self) -> bytes:
        if not self._is_chunked():
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(chunks)

    def _answer(
        self,
        status: int,
        headers: list[tuple[str, str]],
        body: bytes,
        only: int | None = None,
    ) -> None:
        self.send_response_only(status)
        said = {name.lower() for name, _ in headers}
        for name, value in headers:
            if name.lower() not in {"transfer-encoding", "connection"}:
                self.send_header(name, value)
        if "content-length" not in said:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body if only is None else body[:only])

    def _cut(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        # Without lingering the kernel sends a reset, as a dying machine's neighbour does.
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()

    def log_message(self, *_: Any) -> None:
        return
