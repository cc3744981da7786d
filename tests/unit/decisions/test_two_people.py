"""Overruling a failed critical check over HTTP: one asks, another who has signed in agrees."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from board_powers import Lent
from board_server import LocalServer, everybody
from harbour import DAY, Harbour

from wharf.board import build_app
from wharf.decisions.publishing import is_same_person
from wharf.errors import AuditFailed
from wharf.ledger import batches, decisions

STORY = "/feeds/acme.prices/2026-11-20"


@pytest.fixture
def harbour(tmp_path: Path) -> Harbour:
    made = Harbour(tmp_path, now=DAY + timedelta(hours=9))
    made.deliver("id,price\na,-1.50\n")
    with pytest.raises(AuditFailed):
        made.run()
    return made


@pytest.fixture
def lent(tmp_path: Path) -> Lent:
    return Lent(tmp_path, may={"ada": {"*"}, "bo": {"*"}, "vera": set()})


@pytest.fixture
def board(harbour: Harbour, lent: Lent) -> Iterator[httpx.Client]:
    app = build_app(harbour.settings, everybody, lambda: harbour.now, lent.powers)
    with LocalServer(app) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        yield client


def post(board: httpx.Client, user: str, **fields: str) -> httpx.Response:
    headers = {"X-User": user}
    token = board.get("/api/token", headers=headers).json()["token"]
    return board.post(STORY, data={"token": token, **fields}, headers=headers)


def ask(board: httpx.Client, harbour: Harbour) -> httpx.Response:
    [held] = harbour.batches()
    return post(
        board, "ada", kind="force_publish", batch_id=held.batch_id,
        until="2026-11-20T18:00", reason="refunds are negative",
    )  # fmt: skip


def test_the_second_person_publishes_and_both_are_named(
    board: httpx.Client, harbour: Harbour
) -> None:
    page = board.get(STORY, headers={"X-User": "ada"}).text
    assert "Publish a batch against the rules" in page
    answer = ask(board, harbour)
    assert answer.headers["location"].endswith("?said=waits#decide")
    assert harbour.rows() == []
    assert "Agree as the second person" not in board.get(STORY, headers={"X-User": "ada"}).text
    assert "Agree as the second person" in board.get(STORY, headers={"X-User": "bo"}).text
    for user, code in (("ada", 422), ("vera", 403)):
        assert post(board, user, do="approve", decision="1").status_code == code
    assert harbour.rows() == []
    assert post(board, "bo", do="approve", decision="1").status_code == 303
    assert harbour.rows() == [("a", "-1.50")]
    with harbour.place.ledger.read() as tx:
        [event] = batches.publishes_of(tx, "raw.acme_prices", "2026-11-20")
    assert event.by == "ada, approved by bo"
    listed = board.get("/decisions", headers={"X-User": "vera"}).text
    assert "approved by bo" in listed


def test_without_logins_nobody_can_even_ask(
    board: httpx.Client, harbour: Harbour, lent: Lent
) -> None:
    lent.has_login = False
    page = board.get(STORY, headers={"X-User": "ada"}).text
    assert "Publish a batch against the rules" not in page
    answer = ask(board, harbour)
    assert (answer.status_code, "two people must want it" in answer.text) == (422, True)
    with harbour.place.ledger.read() as tx:
        assert decisions.decisions_of(tx, "acme.prices") == []


def test_rest_asks_and_agrees_too(board: httpx.Client, harbour: Harbour) -> None:
    [held] = harbour.batches()
    body = {"kind": "force_publish", "feed": "acme.prices", "period": "2026-11-20",
            "until": "2h", "reason": "refunds", "batch_id": held.batch_id}  # fmt: skip
    bo, ada = ({"Authorization": f"Bearer {name}"} for name in ("bo", "ada"))
    made = board.post("/api/decisions", json=body, headers=bo).json()
    assert made["status"] == "waits for a second person"
    path = f"/api/decisions/{made['decision']}/approve"
    assert board.post(path, json={}, headers=bo).status_code == 422
    done = board.post(path, json={}, headers=ada).json()
    assert (done["status"], done["detail"]["approved_by"]) == ("carried out", "ada")
    assert harbour.rows() == [("a", "-1.50")]
    assert board.post("/api/decisions/99/approve", json={}, headers=ada).status_code == 422


@pytest.mark.parametrize("again", ["ada", "ADA", "\uff41da", "ada "])
def test_one_person_under_two_spellings_is_one(again: str) -> None:
    assert is_same_person("ada", again)
    assert not is_same_person("ada", "bo")


def test_what_two_people_published_once_needs_two_again(
    board: httpx.Client, harbour: Harbour
) -> None:
    ask(board, harbour)
    post(board, "bo", do="approve", decision="1")
    harbour.place.batches.rollback(
        "raw.acme_prices", "2026-11-20", to=None, by="ada", reason="wrong", now=harbour.now
    )
    [back] = harbour.batches()
    assert back.status == "ROLLED_BACK"
    assert ask(board, harbour).headers["location"].endswith("?said=waits#decide")
    assert harbour.rows() == []
    assert post(board, "bo", do="approve", decision="1").status_code == 422
    assert post(board, "bo", do="approve", decision="2").status_code == 303
    assert harbour.rows() == [("a", "-1.50")]
