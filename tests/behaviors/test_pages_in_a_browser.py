"""Board and portal as people meet them: in a browser, light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from board_crowd import STORY, crowd
from board_server import LocalServer, everybody
from board_world import NOW
from browser_world import VIEWS, Look, until, violations
from playwright.sync_api import Browser, Page
from portal_world import FRESH, parcel_page, quiet_page

from wharf.board import build_app
from wharf.demo.portal_server import PortalServer
from wharf.portal import release_page, stage_page

pytestmark = pytest.mark.browser

ENGINE = Path(__file__).parents[2] / "plugins/wharf/portal/static/vendor/duckdb-eh.wasm.gz"
STORY_PAGE = f"feeds/{STORY[0]}/{STORY[1]}"
PAGES = {
    "board": lambda seen: seen.board + "/",
    "strips": lambda seen: seen.board + "/?days=62",
    "suppliers by day": lambda seen: seen.board + "/?group=supplier&open=cobalt",
    "supplier strips": lambda seen: seen.board + "/?group=supplier&days=90&open=all",
    "list": lambda seen: seen.board + "/?view=list&state=trouble",
    "nothing found": lambda seen: seen.board + "/?q=nobody",
    "story": lambda seen: f"{seen.board}/{STORY_PAGE}",
    "closed day": lambda seen: seen.board + "/feeds/registrar.deeds/2026-11-11",
    "hostile story": lambda seen: seen.board + "/feeds/hostile.feed/2026-11-20",
    "scorecards": lambda seen: seen.board + "/suppliers",
    "scorecard of a supplier": lambda seen: seen.board + "/suppliers/cobalt",
    "scorecard of a feed": lambda seen: seen.board + "/suppliers/cobalt/cobalt.returns",
    "product": lambda seen: seen.portal + "products/parcel_use/index.html",
    "quiet product": lambda seen: seen.portal + "products/supplier_scorecard/index.html",
    "index": lambda seen: seen.portal,
}


@dataclass(frozen=True)
class Seen:
    """Addresses of what is looked at."""

    board: str
    portal: str


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """A crowded board, and a portal of three pages."""
    folder = tmp_path_factory.mktemp("pages")
    world = crowd(folder / "crowd")
    board = build_app(world.settings, everybody, lambda: NOW)
    site = folder / "site"
    other = {"product": "other", "title": "Another product", "inputs": [FRESH]}
    for content in (parcel_page(folder), quiet_page(folder), quiet_page(folder, **other)):
        release_page(site, stage_page(site, content))
    with LocalServer(board) as shown, PortalServer(site) as portal:
        yield Seen(shown.url, portal.url)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", PAGES)
def test_no_page_has_errors_or_leaves_its_origin(
    look: Look, seen: Seen, name: str, view: str
) -> None:
    visit = look(PAGES[name](seen), view)
    for summary in visit.page.query_selector_all("details"):
        summary.evaluate("each => each.open = true")
    visit.page.wait_for_timeout(100)
    assert (visit.troubles, visit.foreign) == ([], [])
    width, room = visit.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width <= room, "the page itself scrolls sideways"


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_barriers(look: Look, seen: Seen, name: str, view: str) -> None:
    visit = look(PAGES[name](seen), view)
    for summary in visit.page.query_selector_all("details"):
        summary.evaluate("each => each.open = true")
    assert violations(visit.page) == []


def asked(page: Page, query: str) -> tuple[str, list[list[str]]]:
    """Ask the SQL box; gives what it says and the rows of its answer."""
    page.fill("#query", query)
    page.click("#sql button")
    until(page, "!document.querySelector('#sql button').disabled")
    rows: list[list[str]] = page.evaluate(
        "document.getElementById('answer').hidden ? [] :"
        "[...document.querySelectorAll('#answer tbody tr')]"
        ".map(line => [...line.cells].map(cell => cell.textContent))"
    )
    return page.inner_text("#answer-status"), rows


needs_engine = pytest.mark.skipif(
    not ENGINE.exists(), reason="run `make setup` to build the in-browser query engine"
)


@needs_engine
def test_the_sql_box_answers_over_the_published_file(look: Look, seen: Seen) -> None:
    visit = look(seen.portal + "products/parcel_use/index.html")
    query = (
        "select parcel_id, value, seen_at, sold_on, score, is_open, note "
        "from parcel_use order by 1 limit 2 -- the first"
    )
    said, rows = asked(visit.page, query)
    assert said.startswith("2 rows, ")
    assert rows == [
        ["P-00000", "12345.67", "2026-11-20 06:30:00", "2026-11-20", "", "true",
         "<script>alert(1)</script>"],
        ["P-00001", "12346.67", "2026-11-20 06:31:00", "2026-11-19", "0.5", "false",
         "A note that somebody typed in and that is longer than a column likes it"],
    ]  # fmt: skip
    said, rows = asked(visit.page, "select sum(value), count(*), today() from parcel_use;")
    assert rows == [["41535510.00", "3000", "2026-11-21"]]
    said, rows = asked(visit.page, "from parcel_use")
    assert said.startswith("The first 500 rows; there are more")
    assert len(rows) == 500
    assert violations(visit.page) == []
    assert (visit.troubles, visit.foreign) == ([], [])


@needs_engine
@pytest.mark.parametrize(
    ("query", "said"),
    [
        (
            "select * from read_parquet('https://example.org/x.parquet')",
            "only the table parcel_use",
        ),
        ("from 'https://example.org/x.csv'", "only the table parcel_use"),
        ("copy parcel_use to 'https://example.org/x.csv'", "Error"),
        ("attach 'https://example.org/x.db'", "Error"),
        ("install httpfs", "Error"),
        ("set enable_external_access=true", "locked"),
        ("selec 1", "syntax error"),
        ("select * from nobody", "does not exist"),
    ],
    ids=["parquet", "csv", "copy", "attach", "install", "unlock", "typo", "table"],
)
def test_what_the_box_refuses_leaves_it_usable(
    look: Look, seen: Seen, query: str, said: str
) -> None:
    visit = look(seen.portal + "products/parcel_use/index.html")
    answer, rows = asked(visit.page, query)
    assert said in answer
    assert rows == []
    assert asked(visit.page, "select count(*) from parcel_use")[1] == [["3000"]]
    assert visit.foreign == []


@needs_engine
def test_the_run_button_can_be_tapped_on_a_phone(look: Look, seen: Seen) -> None:
    page = look(seen.portal + "products/parcel_use/index.html", "narrow").page
    button = page.query_selector("#sql button")
    assert button is not None
    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    until(page, "document.getElementById('answer-status').textContent.startsWith('3 rows')")


def test_a_page_tells_its_own_age(look: Look, seen: Seen) -> None:
    page = look(seen.portal + "products/parcel_use/index.html").page
    page.clock.install(time="2026-11-24T07:00:00Z")
    page.reload()
    assert "(3 days ago)" in page.inner_text("main > p.stamp")


def test_a_page_without_javascript_still_says_everything(browser: Browser, seen: Seen) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(seen.portal + "products/parcel_use/index.html")
    text = page.inner_text("main")
    context.close()
    for said in ("Not all inputs are of 2026-11-20", "dune.parcels (in parcel_facts)", "P-00000"):
        assert said in text
