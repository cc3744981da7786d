"""A browser, and windows in it, for every behaviour that people see."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from browser_world import VIEWS, Look, Visit
from playwright.sync_api import Browser, sync_playwright


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("install the package chromium to look at the pages in a browser")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=program)
        yield found
        found.close()


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
        context.set_default_timeout(120_000)  # a busy machine is no fault of a page
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
