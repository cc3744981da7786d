"""Where the demo's messages go: a web receiver and a mail server, both real, both on 127.0.0.1."""

from __future__ import annotations

import email
import email.policy
import json
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from wharf.alerts.webhook import SIGNATURE, is_signed
from wharf.demo.airflow_plan import free_port

HOST = "127.0.0.1"
_LARGEST = 5 * 1024**2


@dataclass(frozen=True)
class WebMessage:
    """One message as the web receiver got it."""

    at: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: Any
    signed: bool | None
    """Whether the signature is right; None where the receiver knows no secret."""


@dataclass(frozen=True)
class Mail:
    """One mail as the mail server got it."""

    at: str
    sender: str
    recipients: tuple[str, ...]
    subject: str
    text: str
    headers: Mapping[str, str]


class Served:
    """A server in a thread of its own, from `with` to its end."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        server.daemon_threads = True
        self._server = server
        self._thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    @property
    def address(self) -> str:
        """Where it listens, such as `http://127.0.0.1:8123`."""
        return f"http://{HOST}:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop listening."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class WebReceiver(Served):
    """Takes JSON messages by POST, as any webhook does, and keeps each in memory and in a file."""

    def __init__(self, log: Path, *, secret: str = "", port: int = 0) -> None:
        self.messages: list[WebMessage] = []
        self._log, self._secret, self._lock = log, secret, threading.Lock()
        log.parent.mkdir(parents=True, exist_ok=True)
        super().__init__(ThreadingHTTPServer((HOST, port), partial(_TakeMessage, self)))

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> bool:
        """Keep one message; False when it is no JSON or its signature is wrong."""
        try:
            content = json.loads(body)
        except ValueError:
            return False
        signed = self._is_signed(headers, body) if self._secret else None
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        message = WebMessage(at, path, headers, content, signed)
        _keep(self._log, self._lock, message)
        self.messages.append(message)
        return signed is not False

    def _is_signed(self, headers: Mapping[str, str], body: bytes) -> bool:
        given = headers.get(SIGNATURE.lower(), "")
        return is_signed(self._secret, body, given, datetime.now(UTC))


class _TakeMessage(BaseHTTPRequestHandler):
    def __init__(self, receiver: WebReceiver, *args: Any) -> None:
        self._receiver = receiver
        super().__init__(*args)

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > _LARGEST:
            self._answer(413, {"error": "tell a length below 5 MB"})
            return
        body = self.rfile.read(int(length))
        headers = {name.lower(): value for name, value in self.headers.items()}
        if self._receiver.take(self.path, headers, body):
            self._answer(200, {"received": len(self._receiver.messages)})
        else:
            self._answer(400, {"error": "no JSON, or the signature is wrong"})

    def _answer(self, status: int, content: Mapping[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Stay quiet: the demo shows its messages itself."""


class FileServer(Served):
    """Serves a folder by HTTP, as birch's web server does."""

    def __init__(self, folder: Path, *, port: int = 0) -> None:
        super().__init__(ThreadingHTTPServer((HOST, port), partial(_QuietFiles, directory=folder)))


class _QuietFiles(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Stay quiet: a look comes every few seconds."""


class MailReceiver:
    """A mail server that keeps each mail in memory and in a file and delivers none."""

    def __init__(self, log: Path, *, port: int = 0) -> None:
        from aiosmtpd.controller import Controller

        self.mails: list[Mail] = []
        self._log, self._lock = log, threading.Lock()
        log.parent.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self._controller = Controller(self, hostname=HOST, port=self.port, ready_timeout=20)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Keep one mail; aiosmtpd calls this by its name."""
        parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
        body = parsed.get_body(("plain", "html")) if isinstance(parsed, EmailMessage) else None
        mail = Mail(
            at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            sender=str(envelope.mail_from),
            recipients=tuple(str(one) for one in envelope.rcpt_tos),
            subject=str(parsed.get("Subject", "")),
            text=body.get_content() if body is not None else "",
            headers={name.lower(): str(value) for name, value in parsed.items()},
        )
        _keep(self._log, self._lock, mail)
        self.mails.append(mail)
        return "250 kept"

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop listening."""
        self._controller.stop(no_assert=True)


def _keep(log: Path, lock: threading.Lock, message: WebMessage | Mail) -> None:
    line = json.dumps(asdict(message), ensure_ascii=False)
    with lock, log.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
