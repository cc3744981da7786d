"""The outbox against channels that fail, hang, answer late, and processes that die."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from alarm_world import at
from lake_world import Place

from wharf.alerts import Notice
from wharf.contracts import Project, load_project
from wharf.ledger import Ledger, conversations, incidents, outbox
from wharf.ledger.rows import Incident, Outgoing
from wharf.settings import Connection
from wharf.watch.send import AT_ONCE, send_messages

NOW = at("07:00")
CHILD = Path(__file__).parents[2] / "sending_child.py"


@dataclass
class Receiver:
    """Takes messages by channel; each channel answers as it is told."""

    address: str = ""
    taken: list[tuple[str, str, str]] = field(default_factory=list)
    """(channel, idempotency key, action) of every request, in order."""
    answers: dict[str, list[tuple[int, Mapping[str, str], float]]] = field(default_factory=dict)
    """By channel what to answer next: status, headers, seconds to wait before."""

    def keys(self, channel: str = "desk") -> list[str]:
        return [key for name, key, _ in self.taken if name == channel]

    def actions(self, channel: str = "desk") -> list[str]:
        return [action for name, _, action in self.taken if name == channel]


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            channel = self.path.strip("/")
            with lock:
                key = self.headers["Idempotency-Key"]
                receiver.taken.append((channel, key, body["action"]))
                left = receiver.answers.get(channel, [])
                status, headers, pause = left.pop(0) if left else (200, {}, 0.0)
            time.sleep(pause)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

        def handle(self) -> None:
            with suppress(BrokenPipeError, ConnectionResetError):
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    receiver.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Outbox:
    """A ledger with an outbox, and the channels it sends to."""

    ledger: Ledger
    url: str
    root: Path
    receiver: Receiver
    timeout: float = 1.0

    @property
    def project(self) -> Project:
        return load_project(self.root)

    def resolve(self, name: str) -> Connection:
        address = f"{self.receiver.address}/{name}"
        return Connection(
            name, "http", host=address, password="secret", extra={"timeout": str(self.timeout)}
        )

    def incident(self, name: str = "a") -> Incident:
        with self.ledger.write() as tx:
            return incidents.open_incident(
                tx, Incident("", name, "late", f"wharf:prod:late:{name}", "L1", NOW, "late")
            )

    def queue(
        self, about: Incident, *actions: str, channel: str = "desk", level: str = "L1"
    ) -> None:
        notice = Notice(
            about.dedup_key, 1, "prod", "open", "late", level, "acme", "acme.a", "2026-11-20",
            NOW, "late", thread=about.dedup_key,
        )  # fmt: skip
        with self.ledger.write() as tx:
            for number, action in enumerate(actions, 1):
                said = replace(notice, action=action, number=number)
                key = f"{about.dedup_key}:{number}:{channel}:{about.id}"
                row = Outgoing(key, channel, said.to_json(), NOW, about.id, number)
                assert outbox.queue_message(tx, row)

    def send(self, now: datetime = NOW) -> tuple[int, int]:
        began = time.monotonic()
        return send_messages(
            self.ledger, self.project, self.resolve, now,
            elapsed=lambda: timedelta(seconds=time.monotonic() - began),
        )  # fmt: skip

    def statuses(self) -> list[str]:
        with self.ledger.read() as tx:
            return [each.status for each in outbox.messages(tx)]

    def child(self, now: datetime = NOW, dies: bool = False) -> subprocess.Popen[str]:
        arguments = [self.url, str(self.root), self.receiver.address, now.isoformat()]
        return subprocess.Popen(
            [sys.executable, str(CHILD), *arguments, "dies" if dies else "lives"],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip


@pytest.fixture
def box(place: Place, tmp_path: Path) -> Iterator[Outbox]:
    """An outbox over each database."""
    (tmp_path / "project/dags").mkdir(parents=True)
    channels = "".join(
        f"  - {{name: {name}, kind: webhook, connection: {name}}}\n"
        for name in ("desk", "other", "third")
    )
    (tmp_path / "project/dags/alerts.yaml").write_text(f"channels:\n{channels}")
    with receiving() as receiver:
        ledger = Ledger.open(place.ledger_url)
        yield Outbox(ledger, place.ledger_url, tmp_path / "project", receiver)
        ledger.engine.dispose()


def test_messages_about_one_incident_leave_in_order_even_when_the_first_fails(box: Outbox) -> None:
    box.queue(box.incident(), "open", "raise", "resolve")
    box.receiver.answers["desk"] = [(500, {}, 0)]
    assert box.send() == (0, 1)
    assert box.receiver.actions() == ["open"]
    assert box.send(NOW + timedelta(seconds=10)) == (0, 0), "it waits for its back-off"
    assert box.send(NOW + timedelta(seconds=31)) == (3, 0)
    assert box.receiver.actions() == ["open", "open", "raise", "resolve"]
    with box.ledger.read() as tx:
        assert conversations.open_conversations(tx, [1]) == []


def test_a_failing_message_holds_up_only_its_own_incident(box: Outbox) -> None:
    for name in ("a", "b"):
        box.queue(box.incident(name), "open", "resolve")
    box.receiver.answers["desk"] = [(500, {}, 0)]
    assert box.send() == (2, 1)
    assert box.statuses() == ["QUEUED", "QUEUED", "SENT", "SENT"]


def test_a_lost_answer_is_sent_again_under_the_same_key(box: Outbox) -> None:
    box.queue(box.incident(), "open")
    box.receiver.answers["desk"] = [(200, {}, 1.5)]
    assert box.send() == (0, 1)
    assert box.send(NOW + timedelta(minutes=1)) == (1, 0)
    first, second = box.receiver.keys()
    assert first == second


def test_a_channel_that_asks_for_a_pause_is_left_alone_with_everything(box: Outbox) -> None:
    for name in "abcde":
        box.queue(box.incident(name), "open")
    box.receiver.answers["desk"] = [(429, {"Retry-After": "300"}, 0)]
    box.send()
    assert len(box.receiver.taken) == 1
    box.send(NOW + timedelta(minutes=4))
    assert len(box.receiver.taken) == 1
    assert box.send(NOW + timedelta(minutes=6)) == (5, 0)


def test_a_hanging_channel_delays_no_other(box: Outbox) -> None:
    for name in "abcdef":
        about = box.incident(name)
        for channel in ("desk", "other"):
            box.queue(about, "open", channel=channel)
    box.receiver.answers["desk"] = [(200, {}, 5)] * 9
    began = time.monotonic()
    sent, failed = box.send()
    assert (sent, failed) == (6, 3), "three failures in a row are enough for one tick"
    assert time.monotonic() - began < 10
    assert box.statuses().count("QUEUED") == 6


def test_a_message_that_is_refused_fails_for_good_and_lets_the_next_one_pass(box: Outbox) -> None:
    box.queue(box.incident(), "open", "resolve")
    box.receiver.answers["desk"] = [(400, {}, 0)]
    assert box.send() == (1, 1)
    assert box.statuses() == ["FAILED", "SENT"]
    with box.ledger.read() as tx:
        [trouble] = incidents.open_of_kind(tx, "channel")
    assert trouble.dedup_key == "wharf:prod:channel:desk"


def test_two_processes_at_once_send_every_message_once(box: Outbox) -> None:
    about = [box.incident(f"i{number}") for number in range(30)]
    for each in about:
        for channel in ("desk", "other", "third"):
            box.queue(each, "open", "update", "resolve", channel=channel)
    children = [box.child() for _ in range(3)]
    done = [child.communicate(timeout=120)[0].split() for child in children]
    sent = sum(int(words[0]) for words in done)
    for _ in range(5):
        sent += box.send(NOW + timedelta(minutes=5))[0]
    keys = [key for _, key, _ in box.receiver.taken]
    assert (len(keys), len(set(keys)), sent) == (270, 270, 270)
    by_incident: dict[tuple[str, str], list[str]] = {}
    for channel, key, action in box.receiver.taken:
        by_incident.setdefault((channel, key.split(":")[3]), []).append(action)
    assert set(map(tuple, by_incident.values())) == {("open", "update", "resolve")}


def test_a_process_killed_between_sending_and_recording_costs_at_most_one_extra(
    box: Outbox,
) -> None:
    for name in "abc":
        box.queue(box.incident(name), "open")
    child = box.child(dies=True)
    child.communicate(timeout=60)
    assert child.returncode == -9
    assert len(box.receiver.taken) == 1
    assert box.send(NOW + timedelta(minutes=1)) == (0, 0), "what was claimed is not sent twice"
    assert box.send(NOW + timedelta(minutes=3)) == (3, 0)
    keys = box.receiver.keys()
    assert (len(keys), len(set(keys))) == (4, 3)


def test_who_is_late_to_record_changes_nothing(box: Outbox) -> None:
    box.queue(box.incident(), "open")
    lease = timedelta(minutes=2)
    with box.ledger.write() as tx:
        [mine] = outbox.claim(tx, {"desk": outbox.Manner()}, NOW, lease)
    with box.ledger.write() as tx:
        later = NOW + timedelta(minutes=3)
        [theirs] = outbox.claim(tx, {"desk": outbox.Manner()}, later, lease)
        assert outbox.record_sent(tx, theirs.message, later, "theirs")
        assert not outbox.record_sent(tx, mine.message, later, "mine")
        assert not outbox.record_failed(tx, mine.message, "too late", None)
        [row] = outbox.messages(tx)
    assert (row.status, row.response_id) == ("SENT", "theirs")


def test_pages_that_wait_for_the_morning_never_keep_a_critical_one_back(box: Outbox) -> None:
    attention = "attention: {tz: UTC, hours: 09:00-09:01}"
    channel = f"{{name: desk, kind: webhook, connection: desk, {attention}}}"
    (box.root / "dags/alerts.yaml").write_text(f"channels: [{channel}]\n")
    for number in range(AT_ONCE + 1):
        box.queue(box.incident(f"w{number}"), "open", level="L2")
    assert box.send() == (0, 0)
    assert box.send() == (0, 0)
    box.queue(box.incident("critical"), "open", level="L3")
    assert box.send() == (1, 0)
