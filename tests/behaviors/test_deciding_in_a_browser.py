"""Deciding on the board as people do: click through, with JavaScript and without."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from board_powers import Lent
from board_server import LocalServer, everybody, framed
from harbour import DAY, GOOD, Harbour
from playwright.sync_api import Browser, Page, sync_playwright

from wharf.board import build_app
from wharf.ledger import backfills, decisions
from wharf.ledger.rows import Decision
from wharf.watch.expect import expect_horizon

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / ".venv/portal/node_modules/axe-core/axe.min.js"
STORY = "/feeds/acme.prices/2026-11-20"
SHOTS = os.environ.get("SHOTS", "")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("install the package chromium to look at the pages in a browser")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=program)
        yield found
        found.close()


@dataclass
class Desktop:
    """A board with a late delivery, and a person in front of it."""

    harbour: Harbour
    lent: Lent
    address: str
    page: Page
    troubles: list[str]

    def go(self, path: str = STORY) -> Page:
        """Open an address of the board."""
        self.page.goto(self.address + path)
        return self.page

    def open(self, label: str) -> Any:
        """Open one of the forms of a story; gives it."""
        self.page.locator("summary", has_text=label).click()
        return self.page.locator("details[open] form")

    def decided(self) -> list[Decision]:
        """What the ledger has of it."""
        with self.harbour.place.ledger.read() as tx:
            return decisions.decisions_of(tx, "acme.prices")

    def shoot(self, name: str) -> None:
        """Keep a picture to look at, where somebody asked for it."""
        if SHOTS:
            self.page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


@pytest.fixture(params=["with script", "without script"])
def desktop(request: pytest.FixtureRequest, browser: Browser, tmp_path: Path) -> Iterator[Desktop]:
    harbour = Harbour(tmp_path, now=DAY + timedelta(hours=13))
    expect_horizon(harbour.place.ledger, harbour.promises, harbour.now)
    harbour.look()
    harbour.tick()
    lent = Lent(tmp_path, default="ada")
    app = build_app(harbour.settings, everybody, lambda: harbour.now, lent.powers)
    context = browser.new_context(
        java_script_enabled=request.param == "with script", viewport={"width": 1280, "height": 900}
    )
    troubles: list[str] = []
    context.set_default_timeout(120_000)  # a busy machine is no fault of a page
    page = context.new_page()
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
    with LocalServer(app) as server:
        yield Desktop(harbour, lent, server.url, page, troubles)
    context.close()
    # A refused form is an answer 422; the page around the frame has no icon.
    assert [each for each in troubles if "422" not in each and "404" not in each] == []


def violations(page: Page) -> list[str]:
    """What axe finds, one line for each; nothing where the page runs no script."""
    if not AXE.exists():
        pytest.skip("run `make setup` to have axe-core, which looks for barriers on the pages")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = page.evaluate("axe.run().then(result => result.violations)")
    return [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found]


def test_somebody_takes_care_of_a_late_delivery(desktop: Desktop) -> None:
    page = desktop.go("/?view=list&state=late")
    menu = page.locator("tr", has_text="2026-11-20").locator("details.menu")
    menu.locator("summary").click()
    menu.get_by_text("Take care of it").click()
    form = page.locator("#act-ack")
    form.wait_for()
    assert form.is_visible(), "the link opens the form it leads to"
    form.locator("textarea").fill("I am on the phone with them")
    desktop.shoot("ack-form")
    form.get_by_role("button").click()
    page.wait_for_url("**said=decided*")
    assert "Noted. The next tick weighs it." in page.inner_text("#decide")
    desktop.shoot("ack-done")
    [row] = desktop.decided()
    assert (row.kind, row.by, row.period) == ("ack", "ada", "2026-11-20")
    page.reload()
    assert len(desktop.decided()) == 1


def test_a_period_is_waived_and_the_waiver_taken_back(desktop: Desktop) -> None:
    page = desktop.go()
    form = desktop.open("Expect nothing for this period")
    form.locator("textarea").fill("their <b>holiday</b>")
    form.get_by_role("button").click()
    page.wait_for_url("**said=decided*")
    assert "waived by ada: their <b>holiday</b>" in page.inner_text(".state").lower()
    desktop.shoot("waived")
    page.locator("summary", has_text="Take back").click()
    form = page.locator("details[open] form")
    form.locator("textarea").fill("it comes after all")
    form.get_by_role("button").click()
    page.wait_for_url("**said=revoked*")
    assert page.inner_text(".state").startswith("Late")


def test_a_promise_is_noted_in_the_suppliers_own_time(desktop: Desktop) -> None:
    page = desktop.go()
    form = desktop.open("The supplier promised a later time")
    assert "(UTC)" in form.inner_text()
    form.locator("input[type=datetime-local]").fill("2026-11-21T09:00")
    form.locator("textarea").fill("tomorrow morning")
    form.get_by_role("button").click()
    assert "the cut-off 2026-11-21 00:00 UTC stands" in page.inner_text("[role=alert]")
    form = page.locator("details[open] form")
    assert form.locator("textarea").input_value() == "tomorrow morning"
    desktop.shoot("promise-refused")
    form.locator("input[type=datetime-local]").fill("2026-11-20T17:30")
    form.get_by_role("button").click()
    page.wait_for_url("**said=decided*")
    assert "promised for 2026-11-20 17:30" in page.inner_text(".state").lower()
    [row] = desktop.decided()
    assert row.until == DAY + timedelta(hours=17, minutes=30)


def test_a_missing_file_is_tried_and_then_handed_in(desktop: Desktop, tmp_path: Path) -> None:
    file = tmp_path / "mailed <i>prices.csv"
    file.write_text(GOOD)
    page = desktop.go()
    form = desktop.open("Hand in a file")
    form.locator("input[type=file]").set_input_files(file)
    desktop.shoot("upload-form")
    form.get_by_role("button", name="Only try it").click()
    told = page.inner_text("#decide [role=status]")
    assert "would be loaded" in told
    assert "2 rows: 2 staged, 0 quarantined" in told
    desktop.shoot("upload-tried")
    assert desktop.harbour.deliveries() == []
    form = page.locator("details[open] form")
    form.locator("input[type=file]").set_input_files(file)
    form.get_by_role("button", name="Hand it in").click()
    told = page.inner_text("#decide [role=status]")
    [landed] = desktop.harbour.deliveries()
    assert landed.sha256 in told
    assert "A run was started that takes it in." in told
    desktop.shoot("upload-done")
    cause = f"delivery-{landed.seq}-1"
    assert desktop.lent.started == [("feed__acme__prices", "2026-11-20", cause)]
    for _, step in desktop.harbour.steps():
        step()
    assert len(desktop.harbour.rows()) == 2


def test_a_backfill_is_planned_started_and_watched(desktop: Desktop) -> None:
    page = desktop.go("/")
    page.get_by_role("link", name="Backfills").click()
    page.fill("#first", "2026-11-16")
    page.fill("#last", "2026-12-24")
    page.fill("#reason-backfill", "they sent corrections")
    page.get_by_role("button", name="Show what would be started").click()
    assert "in the future" in page.inner_text("[role=alert]")
    page.fill("#last", "2026-11-19")
    page.check("input[name=reprocess][value=completed]")
    page.check("input[name=follow][value=affected]")
    page.get_by_role("button", name="Show what would be started").click()
    assert "4 of 4 periods of acme.prices" in page.inner_text("[role=status]")
    assert desktop.lent.started == []
    desktop.shoot("backfill-plan")
    page.get_by_role("button", name="Start 4 runs").click()
    page.wait_for_url("**/backfills/1")
    for _ in range(100):
        if len(desktop.lent.started) == 4:
            break
        page.wait_for_timeout(50)
    assert desktop.lent.started[0] == ("feed__acme__prices", "2026-11-16", "backfill-1")
    page.reload()
    assert "4 of 4 runs started." in page.inner_text("[role=status]")
    desktop.shoot("backfill-progress")
    with desktop.harbour.place.ledger.read() as tx:
        [row] = backfills.backfills(tx)
    assert (row.by, row.follow, row.reprocess) == ("ada", "affected", "completed")


@pytest.mark.parametrize("desktop", ["with script"], indirect=True)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_no_barriers_where_people_decide(
    desktop: Desktop, scheme: str, width: int
) -> None:
    page = desktop.page
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 900})
    desktop.go()
    form = desktop.open("Take care of it")
    form.locator("textarea").fill("x")
    form.get_by_role("button").click()
    for path in (STORY, "/decisions", "/maintenance", "/backfills", "/proposals",
                 "/?view=list&state=late"):  # fmt: skip
        desktop.go(path)
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert violations(page) == [], path
        wide, room = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide <= room, f"{path} scrolls sideways"
        desktop.shoot(f"{path.strip('/').replace('/', '-')[:12]}-{scheme}-{width}")


@pytest.mark.parametrize("desktop", ["with script"], indirect=True)
def test_forms_work_in_airflows_frame(desktop: Desktop) -> None:
    app = build_app(
        desktop.harbour.settings, everybody, lambda: desktop.harbour.now, desktop.lent.powers
    )
    with LocalServer(framed(app)) as server:
        page = desktop.page
        page.goto(server.url + "/plugin/suppliers")
        frame = page.frame_locator("iframe")
        frame.locator("a[href*='acme.prices/2026-11-20']:visible").first.click()
        frame.locator("summary", has_text="Take care of it").click()
        frame.locator("#act-ack textarea").fill("from within the frame")
        frame.locator("#act-ack").get_by_role("button").click()
        frame.get_by_text("Noted. The next tick weighs it.").wait_for()
    assert [row.reason for row in desktop.decided()] == ["from within the frame"]
