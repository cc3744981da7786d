"""Pages in a browser: what is opened, what goes wrong on it, and what axe finds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Request

AXE = Path(__file__).parents[1] / ".venv/portal/node_modules/axe-core/axe.min.js"
VIEWS = {
    "light": ("light", 1280), "dark": ("dark", 1280), "narrow": ("light", 390),
    "narrow dark": ("dark", 390),
}  # fmt: skip


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
