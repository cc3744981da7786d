"""Building a product's page aside, as the folder that a release switches in."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from wharf.portal import words
from wharf.portal.charts import draw
from wharf.portal.content import PageContent
from wharf.portal.tables import open_table, preview, write_downloads

POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self' blob:; worker-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)
STATIC = Path(__file__).parent / "static"


def stage_page(site: Path, content: PageContent) -> Path:
    """Build a product's page beside the site, where no web server looks.

    Returns:
        The staged folder, for `release_page`. Building again under the same manifest replaces it.
    """
    staged = staging_folder(site) / f"{content.product}-{content.manifest_id}"
    building = unseen(staged)
    shutil.rmtree(building, ignore_errors=True)
    files = building / "batches" / content.batch_id
    connection = open_table(content.product, content.relation)
    downloads = write_downloads(connection, content.product, files, f"batches/{content.batch_id}")
    page = {
        **content.describe(),
        "batch_id": content.batch_id,
        "downloads": [asdict(each) for each in downloads],
    }
    text = (
        pages()
        .get_template("product.html")
        .render(
            content=content,
            page=page,
            charts=[draw(connection, plot) for plot in content.plots],
            preview=preview(connection, content.product),
            policy=POLICY,
            changes=changes_with(site, page),
            sql=has_engine(),
        )
    )
    connection.close()
    (building / "index.html").write_text(text, encoding="utf-8")
    (building / "page.json").write_text(json.dumps(page, indent=2, default=str), encoding="utf-8")
    shutil.rmtree(staged, ignore_errors=True)
    building.rename(staged)
    return staged


def staging_folder(site: Path) -> Path:
    """Where pages wait for their release: beside the site, never below it."""
    return site.with_name(f".{site.name}-staged")


def unseen(staged: Path) -> Path:
    """Where a staged page is while it is built or taken down: what is staged is whole."""
    return staged.with_name(f".{staged.name}")


def changes_with(site: Path, page: dict[str, Any]) -> list[dict[str, Any]]:
    """Releases of a product, newest first, with this one on top."""
    file = site / "products" / page["product"] / "changelog.json"
    before = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    entry = {
        "manifest_id": page["manifest_id"],
        "period": page["period"],
        "batch_id": page["batch_id"],
        "built_at": page["built_at"],
        "rows": page["tables"][-1]["rows"],
    }
    return [entry, *(each for each in before if each["manifest_id"] != entry["manifest_id"])]


def has_engine() -> bool:
    """Whether the in-browser query engine was built."""
    return (STATIC / "vendor" / "duckdb-eh.wasm.gz").exists()


def pages() -> Environment:
    """The templates, with all that a page needs to say things."""
    made = Environment(
        loader=PackageLoader("wharf.portal"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for each in (
        words.size, words.minute, words.days, words.show, words.figure, words.label,
        words.spoken, words.policy, words.metrics, words.rows,
    ):  # fmt: skip
        made.filters[each.__name__] = each
    return made
