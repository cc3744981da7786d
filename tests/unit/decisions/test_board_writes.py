"""Writes to the board over real HTTP: who may, that they were meant, and what they do."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path

import httpx
import pytest
from board_powers import Lent
from board_server import LocalServer, everybody
from board_world import HOSTILE, NOW, BoardWorld

from wharf.board import build_app
from wharf.ledger import decisions
from wharf.ledger.rows import Decision

STORY = "/feeds/acme.prices/2026-11-20"
UNTIL = "2026-11-20T18:00"


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = BoardWorld(tmp_path_factory.mktemp("prepared") / "world")
    made.feed("acme.prices")
    made.feed("bolt.rates")
    made.product("risk", "{acme.prices: {read: same}}")
    made.watch()
    return made.root


@pytest.fixture
def world(prepared: Path, tmp_path: Path) -> BoardWorld:
    return BoardWorld(shutil.copytree(prepared, tmp_path / "world"))


@pytest.fixture
def lent(tmp_path: Path) -> Lent:
    return Lent(tmp_path, may={"ada": {"*"}, "bo": {"*"}, "vera": set(), "al": {"feed__x"}})


@pytest.fixture
def board(world: BoardWorld, lent: Lent) -> Iterator[httpx.Client]:
    app = build_app(world.settings, everybody, lambda: NOW, lent.powers)
    with LocalServer(app) as server, httpx.Client(base_url=server.url) as client:
        client.headers["X-User"] = "ada"
        yield client


def token(board: httpx.Client, user: str = "ada") -> str:
    answer = board.get("/api/token", headers={"X-User": user})
    return str(answer.json()["token"])


def decide(board: httpx.Client, path: str = STORY, **fields: str) -> httpx.Response:
    given = {"kind": "ack", "until": UNTIL, "reason": "I called them", "token": token(board)}
    return board.post(path, data={**given, **fields})


def kept(world: BoardWorld, feed: str = "acme.prices") -> list[Decision]:
    with world.ledger.read() as tx:
        return decisions.decisions_of(tx, feed)


def test_a_form_of_ours_is_taken_and_leads_back_to_the_story(
    board: httpx.Client, world: BoardWorld
) -> None:
    answer = decide(board)
    assert answer.status_code == 303
    assert answer.headers["location"] == "2026-11-20?said=decided#decide"
    [row] = kept(world)
    assert (row.kind, row.by, row.period, row.reason) == (
        "ack", "ada", "2026-11-20", "I called them",
    )  # fmt: skip
    assert row.detail == {"via": "board"}
    page = board.get(STORY + "?said=decided").text
    assert "ada takes care of it" in page
    assert "Noted. The next tick weighs it." in page


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        pytest.param({"Origin": "https://evil.example"}, "another site", id="foreign origin"),
        pytest.param({"Origin": "null"}, "another site", id="hidden origin"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, "another site", id="cross-site"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, "another site", id="a sister site"),
        pytest.param({"Sec-Fetch-Site": "none"}, "another site", id="no site at all"),
    ],
)
def test_another_site_cannot_decide(
    board: httpx.Client, world: BoardWorld, headers: dict[str, str], why: str
) -> None:
    fields = {"kind": "ack", "until": UNTIL, "reason": "x", "token": token(board)}
    for path in (STORY, "/maintenance", "/backfills", "/proposals"):
        answer = board.post(path, data=fields, headers=headers)
        assert (answer.status_code, why in answer.text) == (403, True), path
    for path in ("/api/decisions", "/api/maintenance", "/api/backfills"):
        answer = board.post(path, json=fields, headers={**headers, "Authorization": "Bearer ada"})
        assert (answer.status_code, why in answer.text) == (403, True), path
    assert kept(world) == []


@pytest.mark.parametrize("given", ["", "0" * 64, "é"], ids=["none", "a guess", "no ascii"])
def test_a_form_without_our_token_is_refused(
    board: httpx.Client, world: BoardWorld, given: str
) -> None:
    assert decide(board, token=given).status_code == 403
    assert kept(world) == []


def test_a_token_is_of_one_person_and_of_one_day(
    board: httpx.Client, world: BoardWorld, lent: Lent
) -> None:
    assert decide(board, token=token(board, "bo")).status_code == 403
    later = build_app(world.settings, everybody, lambda: NOW + timedelta(hours=13), lent.powers)
    old = token(board)
    with LocalServer(later) as server:
        answer = httpx.post(
            server.url + STORY,
            data={"kind": "ack", "until": "2h", "reason": "x", "token": old},
            headers={"X-User": "ada"},
        )
    assert answer.status_code == 403
    assert "load the page again" in answer.text


def test_who_may_only_read_reads_and_decides_nothing(
    board: httpx.Client, world: BoardWorld
) -> None:
    for user in ("vera", "al"):
        board.headers["X-User"] = user
        page = board.get(STORY)
        assert page.status_code == 200
        assert f"{user} may read this, not decide" in unescape(page.text)
        assert "<form" not in page.text
        own = token(board, user)
        assert decide(board, token=own).status_code == 403
        file = {"file": ("a.csv", b"id\n1\n")}
        answer = board.post(STORY, data={"token": own, "do": "deliver"}, files=file)
        assert answer.status_code == 403
        fields = {"scope": "all", "until": "2h", "reason": "x", "token": own}
        assert board.post("/maintenance", data=fields).status_code == 403
        fields = {"subject": "acme.prices", "first": "2026-11-18", "last": "2026-11-19",
                  "reason": "x", "do": "start", "token": own}  # fmt: skip
        assert board.post("/backfills", data=fields).status_code == 403
        body = {"kind": "ack", "feed": "acme.prices", "period": "2026-11-20", "until": "2h",
                "reason": "x"}  # fmt: skip
        bearer = {"Authorization": f"Bearer {user}"}
        assert board.post("/api/decisions", json=body, headers=bearer).status_code == 403
    assert kept(world) == []


def test_nobody_decides_without_signing_in(board: httpx.Client, world: BoardWorld) -> None:
    given = {"kind": "ack", "until": UNTIL, "reason": "x", "token": token(board)}
    del board.headers["X-User"]
    assert board.post(STORY, data=given).status_code == 401
    assert kept(world) == []


def test_reading_changes_nothing(board: httpx.Client, world: BoardWorld) -> None:
    decide(board)
    before = (world.settings.home / "ledger.db").read_bytes()
    wal = world.settings.home / "ledger.db-wal"
    before_wal = wal.read_bytes() if wal.exists() else b""
    query = f"?do=revoke&decision=1&reason=x&kind=waive&until=2h&token={token(board)}"
    pages = (STORY, "/", "/decisions", "/maintenance", "/backfills", "/proposals", "/backfills/1")
    for path in (*pages, "/api/decisions", "/api/proposals", "/api/backfills/1"):
        board.get(path + query)
        board.head(path + query)
    for path in ("/api/decisions/1/revoke", "/api/decisions/1/approve", "/api/deliveries"):
        assert board.get(path + query).status_code == 405
    for method in ("PUT", "PATCH", "DELETE"):
        assert board.request(method, STORY + query).status_code == 405
    assert (world.settings.home / "ledger.db").read_bytes() == before
    assert (wal.read_bytes() if wal.exists() else b"") == before_wal


def test_a_refusal_says_why_and_keeps_what_was_typed(
    board: httpx.Client, world: BoardWorld
) -> None:
    answer = decide(board, kind="promise", until="2026-11-20T12:10", reason="they said <soon>")
    assert answer.status_code == 422
    assert "promise a later time" in answer.text or "is past" in answer.text
    assert "they said &lt;soon&gt;</textarea>" in answer.text
    assert re.search(r'<details class="act" open>\s*<summary>The supplier promised', answer.text)
    assert kept(world) == []
    assert decide(board, reason="  ").status_code == 422
    assert decide(board, until="soon").status_code == 422
    assert decide(board, kind="nonsense").status_code == 422
    assert decide(board, colour="red").status_code == 422
    assert kept(world) == []


def test_hostile_words_stay_words(board: httpx.Client, world: BoardWorld) -> None:
    decide(board, kind="waive", until="2026-11-30T00:00", reason=f"{HOSTILE} \u202e\x1b[31m\r\nx")
    [row] = kept(world)
    assert row.reason == f"{HOSTILE} [31m x"
    for path in (STORY, "/decisions"):
        page = board.get(path).text
        assert HOSTILE not in page
        assert "&lt;script&gt;" in page


def test_a_decision_is_taken_back_and_both_stay_in_the_list(
    board: httpx.Client, world: BoardWorld
) -> None:
    decide(board)
    answer = board.post(
        STORY, data={"do": "revoke", "decision": "1", "reason": "by mistake", "token": token(board)}
    )
    assert answer.status_code == 303
    [row] = kept(world)
    assert (row.revoked_by, row.revoked_at) == ("ada", NOW)
    assert "taken back by ada: by mistake" in board.get("/decisions").text
    again = board.post(
        STORY, data={"do": "revoke", "decision": "1", "reason": "x", "token": token(board)}
    )
    assert again.status_code == 422


def test_without_logins_only_this_machine_decides(world: BoardWorld, lent: Lent) -> None:
    lent.has_login, lent.default = False, "Anonymous"
    lent.may["Anonymous"] = {"*"}
    app = build_app(world.settings, everybody, lambda: NOW, lent.powers)
    with LocalServer(app) as server, httpx.Client(base_url=server.url) as board:
        given = {"kind": "ack", "until": UNTIL, "reason": "x"}
        # Airflow itself writes this header where it asks nobody who they are.
        bearer = {"Authorization": "Bearer Anonymous"}
        assert board.post(STORY, data=given, headers=bearer).status_code == 403
        given["token"] = board.get("/api/token").json()["token"]
        rebound = board.post(STORY, data=given, headers={"Host": "evil.example:8080"})
        assert (rebound.status_code, "no logins" in rebound.text) == (403, True)
        assert board.post(STORY, data=given, headers=bearer).status_code == 303
        page = board.get(STORY).text
        assert "asks nobody who they are" in page
    assert len(kept(world)) == 1


def test_rest_takes_json_with_a_bearer_token_or_ours(
    board: httpx.Client, world: BoardWorld
) -> None:
    body = {"kind": "waive", "feed": "acme.prices", "first": "2026-11-23", "last": "2026-11-27",
            "until": "2026-12-31", "reason": "holiday week"}  # fmt: skip
    assert board.post("/api/decisions", json=body).status_code == 403
    made = board.post("/api/decisions", json=body, headers={"Authorization": "Bearer bo"})
    assert made.status_code == 201
    assert made.json()["by"] == "bo"
    assert made.json()["until"] == "2027-01-01T00:00:00+00:00"
    assert made.json()["detail"]["via"] == "rest"
    ours = {"X-Wharf-Token": token(board)}
    for wrong in ({"data": body}, {"content": "[1]", "headers": {"content-type": "text/plain"}}):
        sent = {**wrong, "headers": {**ours, **wrong.get("headers", {})}}  # type: ignore[dict-item]
        assert board.post("/api/decisions", **sent).status_code == 415  # type: ignore[arg-type]
    broken = '{"feed": "\\ud800"}'
    for text in ("{", "[]", '{"kind": {"a": 1}}', "[" * 30000, broken):
        sent = {"content": text, "headers": {**ours, "content-type": "application/json"}}
        assert board.post("/api/decisions", **sent).status_code == 400, text[:5]  # type: ignore[arg-type]
    refused = board.post("/api/decisions", json={**body, "reason": ""}, headers=ours)
    assert (refused.status_code, refused.json()["field"]) == (422, "reason")
    assert board.post("/api/decisions", json=body, headers=ours).json()["by"] == "ada"
    listed = board.get("/api/decisions?feed=acme.prices&in_force=true").json()["decisions"]
    assert [each["by"] for each in listed] == ["bo", "ada"]
    about = board.get("/api/decisions?feed=acme.prices&period=2026-11-25").json()["decisions"]
    assert len(about) == 2
    path = f"/api/decisions/{listed[0]['decision']}/revoke"
    assert board.post(path, json={"reason": "x"}, headers=ours).json()["status"] == "taken back"


def test_a_number_that_no_database_knows_is_refused(board: httpx.Client) -> None:
    huge = "9" * 30
    ours = {"X-Wharf-Token": token(board)}
    for path in (f"/backfills/{huge}", f"/api/backfills/{huge}"):
        assert board.get(path).status_code == 422
    for path in (f"/api/decisions/{huge}/revoke", f"/api/proposals/{huge}"):
        assert board.post(path, json={"reason": "x"}, headers=ours).status_code == 422


def test_too_long_a_body_is_not_read(board: httpx.Client, world: BoardWorld) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(200):
            yield b"x" * 1024

    assert decide(board, reason="x" * 70_000).status_code == 413
    chunked = board.post(
        STORY, content=endless(), headers={"content-type": "application/x-www-form-urlencoded"}
    )
    assert chunked.status_code == 413
    assert decide(board, reason="x" * 2001).status_code == 422
    assert kept(world) == []


def test_a_maintenance_window_covers_a_supplier(board: httpx.Client, world: BoardWorld) -> None:
    fields = {"scope": "supplier:acme", "since": "2026-11-20T00:00", "until": "2026-11-22T00:00",
              "reason": "they move house", "token": token(board)}  # fmt: skip
    assert board.post("/maintenance", data=fields).status_code == 303
    assert [row.kind for row in kept(world)] == ["maintenance"]
    assert kept(world, "bolt.rates") == []
    assert "they move house" in board.get("/maintenance").text
    assert "maintenance window set by ada" in board.get(STORY).text.lower()
    wrong = board.post("/maintenance", data={**fields, "scope": "supplier:nobody"})
    assert (wrong.status_code, "no feed belongs to" in wrong.text) == (422, True)


def test_no_page_writes_where_the_board_only_shows(world: BoardWorld) -> None:
    with LocalServer(build_app(world.settings, everybody, lambda: NOW)) as server:
        page = httpx.get(server.url + STORY)
        assert page.status_code == 200
        assert "<form" not in page.text
        assert httpx.post(server.url + STORY, data={"kind": "ack"}).status_code == 405
        assert httpx.get(server.url + "/maintenance").status_code == 404
