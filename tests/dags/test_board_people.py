"""Airflow's own people on the board: a real API server, a viewer, users, and nobody at all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from harbour import DAY, Harbour

from wharf.demo.airflow_plan import AirflowPlan, airflow_environment, free_port, own_secrets
from wharf.ledger import decisions
from wharf.ledger.rows import Decision
from wharf.watch.expect import expect_horizon

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.timeout(900)]

PEOPLE = {"vera": "viewer", "ursula": "user", "olga": "op", "wharf": "user"}
STORY = "/wharf/feeds/acme.prices/2026-11-20"
FORM = {"kind": "ack", "until": "2h", "reason": "on it"}
BODY = {"kind": "ack", "feed": "acme.prices", "period": "2026-11-20", "until": "2h", "reason": "r"}


@dataclass
class Place:
    """A running API server beside a ledger."""

    url: str
    harbour: Harbour

    def bearer(self, name: str) -> str:
        """A token of Airflow for a person."""
        answer = httpx.post(
            self.url + "/auth/token", json={"username": name, "password": f"{name}'s word"}
        )
        return str(answer.json()["access_token"])

    @contextmanager
    def browser(self, name: str) -> Iterator[httpx.Client]:
        """A client that holds Airflow's cookie, as a browser does."""
        cookies = {"_token": self.bearer(name)} if name else {}
        with httpx.Client(base_url=self.url, cookies=cookies, timeout=60) as client:
            yield client

    def decided(self) -> list[Decision]:
        """What the ledger has."""
        with self.harbour.place.ledger.read() as tx:
            return decisions.decisions_of(tx, "acme.prices")


@contextmanager
def api_server(folder: Path, **settings: str) -> Iterator[Place]:
    """Airflow's API server alone, with people of ours."""
    harbour = Harbour(folder / "harbour", now=DAY + timedelta(hours=13))
    expect_horizon(harbour.place.ledger, harbour.promises, harbour.now)
    harbour.look()
    home, port = folder / "airflow", free_port()
    home.mkdir()
    passwords = home / "people.json"
    passwords.write_text(json.dumps({name: f"{name}'s word" for name in PEOPLE}))
    wharf_airflow = {"conn_type": "http", "host": "127.0.0.1", "port": port, "login": "wharf",
                     "password": "wharf's word"}  # fmt: skip
    plan = AirflowPlan(
        home=home,
        dags=folder / "dags",
        environment={
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(
                f"{name}:{role}" for name, role in PEOPLE.items()
            ),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
            "AIRFLOW_CONN_WHARF_AIRFLOW": json.dumps(wharf_airflow),
            "WHARF_HOME": str(harbour.root / "home"),
            "WHARF_PROJECT": str(harbour.root / "project"),
            **settings,
        },
    )
    environment = airflow_environment(plan, own_secrets(home), port)
    airflow = str(Path(sys.executable).parent / "airflow")
    log = (home / "server.log").open("w")
    subprocess.run([airflow, "db", "migrate"], env=environment, check=True, stdout=log, stderr=log)
    server = subprocess.Popen(
        [airflow, "api-server"], env=environment, stdout=log, stderr=log, start_new_session=True
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _until_healthy(url, server)
        yield Place(url, harbour)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(60)
        log.close()


def _until_healthy(url: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 240
    while time.monotonic() < until:
        assert server.poll() is None, "the API server ended"
        try:
            if httpx.get(url + "/api/v2/monitor/health", timeout=5).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.5)
    raise AssertionError("the API server did not start")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with api_server(tmp_path_factory.mktemp("people")) as running:
        yield running


@pytest.fixture(scope="module")
def open_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    everybody = {"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True"}
    with api_server(tmp_path_factory.mktemp("nobody"), **everybody) as running:
        yield running


def token(client: httpx.Client) -> str:
    return str(client.get("/wharf/api/token").json()["token"])


def test_a_viewer_reads_and_does_not_decide(place: Place) -> None:
    before = place.decided()
    with place.browser("vera") as vera:
        page = vera.get(STORY)
        assert (page.status_code, "vera may read this, not decide" in page.text) == (200, True)
        assert "<form" not in page.text
        answer = vera.post(STORY, data={**FORM, "token": token(vera)})
        assert (answer.status_code, "not decide" in answer.text) == (403, True)
    bearer = {"Authorization": f"Bearer {place.bearer('vera')}"}
    answer = httpx.post(place.url + "/wharf/api/decisions", json=BODY, headers=bearer)
    assert answer.status_code == 403
    assert place.decided() == before


@pytest.mark.parametrize("name", ["ursula", "olga"])
def test_who_may_run_the_dag_decides_by_their_login_name(place: Place, name: str) -> None:
    with place.browser(name) as person:
        assert "<form" in person.get(STORY).text
        assert person.post(STORY, data=FORM).status_code == 403, "a cookie alone is not enough"
        foreign = {"Origin": "https://evil.example"}
        given = {**FORM, "token": token(person)}
        assert person.post(STORY, data=given, headers=foreign).status_code == 403
        assert person.post(STORY, data=given).status_code == 303
    assert [place.decided()[-1].by, place.decided()[-1].detail["via"]] == [name, "board"]
    bearer = {"Authorization": f"Bearer {place.bearer(name)}"}
    answer = httpx.post(place.url + "/wharf/api/decisions", json=BODY, headers=bearer)
    assert (answer.status_code, answer.json()["by"]) == (201, name)
    assert place.decided()[-1].detail["via"] == "rest"


def test_nobody_and_forged_tokens_are_turned_away(place: Place) -> None:
    before = place.decided()
    for headers in ({}, {"Authorization": "Bearer x.y.z"}, {"Cookie": "_token=x.y.z"}):
        for method, path in (("GET", STORY), ("POST", STORY), ("POST", "/wharf/api/decisions"),
                             ("GET", "/wharf/decisions"), ("GET", "/wharf/api/token"),
                             ("GET", "/wharf/static/actions.css")):  # fmt: skip
            answer = httpx.request(method, place.url + path, headers=headers)
            assert answer.status_code in {401, 403}, (method, path, headers)
    assert place.decided() == before


def test_a_file_is_handed_in_through_airflow(place: Place) -> None:
    with place.browser("ursula") as person:
        sent = {"token": token(person), "do": "deliver"}
        file = {"file": ("../prices.csv", b"id,price\na,1.50\n")}
        answer = person.post(STORY, data=sent, files=file)
        assert answer.status_code == 200
    [landed] = place.harbour.deliveries()
    assert landed.sha256 in answer.text
    # This Airflow has read no DAG: it was asked, over its own interface, and said so.
    assert "does not know the DAG" in answer.text
    assert place.decided()[-1].kind == "hand_in"


def test_where_airflow_asks_for_no_name_nobody_is_a_second_person(open_place: Place) -> None:
    with open_place.browser("") as anybody:
        page = anybody.get(STORY)
        assert (page.status_code, "asks nobody who they are" in page.text) == (200, True)
        assert anybody.post(STORY, data=FORM).status_code == 403, "no token of ours"
        answer = anybody.post("/wharf/api/decisions", json=BODY)
        assert answer.status_code == 403, "Airflow put a bearer header in front of it"
        forged = {"Authorization": "Bearer x.y.z"}
        assert anybody.post("/wharf/api/decisions", json=BODY, headers=forged).status_code == 403
        given = {**FORM, "token": token(anybody)}
        rebound = anybody.post(STORY, data=given, headers={"Host": "evil.example"})
        assert rebound.status_code == 403
        assert anybody.post(STORY, data=given).status_code == 303
    [row] = open_place.decided()
    assert row.by
    assert row.detail == {"via": "board"}
