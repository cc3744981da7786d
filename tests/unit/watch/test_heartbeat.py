"""The sign of life after a tick, given to a real HTTP server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from harbour import Harbour

from wharf.errors import AirflowUnavailable
from wharf.intake import Intake
from wharf.ledger import incidents
from wharf.settings import Connection
from wharf.watch.heartbeat import give_sign_of_life, look_at_components


class Watcher(ThreadingHTTPServer):
    """Notes what it is told; answers as it is told to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.told: list[tuple[str, str]] = []
        self.status = 200

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/ping/7f3a9c"


class Handler(BaseHTTPRequestHandler):
    server: Watcher

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.told.append((self.path, body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    with Watcher() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def harbour(
    tmp_path: Path, address: str, *, env: str = "prod", heartbeat: str = "outside"
) -> Intake:
    made = Harbour(tmp_path)
    settings = replace(made.settings, env=env, heartbeat=heartbeat)
    return replace(
        made.place, settings=settings, resolve=lambda name: Connection(name, "http", address)
    )


def test_a_good_tick_pings_the_address_itself(tmp_path: Path, watcher: Watcher) -> None:
    assert give_sign_of_life(harbour(tmp_path, watcher.address))
    assert watcher.told == [("/ping/7f3a9c", "")]


def test_a_tick_with_trouble_pings_fail_and_says_why(tmp_path: Path, watcher: Watcher) -> None:
    assert give_sign_of_life(harbour(tmp_path, watcher.address), "Airflow did not answer: §")
    assert watcher.told == [("/ping/7f3a9c/fail", "Airflow did not answer: §")]


@pytest.mark.parametrize("but", [{"heartbeat": ""}, {"env": "dev_ann"}])
def test_no_connection_or_a_private_environment_pings_nobody(
    tmp_path: Path, watcher: Watcher, but: dict[str, str]
) -> None:
    assert not give_sign_of_life(harbour(tmp_path, watcher.address, **but))
    assert watcher.told == []


def test_a_watcher_that_is_away_or_ill_does_not_fail_the_tick(
    tmp_path: Path, watcher: Watcher
) -> None:
    watcher.status = 503
    assert not give_sign_of_life(harbour(tmp_path / "a", watcher.address))
    assert not give_sign_of_life(harbour(tmp_path / "b", "http://127.0.0.1:9/none"))
    assert not give_sign_of_life(harbour(tmp_path / "c", "no address"))


def test_a_triggerer_that_fell_silent_is_told_once_and_again_when_it_is_back(
    tmp_path: Path,
) -> None:
    made = Harbour(tmp_path)
    route_to_desk(made)
    made.tick()
    for beat_age, line in ((timedelta(0), 0), (timedelta(minutes=4), 1), (timedelta(minutes=5), 1)):
        made.wait(minutes=1)
        beats = {"triggerer": made.now - beat_age, "scheduler": made.now, "dag_processor": None}
        assert len(look_at_components(made.place, lambda now=beats: now, made.now)) == line
        made.tick()
    assert said(made) == ["open"]
    [told] = made.messages()
    assert "Airflow's triggerer gave no sign of life since 2026-11-20 06:58:00 UTC" in str(
        told.notice
    )
    made.wait(minutes=1)
    assert look_at_components(made.place, lambda: {"triggerer": made.now}, made.now) == []
    made.tick()
    assert said(made) == ["open", "resolve"]


def test_an_airflow_that_does_not_answer_opens_nothing(tmp_path: Path) -> None:
    made = Harbour(tmp_path)
    route_to_desk(made)

    def away() -> dict[str, datetime | None]:
        raise AirflowUnavailable("Airflow does not answer")

    assert look_at_components(made.place, away, made.now) == []
    made.tick()
    assert said(made) == []


def route_to_desk(made: Harbour) -> None:
    file = made.root / "project/dags/alerts.yaml"
    file.write_text("channels: [{name: desk, kind: webhook, connection: desk}]\n")


def said(made: Harbour) -> list[str]:
    with made.place.ledger.read() as tx:
        last = incidents.last_incident(tx, "wharf:prod:component:triggerer")
        return [each.kind for each in incidents.transitions_of(tx, last.id)] if last else []
