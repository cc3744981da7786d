from __future__ import annotations

import hashlib
import hmac
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from wharf import alerts
from wharf.alerts.webhook import SIGNATURE, is_signed
from wharf.contracts.alerts import Channel
from wharf.errors import ChannelError, ChannelRefused
from wharf.settings import Connection, parse_connection

DESK = Channel(name="desk", kind="webhook", connection="desk_hook")
AT = datetime(2026, 11, 20, tzinfo=UTC)
MESSAGE = alerts.render(alerts.test_notice("demo", AT))
KEY = "wharf:demo:late:acme.positions:2026-11-20:1:desk"
SECRET = "correct horse"


@dataclass
class Receiver:
    """A real web server that answers as told and keeps what it got."""

    port: int
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    pause: float = 0.0
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def connection(self) -> Connection:
        return Connection(
            id="desk_hook",
            kind="http",
            host="127.0.0.1",
            port=self.port,
            password=SECRET,
            schema="http",
            extra={"path": "hook", "timeout": "2"},
        )


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.got.append((self.path, dict(self.headers), body))
            time.sleep(kept.pause)
            self.send_response(kept.status)
            for name, value in kept.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    kept = Receiver(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield kept
    server.shutdown()
    thread.join()
    server.server_close()


def test_message_is_posted_and_signed(receiver: Receiver) -> None:
    receiver.headers = {"X-Request-Id": "42"}
    sent = alerts.send(DESK, MESSAGE, receiver.connection, KEY)
    assert sent.response_id == "42"
    ((path, headers, body),) = receiver.got
    assert path == "/hook"
    assert json.loads(body) == MESSAGE.data
    assert headers["Content-Type"] == "application/json"
    assert headers["Idempotency-Key"] == KEY
    timed = f"{int(AT.timestamp())}.".encode() + body
    digest = hmac.new(SECRET.encode(), timed, hashlib.sha256).hexdigest()
    assert headers[SIGNATURE] == f"t={int(AT.timestamp())},v1={digest}"
    assert is_signed(SECRET, body, headers[SIGNATURE], AT)
    assert not is_signed(SECRET, body + b" ", headers[SIGNATURE], AT)
    assert not is_signed("other", body, headers[SIGNATURE], AT)


def test_signature_names_the_instant_of_sending_and_grows_old(receiver: Receiver) -> None:
    later = AT + timedelta(hours=2)
    message = alerts.render(alerts.test_notice("demo", AT), later)
    alerts.send(DESK, message, receiver.connection, KEY)
    ((_, headers, body),) = receiver.got
    given = headers[SIGNATURE]
    assert is_signed(SECRET, body, given, later + timedelta(minutes=4))
    assert not is_signed(SECRET, body, given, later + timedelta(minutes=6))
    assert not is_signed(SECRET, body, given, AT)
    fresher = given.replace(str(int(later.timestamp())), str(int(later.timestamp()) + 600))
    assert not is_signed(SECRET, body, fresher, later + timedelta(minutes=10))


@pytest.mark.parametrize(
    "given", ["", "v1=00", "t=,v1=00", "t=-1,v1=0", "t=9" + "9" * 30, "t=²,v1="]
)
def test_malformed_signature_is_wrong(given: str) -> None:
    assert not is_signed(SECRET, b"{}", given, AT)


def test_same_message_sent_twice_is_the_same_to_the_byte(receiver: Receiver) -> None:
    for _ in range(2):
        alerts.send(DESK, MESSAGE, receiver.connection, KEY)
    first, second = receiver.got
    assert first[1]["Idempotency-Key"] == second[1]["Idempotency-Key"]
    assert first[2] == second[2]


def test_without_an_id_in_the_answer_the_key_stands_for_it(receiver: Receiver) -> None:
    receiver.status = 204
    assert alerts.send(DESK, MESSAGE, receiver.connection, KEY).response_id == KEY


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_answer_that_may_change_is_worth_a_retry(receiver: Receiver, status: int) -> None:
    receiver.status = status
    receiver.headers = {"Retry-After": "120"}
    with pytest.raises(
        ChannelError, match=rf"channel 'desk' at http://127.0.0.1 answered {status}"
    ) as caught:
        alerts.send(DESK, MESSAGE, receiver.connection, KEY)
    assert caught.value.retry_after == 120


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404, 410, 413, 422])
def test_answer_that_will_not_change_is_never_retried(receiver: Receiver, status: int) -> None:
    receiver.status = status
    receiver.headers = {"Location": f"http://127.0.0.1:{receiver.port}/elsewhere"}
    with pytest.raises(ChannelRefused, match=str(status)):
        alerts.send(DESK, MESSAGE, receiver.connection, KEY)
    assert len(receiver.got) == 1, "a redirect is not followed"


def test_retry_date_that_is_no_number_is_left_alone(receiver: Receiver) -> None:
    receiver.status = 503
    receiver.headers = {"Retry-After": "Fri, 20 Nov 2026 07:28:00 GMT"}
    with pytest.raises(ChannelError) as caught:
        alerts.send(DESK, MESSAGE, receiver.connection, KEY)
    assert caught.value.retry_after is None


def test_slow_receiver_is_worth_a_retry(receiver: Receiver) -> None:
    receiver.pause = 0.6
    hurried = replace(receiver.connection, extra={"path": "hook", "timeout": "0.2"})
    with pytest.raises(ChannelError, match="did not answer in time"):
        alerts.send(DESK, MESSAGE, hurried, KEY)


def test_receiver_that_is_down_is_worth_a_retry() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    down = Connection("desk_hook", "http", host="127.0.0.1", port=port, password=SECRET)
    with pytest.raises(ChannelError, match="cannot be reached: ConnectError"):
        alerts.send(DESK, MESSAGE, down, KEY)


@pytest.mark.parametrize(
    "form",
    [
        pytest.param("http://:correct%20horse@127.0.0.1:{port}/hook?timeout=2", id="address"),
        pytest.param(
            '{{"conn_type": "http", "host": "http://127.0.0.1:{port}/hook", '
            '"password": "correct horse"}}',
            id="host is an address",
        ),
        pytest.param(
            '{{"conn_type": "http", "host": "127.0.0.1", "port": {port}, "schema": "http", '
            '"password": "correct horse", "extra": {{"path": "/hook"}}}}',
            id="airflow's form",
        ),
    ],
)
def test_connection_may_be_written_in_any_form(receiver: Receiver, form: str) -> None:
    connection = parse_connection("desk_hook", form.format(port=receiver.port))
    alerts.send(DESK, MESSAGE, connection, KEY)
    ((path, headers, body),) = receiver.got
    assert path == "/hook"
    assert is_signed(SECRET, body, headers[SIGNATURE], AT)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param({"password": ""}, "has no password", id="no secret to sign with"),
        pytest.param({"host": ""}, "connection 'desk_hook' has no host", id="no host"),
        pytest.param({"host": "ftp://files.example"}, "use http or https", id="not the web"),
        pytest.param({"host": "http://[::1"}, "is no web address", id="malformed"),
        pytest.param({"extra": {"timeout": "soon"}}, "no number above 0", id="timeout"),
        pytest.param({"extra": {"ca_file": "/no/such/file"}}, "ca_file or proxy", id="ca file"),
        pytest.param({"extra": {"proxy": "::"}}, "ca_file or proxy", id="proxy"),
    ],
)
def test_connection_that_cannot_work_says_what_is_wrong(
    changed: dict[str, object], said: str
) -> None:
    good = Connection("desk_hook", "http", host="127.0.0.1", port=9, password=SECRET)
    with pytest.raises(ChannelRefused, match=said):
        alerts.send(DESK, MESSAGE, replace(good, **changed), KEY)  # type: ignore[arg-type]


def test_no_error_names_the_secret_parts_of_an_address(receiver: Receiver) -> None:
    receiver.status = 403
    hidden = replace(receiver.connection, extra={"path": "hook/T0K3N?token=S3CR3T"})
    with pytest.raises(ChannelRefused) as caught:
        alerts.send(DESK, MESSAGE, hidden, KEY)
    assert "T0K3N" not in str(caught.value)
    assert "S3CR3T" not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_proxies_of_the_environment_are_not_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    alerts.send(DESK, MESSAGE, receiver.connection, KEY)
    assert len(receiver.got) == 1


def test_key_of_any_letters_travels_in_the_header(receiver: Receiver) -> None:
    alerts.send(DESK, MESSAGE, receiver.connection, "wharf:demo:büro\r\nX: y")
    assert receiver.got[0][1]["Idempotency-Key"] == "wharf:demo:b%C3%BCro%0D%0AX%3A%20y".replace(
        "%3A", ":"
    )


def test_channel_room_stays_light() -> None:
    """The tick loads a channel's client only when it sends through it."""
    heavy = ("httpx", "smtplib", "boto3", "botocore", "jinja2")
    code = f"import sys, wharf.alerts; print([n for n in {heavy} if n in sys.modules])"
    path = str(Path(alerts.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": path}, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]", done.stderr
