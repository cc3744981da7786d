from __future__ import annotations

import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from wharf.contracts.product import Plot
from wharf.portal import InputState, PageContent, TableState, release_page, stage_page

AT = datetime(2026, 11, 21, 6, 30, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def content(tmp_path: Path) -> PageContent:
    rows = "values ('ALD-1', 'home', 0.9), ('BIR-2', 'shop', 0.2), ('CED-3', '<b>x</b>', null)"
    source = tmp_path / "table.parquet"
    duckdb.execute(f"copy (select * from ({rows}) t(parcel_id, use, score)) to '{source}'")
    return PageContent(
        product="parcel_use",
        title="Parcel use",
        about="What land is used for.",
        period="2026-11-20",
        built_at=AT,
        manifest_id="m-1",
        tables=[TableState("interpretations.parcel_use", "b-1", 3)],
        inputs=[
            InputState("alder.parcels", "2026-11-20", "b-a", 0, "same", "PUBLISHED"),
            InputState("dune.parcels", "2026-11-18", "b-d", 2, "last_good", "QUARANTINED", HOSTILE),
        ],
        columns=[{"name": "parcel_id", "type": "string", "about": "The parcel."}],
        relation=f"read_parquet('{source}')",
        plots=[
            Plot(
                title="Uses",
                query="select use, count(*) as parcels from parcel_use group by use",
                x="use",
                y="parcels",
            )
        ],
    )


def test_a_page_says_first_how_fresh_its_inputs_are(tmp_path: Path, content: PageContent) -> None:
    release_page(tmp_path / "site", stage_page(tmp_path / "site", content))
    text = (tmp_path / "site/products/parcel_use/index.html").read_text()
    assert text.index("How fresh the inputs are") < text.index('<h2 id="data">')
    assert "Not all inputs are of 2026-11-20" in text
    assert "dune.parcels" in text


def test_text_from_suppliers_is_escaped(tmp_path: Path, content: PageContent) -> None:
    release_page(tmp_path / "site", stage_page(tmp_path / "site", content))
    text = (tmp_path / "site/products/parcel_use/index.html").read_text()
    assert HOSTILE not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "&lt;b&gt;x&lt;/b&gt;" in text


def test_nothing_is_seen_before_the_release(tmp_path: Path, content: PageContent) -> None:
    staged = stage_page(tmp_path / "site", content)
    assert staged.exists()
    assert not (tmp_path / "site/index.html").exists()
    assert not (tmp_path / "site/products").exists()


def test_page_and_files_name_the_same_batch(tmp_path: Path, content: PageContent) -> None:
    site = tmp_path / "site"
    release_page(site, stage_page(site, content))
    home = site / "products/parcel_use"
    page = json.loads((home / "page.json").read_text())
    assert page["batch_id"] == "b-1"
    for each in page["downloads"]:
        assert (home / each["path"]).stat().st_size == each["bytes"]
    with gzip.open(home / "batches/b-1/parcel_use.csv.gz", "rt") as handle:
        assert len(handle.readlines()) == 4
    assert (home / "latest/parcel_use.parquet").read_bytes() == (
        home / "batches/b-1/parcel_use.parquet"
    ).read_bytes()


def test_a_second_release_keeps_the_first_ones_files_and_is_listed_on_top(
    tmp_path: Path, content: PageContent
) -> None:
    site = tmp_path / "site"
    release_page(site, stage_page(site, content))
    later = replace(
        content, manifest_id="m-2", tables=[TableState("interpretations.parcel_use", "b-2", 3)]
    )
    release_page(site, stage_page(site, later))
    changes = json.loads((site / "products/parcel_use/changelog.json").read_text())
    assert [each["manifest_id"] for each in changes] == ["m-2", "m-1"]
    assert (site / "products/parcel_use/batches/b-1/parcel_use.parquet").exists()


def test_a_retry_finishes_a_release_that_was_cut_off(tmp_path: Path, content: PageContent) -> None:
    site = tmp_path / "site"
    staged = stage_page(site, content)
    half = site / "products/parcel_use/batches/b-1"
    half.mkdir(parents=True)
    (staged / "batches/b-1/parcel_use.parquet").replace(half / "parcel_use.parquet")
    release_page(site, staged)
    release_page(site, staged)
    assert (site / "products/parcel_use/batches/b-1/parcel_use.csv.gz").exists()
    assert "Parcel use" in (site / "index.html").read_text()
