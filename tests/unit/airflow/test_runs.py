"""Starting runs against a real HTTP server that answers as Airflow's does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from wharf.airflow.runs import AirflowRuns, AirflowUnavailable, address
from wharf.errors import SettingsError
from wharf.settings import Connection


class FakeAirflow(ThreadingHTTPServer):
    """Keeps runs in memory; fails, and forgets its tokens, as often as it is told to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.runs: dict[tuple[str, str], dict[str, Any]] = {}
        self.dags = {"feed__acme__stock"}
        self.failures: list[int] = []
        self.tokens: set[str] = set()
        self.logins = 0
        self.health: dict[str, Any] = {}

    @property
    def connection(self) -> Connection:
        host, port = self.server_address[:2]
        return Connection("wharf_airflow", "http", str(host), int(port), "wharf", "secret")


class Handler(BaseHTTPRequestHandler):
    server: FakeAirflow

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/auth/token":
            if body != {"username": "wharf", "password": "secret"}:
                return self.answer(401, {"detail": "no"})
            self.server.logins += 1
            token = f"token-{self.server.logins}"
            self.server.tokens.add(token)
            return self.answer(201, {"access_token": token})
        if self.refused():
            return None
        dag_id = self.path.split("/")[4]
        if dag_id not in self.server.dags:
            return self.answer(404, {"detail": "no such DAG"})
        key = (dag_id, body["dag_run_id"])
        if key in self.server.runs:
            return self.answer(409, {"detail": "there already"})
        self.server.runs[key] = {"dag_id": dag_id, "state": "queued", **body}
        return self.answer(200, self.server.runs[key])

    def do_GET(self) -> None:
        if self.refused():
            return None
        if self.path == "/api/v2/monitor/health":
            return self.answer(200, self.server.health)
        query = parse_qs(urlsplit(self.path).query)
        states, offset = query["state"], int(query["offset"][0])
        found = [run for run in self.server.runs.values() if run["state"] in states]
        page = found[offset : offset + int(query["limit"][0])]
        return self.answer(200, {"dag_runs": page, "total_entries": len(found)})

    def refused(self) -> bool:
        if self.server.failures:
            self.answer(self.server.failures.pop(0), {"detail": "busy"})
            return True
        if self.headers["Authorization"].removeprefix("Bearer ") not in self.server.tokens:
            self.answer(401, {"detail": "token"})
            return True
        return False

    def answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def airflow() -> Iterator[FakeAirflow]:
    with FakeAirflow() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def runs(airflow: FakeAirflow) -> Iterator[AirflowRuns]:
    with AirflowRuns(airflow.connection, sleep=lambda _: None) as made:
        yield made


def test_a_run_is_named_after_key_and_cause(airflow: FakeAirflow, runs: AirflowRuns) -> None:
    assert runs("feed__acme__stock", "2026-W47", "row-12")
    [run] = airflow.runs.values()
    assert run["dag_run_id"] == "wharf__2026-W47__row-12"
    assert run["partition_key"] == "2026-W47"


def test_a_second_start_for_the_same_cause_does_nothing(
    airflow: FakeAirflow, runs: AirflowRuns
) -> None:
    assert [runs("feed__acme__stock", "2026-W47", "row-12") for _ in range(3)] == [
        True,
        False,
        False,
    ]
    assert len(airflow.runs) == 1


def test_a_busy_airflow_is_asked_again(airflow: FakeAirflow, runs: AirflowRuns) -> None:
    airflow.failures = [503, 500]
    assert runs("feed__acme__stock", "2026-W47", "row-12")


def test_an_airflow_that_stays_away_is_a_passing_trouble(
    airflow: FakeAirflow, runs: AirflowRuns
) -> None:
    airflow.failures = [503] * 9
    with pytest.raises(AirflowUnavailable, match="answered 503"):
        runs("feed__acme__stock", "2026-W47", "row-12")
    assert not airflow.runs


def test_a_dag_that_airflow_has_not_read_yet_is_a_passing_trouble(runs: AirflowRuns) -> None:
    with pytest.raises(AirflowUnavailable, match="does not know the DAG 'feed__acme__new'"):
        runs("feed__acme__new", "2026-W47", "row-12")


def test_a_token_that_expired_is_renewed(airflow: FakeAirflow, runs: AirflowRuns) -> None:
    runs("feed__acme__stock", "2026-W47", "row-1")
    airflow.tokens.clear()
    assert runs("feed__acme__stock", "2026-W47", "row-2")
    assert airflow.logins == 2


def test_one_token_serves_many_calls(airflow: FakeAirflow, runs: AirflowRuns) -> None:
    for number in range(5):
        runs("feed__acme__stock", "2026-W47", f"row-{number}")
    assert airflow.logins == 1


def test_a_wrong_password_names_the_connection(airflow: FakeAirflow) -> None:
    wrong = Connection("wharf_airflow", "http", "127.0.0.1", airflow.server_port, "wharf", "no")
    with (
        AirflowRuns(wrong) as runs,
        pytest.raises(SettingsError, match="connection 'wharf_airflow'"),
    ):
        runs.running_keys()


def test_running_keys_lists_every_page_of_our_queued_and_running_runs(
    airflow: FakeAirflow, runs: AirflowRuns
) -> None:
    for number in range(250):
        runs("feed__acme__stock", f"2026-W{number:03}", "row")
    states = ["queued", "running", "success"]
    for number, run in enumerate(airflow.runs.values()):
        run["state"] = states[number % 3]
    airflow.runs["watch", "x"] = {"dag_id": "watch", "state": "running", "partition_key": None}
    airflow.runs["model__residential", "x"] = {
        "dag_id": "model__residential",
        "state": "running",
        "partition_key": None,
        "conf": {"period": "2026-11-20"},
    }
    keys = runs.running_keys()
    assert len(keys) == 168
    assert ("model__residential", "2026-11-20") in keys
    assert ("feed__acme__stock", "2026-W000") in keys
    assert ("feed__acme__stock", "2026-W002") not in keys


def test_heartbeats_are_read_and_the_word_healthy_is_not(
    airflow: FakeAirflow, runs: AirflowRuns
) -> None:
    beat = "2026-11-20T06:00:00+00:00"
    airflow.health = {
        "scheduler": {"status": "healthy", "latest_scheduler_heartbeat": beat},
        "triggerer": {"status": "healthy", "latest_triggerer_heartbeat": None},
    }
    assert runs.heartbeats() == {
        "scheduler": datetime(2026, 11, 20, 6, tzinfo=UTC),
        "dag_processor": None,
        "triggerer": None,
    }


def test_nobody_listening_is_a_passing_trouble(airflow: FakeAirflow) -> None:
    gone = airflow.connection
    airflow.server_close()
    airflow.socket.close()
    with (
        AirflowRuns(gone, sleep=lambda _: None) as runs,
        pytest.raises(AirflowUnavailable, match="does not answer"),
    ):
        runs.running_keys()


@pytest.mark.parametrize(
    ("host", "port", "schema", "wanted"),
    [
        ("airflow", 8080, "", "http://airflow:8080"),
        ("airflow.example", None, "https", "https://airflow.example"),
        ("https://airflow.example/team", None, "", "https://airflow.example/team"),
    ],
    ids=["host and port", "https", "whole address"],
)
def test_a_connection_points_at_an_address(
    host: str, port: int | None, schema: str, wanted: str
) -> None:
    assert address(Connection("wharf_airflow", "http", host, port, schema=schema)) == wanted


def test_a_connection_without_host_is_refused() -> None:
    with pytest.raises(SettingsError, match="names no host"):
        address(Connection("wharf_airflow", "http"))
