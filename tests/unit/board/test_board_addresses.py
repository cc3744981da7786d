from __future__ import annotations

import html
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from board_crowd import STORY
from board_server import LocalServer, everybody
from board_world import HOSTILE, NOW, BoardWorld
from fastapi import FastAPI
from fastapi.routing import APIRoute
from harbour import GOOD, Harbour

from wharf.board import build_app
from wharf.ledger import batches
from wharf.ledger.rows import BatchRow

STORY_PAGE = f"/feeds/{STORY[0]}/{STORY[1]}"
PAGES = (
    "/", "/?days=90", "/?group=supplier&open=all", "/?view=list", STORY_PAGE, "/suppliers",
    "/suppliers/acme", "/suppliers/hostile/hostile.feed", "/scorecards/acme.csv",
    "/scorecards/acme.prices.json", "/status.json", "/metrics", "/badges/acme.prices.svg",
    "/static/board.css", "/static/board.js", "/static/theme.js", "/quarantine", "/trace",
    f"{STORY_PAGE}/versions",
)  # fmt: skip


def addresses(app: FastAPI) -> list[str]:
    """Every address of the board, with something in its gaps."""
    gaps = {
        "feed": STORY[0], "period": STORY[1], "batch_id": "b", "name": "board.css",
        "supplier": "signalpath", "kind": "csv",
    }  # fmt: skip
    return [each.path_format.format(**gaps) for each in app.routes if isinstance(each, APIRoute)]


def test_every_address_is_behind_the_guard(app: FastAPI, stranger: httpx.Client) -> None:
    found = {*addresses(app), *PAGES}
    assert len(addresses(app)) == len(app.routes) == 20
    assert {path: stranger.get(path).status_code for path in found} == dict.fromkeys(found, 401)


def test_nothing_but_reading_is_offered(client: httpx.Client) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert {client.request(method, path).status_code for path in PAGES} == {405}


@pytest.mark.parametrize("path", PAGES)
def test_who_may_see_the_board_gets_it(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", [*PAGES, "/nothing", "/feeds/no/body", "/static/app.py"])
def test_every_answer_carries_the_strict_policy(
    client: httpx.Client, stranger: httpx.Client, path: str
) -> None:
    for answer in (client.get(path), stranger.get(path)):
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self'")
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "private" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    [
        "/feeds/nobody.nothing/2026-11-20",
        f"/feeds/{STORY[0]}/1999-01-01",
        f"/feeds/{STORY[0]}/%3Cscript%3E",
        "/results/20261120T000000000Z-000000",
        "/results/..%2F..%2Fledger.db",
        "/suppliers/nobody",
        "/suppliers/acme/cobalt.orders",
        "/suppliers/%3Cscript%3E",
        "/scorecards/acme.exe",
        "/scorecards/nobody.csv",
    ],
)
def test_an_unknown_address_is_not_found_and_leads_back(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "<script>" not in answer.text
    if answer.headers["content-type"].startswith("text/html"):
        assert "All suppliers" in answer.text, "the way back"


@pytest.mark.parametrize(
    "name", ["app.py", "..%2Fapp.py", "%2e%2e/app.py", "board.css%00", "BOARD.CSS"]
)
def test_only_its_own_files_are_served(client: httpx.Client, name: str) -> None:
    assert client.get(f"/static/{name}").status_code == 404


@pytest.mark.parametrize("days", ["0", "-3", "9999", "abc", "", "²", "1e3"])
def test_any_number_of_days_is_answered(client: httpx.Client, days: str) -> None:
    assert client.get("/", params={"days": days}).status_code == 200


@pytest.mark.parametrize("path", ["/", STORY_PAGE, "/suppliers/acme"])
def test_a_page_that_did_not_change_is_not_sent_again(client: httpx.Client, path: str) -> None:
    first = client.get(path)
    again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = client.get(path, headers={"If-None-Match": '"other"'})
    assert other.content == first.content


def test_a_page_that_changed_is_sent_again(world: BoardWorld) -> None:
    world.feed("acme.prices")
    world.watch()
    app = build_app(world.settings, everybody, lambda: world.now)
    with LocalServer(app) as server, httpx.Client(base_url=server.url) as client:
        tag = client.get("/").headers["etag"]
        world.now += timedelta(hours=10)
        assert client.get("/", headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/", "/?days=62", "/?view=list", "/?group=supplier", STORY_PAGE, "/suppliers",
        "/feeds/hostile.feed/2026-11-20", "/suppliers/hostile", "/suppliers/hostile/hostile.feed",
    ],
)  # fmt: skip
def test_what_suppliers_write_is_text_and_nothing_else(client: httpx.Client, path: str) -> None:
    text = client.get(path).text
    assert HOSTILE not in text
    assert html.escape(HOSTILE, quote=False) in text.replace("&#39;", "'")


def test_the_board_says_what_is_wrong_now(client: httpx.Client) -> None:
    text = client.get("/").text
    for said in (
        "late now", "missing", "2 in quarantine", "1 unknown", "2 contract files",
        "Blind at blind_inbox.", "connection refused",
    ):  # fmt: skip
        assert said in text
    assert "Nobody is watching" not in text


def test_an_empty_ledger_shows_how_to_begin(world: BoardWorld) -> None:
    app = build_app(world.settings, everybody, lambda: NOW)
    with LocalServer(app) as server:
        text = httpx.get(server.url).text
    assert "No feed is known yet" in text
    assert "wharf feed new" in text
    assert "Nobody is watching" in text


def test_an_audit_page_is_served_with_a_policy_of_its_own(tmp_path: Path) -> None:
    harbour = Harbour(tmp_path)
    harbour.deliver(GOOD)
    harbour.run()
    [batch] = harbour.batches()
    app = build_app(harbour.settings, everybody, lambda: harbour.now)
    with LocalServer(app) as server:
        answer = httpx.get(f"{server.url}/results/{batch.batch_id}")
    assert answer.status_code == 200
    assert batch.batch_id in answer.text
    policy = answer.headers["content-security-policy"]
    assert policy == (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'"
    )


def test_no_file_outside_the_results_is_served(world: BoardWorld) -> None:
    secret = world.root / "secret.html"
    secret.write_text("secret")
    row = BatchRow(
        "b-1", "raw.t", "2026-11-20", "acme.prices", "STAGED", NOW, NOW, results=str(secret)
    )
    with world.ledger.write() as tx:
        batches.record_batch(tx, row)
    app = build_app(world.settings, everybody, lambda: NOW)
    with LocalServer(app) as server:
        answer = httpx.get(f"{server.url}/results/b-1")
    assert answer.status_code == 404
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    "query",
    ["q=%3Cscript%3Ealert(1)%3C/script%3E", "supplier=%22%3E%3Cb%3E", "open=%22%3E%3Cb%3E&days=35"],
    ids=["words", "supplier", "open"],
)
def test_what_an_address_says_is_text_and_nothing_else(client: httpx.Client, query: str) -> None:
    for view in ("", "&group=supplier", "&view=list"):
        text = client.get(f"/?{query}{view}").text
        assert "<script>alert(1)" not in text
        assert "<b>" not in text


def test_an_address_that_narrows_to_nothing_says_so_and_leads_back(client: httpx.Client) -> None:
    text = client.get("/", params={"q": "nobody", "state": "late"}).text
    assert "is called “nobody”" in text
    assert "Show all" in text


def test_filters_work_without_javascript(client: httpx.Client) -> None:
    text = client.get("/", params={"q": "cobalt", "state": "quarantined"}).text
    assert "cobalt.<wbr>orders" in text
    assert "cobalt.<wbr>returns" not in text
    assert 'value="cobalt"' in text


def test_many_feeds_are_paged_through(world: BoardWorld) -> None:
    for number in range(130):
        world.feed(f"acme.feed{number:03d}")
    world.watch()
    app = build_app(world.settings, everybody, lambda: world.now)
    with LocalServer(app) as server, httpx.Client(base_url=server.url) as client:
        first, second = client.get("/").text, client.get("/?page=2").text
        beyond = client.get("/?page=99").text
        strips = client.get("/?days=35").text
    assert (first.count("<tr data-feed="), second.count("<tr data-feed=")) == (100, 30)
    assert "page 1 of 2, 130 in all" in first
    assert "page 2 of 2" in beyond
    assert strips.count("<tr data-feed=") == 130, "strips are small, so there is one page of them"


def test_a_silent_watch_is_told_loudly_with_its_age(world: BoardWorld) -> None:
    world.feed("acme.prices")
    world.watch()
    world.now += timedelta(hours=1)
    app = build_app(world.settings, everybody, lambda: world.now)
    with LocalServer(app) as server:
        for path in ("/", "/suppliers", "/suppliers/acme", "/feeds/acme.prices/2026-11-20"):
            text = httpx.get(server.url + path).text
            assert "Nobody is watching." in text
            assert "last tick 60\N{NO-BREAK SPACE}min ago" in text
