"""Load on a scoring server: one connection a thread, each request answered before the next."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Load:
    """What came back."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    versions: Counter[bytes] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)


def http_request(path: str, body: bytes, port: int) -> bytes:
    """One POST as it goes over the wire."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def ask(connection: socket.socket, request: bytes) -> tuple[int, bytes]:
    """Send a request and read the whole answer: its status and body."""
    connection.sendall(request)
    received = b""
    while b"\r\n\r\n" not in received:
        part = connection.recv(65536)
        if not part:
            raise ConnectionError("the server hung up")
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
    while len(body) < length:
        body += connection.recv(65536)
    return int(head.split(b" ", 2)[1]), body


def put_under_load(
    port: int, request: bytes, *, connections: int, stop: threading.Event, load: Load
) -> list[threading.Thread]:
    """Ask again and again through some connections until `stop` is set."""

    def run() -> None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while not stop.is_set():
                    started = time.perf_counter()
                    status, body = ask(connection, request)
                    load.seconds.append(time.perf_counter() - started)
                    load.statuses[status] += 1
                    load.versions[body.rpartition(b'"model_version":')[2][:4]] += 1
        except (OSError, ValueError, StopIteration) as error:
            load.failed.append(repr(error))

    threads = [threading.Thread(target=run, daemon=True) for _ in range(connections)]
    for thread in threads:
        thread.start()
    return threads
