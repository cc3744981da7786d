"""The board as people use it: with keys, filters and strips, in Airflow's frame, and in bulk."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from board_crowd import STORY, crowd
from board_server import LocalServer, everybody, framed
from board_world import NOW, BoardWorld
from browser_world import Look, until
from playwright.sync_api import Browser, Page

from wharf.board import build_app

pytestmark = pytest.mark.browser

STORY_PAGE = f"feeds/{STORY[0]}/{STORY[1]}"
STOPS = "document.querySelectorAll('#board tbody a[tabindex=\"0\"]').length"


@dataclass(frozen=True)
class Seen:
    """Addresses of what is looked at."""

    board: str
    airflow: str


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """A crowded board, and the same in a frame as in Airflow."""
    world = crowd(tmp_path_factory.mktemp("pages") / "crowd")
    board = build_app(world.settings, everybody, lambda: NOW)
    inner = build_app(world.settings, everybody, lambda: NOW)
    with LocalServer(board) as shown, LocalServer(framed(inner)) as airflow:
        yield Seen(shown.url, airflow.url)


def focused(page: Page) -> str:
    address: str = page.evaluate("document.activeElement.getAttribute('href') || ''")
    return address


def lines(page: Page) -> list[str]:
    found: list[str] = page.evaluate(
        "[...document.querySelectorAll('tr[data-feed]')].map(each => each.dataset.feed)"
    )
    return found


def shows(page: Page, feeds: list[str]) -> None:
    """Wait until exactly these feeds are shown."""
    end = time.monotonic() + 20
    while sorted(lines(page)) != sorted(feeds):
        assert time.monotonic() < end, f"{lines(page)} is not {feeds}"
        page.wait_for_timeout(50)


def test_arrow_keys_lead_from_cell_to_cell(look: Look, seen: Seen) -> None:
    page = look(seen.board).page
    assert page.evaluate(STOPS) == 1
    page.focus(f"#grid td:nth-last-child(2) a[href='{STORY_PAGE}']")
    page.keyboard.press("ArrowLeft")
    assert focused(page) == f"feeds/{STORY[0]}/2026-11-19"
    page.keyboard.press("ArrowDown")
    assert focused(page) == f"feeds/{lines(page)[1]}/2026-11-19"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("End")
    assert focused(page) == STORY_PAGE
    page.keyboard.press("ArrowRight")
    assert focused(page) == STORY_PAGE, "there is nothing to the right of it"
    assert page.evaluate(STOPS) == 1
    page.keyboard.press("Enter")
    page.wait_for_url("**/feeds/**")
    assert page.inner_text("h1").split() == list(STORY)


def test_arrow_keys_lead_from_day_to_day_of_a_strip(look: Look, seen: Seen) -> None:
    page = look(seen.board + "/?days=62").page
    page.focus("tr:nth-child(1) a.strip")
    assert focused(page) == STORY_PAGE, "the newest day first"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert focused(page) == f"feeds/{STORY[0]}/2026-11-18"
    assert page.inner_text("#why") == f"{STORY[0]} 2026-11-18: on time"
    page.keyboard.press("ArrowDown")
    assert focused(page) == f"feeds/{lines(page)[1]}/2026-11-18"
    page.keyboard.press("Home")
    assert focused(page) == f"feeds/{lines(page)[1]}/2026-11-05"
    page.keyboard.press("Enter")
    page.wait_for_url("**/feeds/**")


def test_a_click_on_a_strip_opens_the_day_that_is_pointed_at(look: Look, seen: Seen) -> None:
    page = look(seen.board + "/?days=35").page
    strip = page.locator("tr[data-feed='acme.prices'] a.strip")
    codes = strip.get_attribute("data-codes") or ""
    box = strip.bounding_box()
    assert box is not None
    column = codes.index("m")
    unit = box["width"] / (len(codes) * 10 - 2)
    page.mouse.move(box["x"] + (column * 10 + 4) * unit, box["y"] + box["height"] / 2)
    assert page.inner_text("#why") == "acme.prices 2026-11-19: missing"
    page.mouse.down()
    page.mouse.up()
    page.wait_for_url("**/feeds/acme.prices/2026-11-19")


def test_a_strip_of_months_leads_to_its_months(look: Look, seen: Seen) -> None:
    page = look(seen.board + "/?days=62&q=census").page
    page.focus("a.strip")
    assert focused(page) == "feeds/month.census/2026-10"


def test_the_cell_in_focus_explains_itself(look: Look, seen: Seen) -> None:
    page = look(seen.board).page
    page.focus("a[href='feeds/registrar.deeds/2026-11-11']")
    assert page.inner_text("#why") == "registrar.deeds 2026-11-11: holiday in office_days"


def test_the_filter_leaves_what_is_asked_for_and_the_address_says_it(
    look: Look, seen: Seen
) -> None:
    page = look(seen.board).page
    everything = lines(page)
    page.keyboard.press("/")
    page.keyboard.type("COBALT")
    shows(page, ["cobalt.orders", "cobalt.returns"])
    until(page, "document.getElementById('news').textContent == '2 feeds found'")
    page.click("#states a.quarantined")
    shows(page, ["cobalt.orders"])
    assert page.url.endswith("?state=quarantined&q=COBALT")
    assert page.get_attribute("#states a.quarantined", "aria-current") == "true"
    page.reload()
    assert lines(page) == ["cobalt.orders"]
    assert page.input_value("#q") == "COBALT"
    page.fill("#q", "")
    shows(page, ["cobalt.orders", "signalpath.locations"])
    page.select_option("#state", "")
    shows(page, everything)
    page.go_back()
    shows(page, ["cobalt.orders", "signalpath.locations"])
    assert page.input_value("#state") == "quarantined"


def test_the_filter_and_all_views_work_without_javascript(browser: Browser, seen: Seen) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(seen.board)
    page.fill("#q", "cobalt")
    page.click("#find button")
    for name in ("Suppliers", "90 days"):
        page.click(f"#switches a:has-text('{name}')")
    page.click("a.toggle")
    strips = page.locator("tr[data-feed] a.strip")
    assert strips.count() == 2
    assert strips.first.get_attribute("aria-label") is not None
    strips.first.click()
    assert page.inner_text("h1").startswith("cobalt.")
    page.click("table.list a >> nth=0")
    assert "2026-11-20" in page.inner_text("h1")
    context.close()


def test_a_supplier_opens_and_closes_in_its_place(look: Look, seen: Seen) -> None:
    page = look(seen.board + "/?group=supplier").page
    page.focus("#group-cobalt")
    page.keyboard.press("Enter")
    shows(page, ["cobalt.orders", "cobalt.returns"])
    assert page.get_attribute("#group-cobalt", "aria-expanded") == "true"
    assert page.evaluate("document.activeElement.id") == "group-cobalt"
    assert page.url.endswith("open=cobalt")
    page.keyboard.press("Enter")
    shows(page, [])


def test_keys_are_explained_when_asked(look: Look, seen: Seen) -> None:
    page = look(seen.board).page
    page.keyboard.press("?")
    assert page.is_visible("dialog#keys")
    page.keyboard.press("Escape")
    assert not page.is_visible("dialog#keys")
    page.keyboard.press("g")
    assert page.evaluate("Boolean(document.activeElement.closest('#grid tbody'))")


def test_an_update_keeps_filter_focus_and_place(look: Look, seen: Seen) -> None:
    visit = look(seen.board)
    page = visit.page
    page.fill("#q", "cobalt")
    shows(page, ["cobalt.orders", "cobalt.returns"])
    page.focus("a[href='feeds/cobalt.orders/2026-11-19']")
    page.evaluate("window.scrollTo(0, 60); document.querySelector('.scroll').scrollLeft = 40")
    page.evaluate(
        "document.querySelectorAll('#grid tbody td a')[3].className = 'unknown'; tag = null"
    )
    before = page.evaluate("[scrollY, document.querySelector('.scroll').scrollLeft]")
    page.evaluate("refresh()")
    until(page, "document.getElementById('news').textContent.startsWith('1 cell changed')")
    assert focused(page) == "feeds/cobalt.orders/2026-11-19"
    assert page.evaluate("[scrollY, document.querySelector('.scroll').scrollLeft]") == before
    assert sorted(lines(page)) == ["cobalt.orders", "cobalt.returns"]
    page.evaluate("refresh()")
    assert visit.troubles == []


def test_an_update_keeps_the_day_of_a_strip(look: Look, seen: Seen) -> None:
    page = look(seen.board + "/?days=35").page
    page.focus("tr[data-feed='cobalt.orders'] a.strip")
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    there = focused(page)
    page.evaluate("document.body.dataset.was = 'here'; tag = null; refresh()")
    until(page, "!document.querySelector('#grid').dataset.seen")
    page.wait_for_timeout(500)
    assert focused(page) == there == "feeds/cobalt.orders/2026-11-17"


def test_a_failed_update_is_told_and_a_later_one_takes_it_back(look: Look, seen: Seen) -> None:
    page = look(seen.board).page
    page.route("**/*", lambda route: route.fulfill(status=401, body="{}"))
    page.evaluate("refresh().catch(trouble)")
    until(page, "document.getElementById('news').textContent.includes('sign in again')")
    page.unroute("**/*")
    page.evaluate("refresh()")
    until(page, "document.getElementById('news').textContent == ''")


def test_links_lead_out_of_the_frame_and_the_theme_comes_in(look: Look, seen: Seen) -> None:
    page = look(f"{seen.airflow}/plugin/suppliers").page
    [board] = [frame for frame in page.frames if "/wharf" in frame.url]
    page.evaluate("localStorage.setItem('theme', 'dark')")
    end = time.monotonic() + 20
    while board.evaluate("document.documentElement.dataset.theme || ''") != "dark":
        assert time.monotonic() < end, "the board does not follow Airflow's theme"
        page.wait_for_timeout(50)
    board.click(f"td a[href='{STORY_PAGE}'] >> nth=-1")
    board.click("a[data-airflow] >> nth=0")
    page.wait_for_url("**/dags/feed__signalpath__locations")


def test_a_chosen_theme_beats_the_systems(look: Look, seen: Seen) -> None:
    page = look(seen.board, "dark").page
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.evaluate("localStorage.setItem('theme', 'light')")
    page.reload()
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (dark, light) == ("rgb(17, 24, 31)", "rgb(255, 255, 255)")


def test_on_a_phone_every_cell_can_be_tapped(look: Look, seen: Seen) -> None:
    page = look(seen.board, "narrow").page
    cell = page.locator(f"#grid td:not(.now) a[href='{STORY_PAGE}']")
    cell.scroll_into_view_if_needed()
    box = cell.bounding_box()
    assert box is not None
    assert box["height"] >= 24
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_url(f"**/{STORY_PAGE}")


@pytest.mark.slow
def test_five_hundred_feeds_over_ninety_days_stay_usable(
    look: Look, tmp_path_factory: pytest.TempPathFactory
) -> None:
    world = BoardWorld(tmp_path_factory.mktemp("many"))
    for number in range(500):
        world.feed(f"s{number // 5:03d}.f{number % 5}", first="2026-08-01")
    world.promise()
    app = build_app(world.settings, everybody, lambda: world.now)
    with LocalServer(app) as server:
        visit = look(f"{server.url}/?days=90")
        page = visit.page
        assert len(lines(page)) == 500
        assert page.evaluate("document.querySelectorAll('*').length") < 15000
        assert len(page.content()) < 1_500_000
        page.focus("tr:nth-child(300) a.strip")
        took = page.evaluate(
            "(() => { const from = performance.now(); for (let i = 0; i < 20; i++) "
            "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', "
            "{key: 'ArrowDown', bubbles: true})); return (performance.now() - from) / 20 })()"
        )
        assert took < 100, "a key is answered at once"
        assert visit.troubles == []


def test_a_story_says_when_there_is_more_and_leaves_forms_alone(
    look: Look, tmp_path_factory: pytest.TempPathFactory
) -> None:
    world = BoardWorld(tmp_path_factory.mktemp("story"))
    world.feed("acme.prices")
    world.watch()
    app = build_app(world.settings, everybody, lambda: world.now)
    with LocalServer(app) as server:
        page = look(f"{server.url}/feeds/acme.prices/2026-11-20").page
        assert not page.is_visible("#more")
        world.came("acme.prices", "2026-11-20", NOW - timedelta(minutes=1))
        world.now += timedelta(minutes=1)
        page.evaluate("followStory(at('state').dataset.seen)")
        until(page, "!document.getElementById('more').hidden")
        assert page.inner_text("#state").startswith("Came late by")
        assert page.inner_text("body").count("No file was seen.") == 1, "the rest stays"
        page.click("#reload")
        page.wait_for_load_state()
        assert "No file was seen." not in page.inner_text("body")
