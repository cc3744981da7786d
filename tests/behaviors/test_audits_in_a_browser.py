"""Audit pages as people meet them: on the board and by themselves, light and dark, and narrow."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from audited_world import audited_days
from board_server import LocalServer, everybody
from browser_world import VIEWS, Look, violations

from wharf.board import build_app

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    here = audited_days(tmp_path_factory.mktemp("audits"))
    batch = here.batches()[-1]
    with LocalServer(build_app(here.place.settings, everybody, clock=lambda: here.now)) as server:
        yield {
            "history": f"{server.url}/suppliers/acme/acme.prices/audits",
            "audit": f"{server.url}/results/{batch.batch_id}",
            "by itself": f"file://{batch.results}",
        }


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", ["history", "audit", "by itself"])
def test_an_audit_page_has_no_barriers_and_loads_nothing_from_elsewhere(
    look: Look, pages: dict[str, str], name: str, view: str
) -> None:
    visit = look(pages[name], view)
    width, room = visit.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width <= room, "the page itself scrolls sideways"
    assert violations(visit.page) == []
    assert (visit.troubles, visit.foreign) == ([], [])
