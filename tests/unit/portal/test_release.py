from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from portal_world import AT, FRESH, STALE, parcel_page, quiet_page

from wharf.portal import PageContent, TableState, release_page, stage_page


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return tmp_path / "site"


@pytest.fixture
def content(tmp_path: Path) -> PageContent:
    return quiet_page(tmp_path)


def page_of(site: Path, product: str = "supplier_scorecard") -> dict[str, object]:
    found: dict[str, object] = json.loads((site / f"products/{product}/page.json").read_text())
    return found


def attempt(content: PageContent, number: int, **changed: object) -> PageContent:
    """The same product again, with a manifest and a batch of its own."""
    tables = [TableState("interpretations.supplier_scorecard", f"b-{number}", 1)]
    return replace(content, manifest_id=f"m-{number}", tables=tables, **changed)  # type: ignore[arg-type]


def test_what_is_staged_lies_where_no_web_server_looks(site: Path, content: PageContent) -> None:
    staged = stage_page(site, content)
    assert not staged.is_relative_to(site)
    assert not site.exists()


def test_leftovers_of_a_crash_are_cleaned_by_the_next_release(
    site: Path, content: PageContent
) -> None:
    never = stage_page(site, attempt(content, 1))
    half = never.with_name(".supplier_scorecard-m-0")
    half.mkdir()
    for age, folder in enumerate((half, never), start=1):
        os.utime(folder, (AT.timestamp() - age, AT.timestamp() - age))
    stranger = stage_page(site, replace(content, product="supplier"))
    os.utime(stranger, (AT.timestamp() - 9, AT.timestamp() - 9))
    release_page(site, stage_page(site, attempt(content, 2)))
    assert sorted(each.name for each in never.parent.iterdir()) == [stranger.name]
    assert page_of(site)["manifest_id"] == "m-2"


def test_a_later_attempt_that_waits_for_its_release_is_left_alone(
    site: Path, content: PageContent
) -> None:
    first = stage_page(site, attempt(content, 1))
    os.utime(first, (AT.timestamp(), AT.timestamp()))
    later = stage_page(site, attempt(content, 2))
    release_page(site, first)
    assert later.exists()
    release_page(site, later)
    assert page_of(site)["manifest_id"] == "m-2"


def test_an_older_period_adds_its_files_and_leaves_the_page(
    site: Path, content: PageContent
) -> None:
    release_page(site, stage_page(site, attempt(content, 1)))
    release_page(site, stage_page(site, attempt(content, 2, period="2026-11-18")))
    assert page_of(site)["period"] == "2026-11-20"
    home = site / "products/supplier_scorecard"
    assert (home / "batches/b-2/supplier_scorecard.parquet").exists()
    latest, first = home / "latest/supplier_scorecard.parquet", home / "batches/b-1"
    assert latest.samefile(first / "supplier_scorecard.parquet")
    changes = json.loads((home / "changelog.json").read_text())
    assert [each["period"] for each in changes] == ["2026-11-18", "2026-11-20"]


def test_the_same_period_again_replaces_the_page(site: Path, content: PageContent) -> None:
    for number in (2, 1):
        release_page(site, stage_page(site, attempt(content, number)))
    assert page_of(site)["manifest_id"] == "m-1"


def test_a_page_of_another_kind_of_period_replaces_the_page(
    site: Path, content: PageContent
) -> None:
    release_page(site, stage_page(site, attempt(content, 1)))
    release_page(site, stage_page(site, attempt(content, 2, period="2026-11")))
    assert page_of(site)["period"] == "2026-11"


def test_the_index_says_how_the_inputs_of_each_product_are(site: Path, tmp_path: Path) -> None:
    pages = [
        parcel_page(tmp_path),
        quiet_page(tmp_path),
        quiet_page(tmp_path, product="fresh", title="Fresh", inputs=[FRESH]),
        quiet_page(tmp_path, product="old", title="Old", inputs=[FRESH, STALE]),
    ]
    for content in pages:
        release_page(site, stage_page(site, content))
    cards = (site / "index.html").read_text().split("<li>")[1:]
    said = {card.split("</h2>")[0].rsplit(">", 2)[-2].split("<")[0]: card for card in cards}
    assert "2 stale inputs" in said["Parcel use"]
    assert "ember.permits" in said["Parcel use"]
    assert "1 stale input<" in said["Old"]
    assert "inputs fresh" in said["Fresh"]
    assert "from the ledger" in said["Supplier scorecard"]


def test_the_index_knows_a_page_made_before_it_told_of_its_inputs(
    site: Path, content: PageContent
) -> None:
    release_page(site, stage_page(site, content))
    file = site / "products/supplier_scorecard/page.json"
    page = json.loads(file.read_text())
    del page["stale"]
    file.write_text(json.dumps(page))
    release_page(site, stage_page(site, replace(content, product="other")))
    assert "Supplier scorecard" in (site / "index.html").read_text()


def test_no_half_written_file_is_left_in_the_site(site: Path, content: PageContent) -> None:
    release_page(site, stage_page(site, content))
    assert [path.name for path in site.rglob("*") if path.name.startswith(".")] == []
