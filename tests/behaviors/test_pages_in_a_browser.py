"""Board and portal as people meet them: in a browser, light and dark, wide and narrow."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from board_crowd import STORY, crowd
from board_server import LocalServer, everybody, framed
from board_world import NOW
from playwright.sync_api import Browser, Page, Request, sync_playwright
from portal_world import FRESH, parcel_page, quiet_page

from wharf.board import build_app
from wharf.demo.portal_server import PortalServer
from wharf.portal import release_page, stage_page

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / ".venv/portal/node_modules/axe-core/axe.min.js"
ENGINE = Path(__file__).parents[2] / "plugins/wharf/portal/static/vendor/duckdb-eh.wasm.gz"
VIEWS = {"light": ("light", 1280), "dark": ("dark", 1280), "narrow": ("light", 390)}
STORY_PAGE = f"feeds/{STORY[0]}/{STORY[1]}"
PAGES = {
    "board": lambda seen: seen.board + "/",
    "all days of the board": lambda seen: seen.board + "/?days=62",
    "story": lambda seen: f"{seen.board}/{STORY_PAGE}",
    "closed day": lambda seen: seen.board + "/feeds/registrar.deeds/2026-11-11",
    "product": lambda seen: seen.portal + "products/parcel_use/index.html",
    "quiet product": lambda seen: seen.portal + "products/supplier_scorecard/index.html",
    "index": lambda seen: seen.portal,
}


@dataclass(frozen=True)
class Seen:
    """Addresses of what is looked at."""

    board: str
    portal: str
    airflow: str


@dataclass
class Visit:
    """One page in one browser window, with what went wrong in it."""

    page: Page
    origin: str
    troubles: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def note(self, request: Request) -> None:
        """Remember a request that leaves the page's own origin."""
        parts = urlsplit(request.url)
        if (
            parts.scheme not in {"data", "blob"}
            and f"{parts.scheme}://{parts.netloc}" != self.origin
        ):
            self.foreign.append(request.url)


Look = Callable[..., Visit]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("install the package chromium to look at the pages in a browser")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=program)
        yield found
        found.close()


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """A crowded board, the same in a frame as in Airflow, and a portal of three pages."""
    folder = tmp_path_factory.mktemp("pages")
    world = crowd(folder / "crowd")
    board = build_app(world.settings, everybody, lambda: NOW)
    inner = build_app(world.settings, everybody, lambda: NOW)
    site = folder / "site"
    other = {"product": "other", "title": "Another product", "inputs": [FRESH]}
    for content in (parcel_page(folder), quiet_page(folder), quiet_page(folder, **other)):
        release_page(site, stage_page(site, content))
    with (
        LocalServer(board) as shown,
        LocalServer(framed(inner)) as airflow,
        PortalServer(site) as portal,
    ):
        yield Seen(shown.url, portal.url, airflow.url)


@pytest.fixture
def look(browser: Browser) -> Iterator[Look]:
    """Open an address in a window of its own; gives the page, and what went wrong on it."""
    opened = []

    def open_page(address: str, view: str = "light", height: int = 844) -> Visit:
        scheme, width = VIEWS[view]
        context = browser.new_context(
            color_scheme=scheme,  # type: ignore[arg-type]
            viewport={"width": width, "height": height},
            has_touch=view == "narrow",
        )
        opened.append(context)
        parts = urlsplit(address)
        visit = Visit(context.new_page(), f"{parts.scheme}://{parts.netloc}")
        visit.page.on("request", visit.note)
        visit.page.on("pageerror", lambda error: visit.troubles.append(str(error)))
        visit.page.on(
            "console",
            lambda said: visit.troubles.append(said.text) if said.type == "error" else None,
        )
        visit.page.goto(address)
        return visit

    yield open_page
    for context in opened:
        context.close()


def until(page: Page, condition: str, seconds: float = 60) -> None:
    """Wait for a condition; the page's policy forbids the browser's own way of waiting."""
    end = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < end, f"never true: {condition}"
        page.wait_for_timeout(50)


def violations(page: Page) -> list[str]:
    """What axe finds, one line for each."""
    if not AXE.exists():
        pytest.skip("run `make setup` to have axe-core, which looks for barriers on the pages")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = page.evaluate("axe.run().then(result => result.violations)")
    return [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found]


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


def focused(page: Page) -> str:
    address: str = page.evaluate("document.activeElement.getAttribute('href') || ''")
    return address


def test_arrow_keys_lead_from_cell_to_cell(look: Look, seen: Seen) -> None:
    page = look(seen.board).page
    assert page.evaluate("document.querySelectorAll('#grid tbody a[tabindex=\"0\"]').length") == 1
    page.evaluate("document.querySelector('#grid tbody tr:nth-child(1) td:last-child a').focus()")
    assert focused(page) == STORY_PAGE
    page.keyboard.press("ArrowLeft")
    assert focused(page) == f"feeds/{STORY[0]}/2026-11-19"
    page.keyboard.press("ArrowDown")
    below = page.evaluate("document.querySelector('#grid tbody tr:nth-child(2)').dataset.feed")
    assert focused(page) == f"feeds/{below.split(' ')[0]}/2026-11-19"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("End")
    assert focused(page) == STORY_PAGE
    page.keyboard.press("ArrowRight")
    assert focused(page) == STORY_PAGE, "there is nothing to the right of it"
    assert page.evaluate("document.querySelectorAll('#grid tbody a[tabindex=\"0\"]').length") == 1
    page.keyboard.press("Enter")
    page.wait_for_url("**/feeds/**")
    assert page.inner_text("h1").split() == list(STORY)


def test_the_cell_in_focus_explains_itself(look: Look, seen: Seen) -> None:
    page = look(seen.board).page
    page.focus("a[href='feeds/registrar.deeds/2026-11-11']")
    assert page.inner_text("#why") == "registrar.deeds 2026-11-11: holiday in office_days"


def lines(page: Page) -> list[str]:
    found: list[str] = page.evaluate(
        "[...document.querySelectorAll('tr[data-feed]')].filter(each => !each.hidden)"
        ".map(each => each.dataset.feed.split(' ')[0])"
    )
    return found


def test_the_filter_leaves_what_is_asked_for(look: Look, seen: Seen) -> None:
    page = look(seen.board).page
    everything = lines(page)
    page.fill("#filter", "COBALT")
    assert sorted(lines(page)) == ["cobalt.orders", "cobalt.returns"]
    assert page.inner_text("#news") == f"2 of {len(everything)} feeds shown"
    page.click("[data-show=quarantined]")
    assert lines(page) == ["cobalt.orders"]
    assert page.get_attribute("[data-show=quarantined]", "aria-pressed") == "true"
    page.fill("#filter", "")
    assert sorted(lines(page)) == ["cobalt.orders", "signalpath.locations"]
    page.click("[data-show=quarantined]")
    assert lines(page) == everything


def test_an_update_keeps_filter_and_focus(look: Look, seen: Seen) -> None:
    visit = look(seen.board)
    page = visit.page
    page.fill("#filter", "cobalt")
    page.focus("a[href='feeds/cobalt.orders/2026-11-20']")
    page.evaluate("document.querySelector('#grid tbody td a').className = 'unknown'")
    page.evaluate("refresh()")
    until(page, "document.getElementById('news').textContent.startsWith('1 cell changed')")
    assert focused(page) == "feeds/cobalt.orders/2026-11-20"
    assert sorted(lines(page)) == ["cobalt.orders", "cobalt.returns"]
    page.evaluate("refresh()")
    assert visit.troubles == []


def test_links_lead_out_of_the_frame_and_the_theme_comes_in(look: Look, seen: Seen) -> None:
    page = look(f"{seen.airflow}/plugin/suppliers").page
    [board] = [frame for frame in page.frames if "/wharf" in frame.url]
    page.evaluate("localStorage.setItem('theme', 'dark')")
    end = time.monotonic() + 20
    while board.evaluate("document.documentElement.dataset.theme || ''") != "dark":
        assert time.monotonic() < end, "the board does not follow Airflow's theme"
        page.wait_for_timeout(50)
    board.click(f"a[href='{STORY_PAGE}']")
    board.click("a[data-airflow]")
    page.wait_for_url("**/dags/feed__signalpath__locations")


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
