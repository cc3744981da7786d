"""Building a product's page aside and switching it in."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from wharf.portal.charts import draw
from wharf.portal.content import PageContent
from wharf.portal.tables import open_table, preview, write_downloads

POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self' blob:; worker-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)
OWN_FILES = ("portal.css", "portal.js", "decode-worker.js")
STATIC = Path(__file__).parent / "static"


def stage_page(site: Path, content: PageContent) -> Path:
    """Build a product's page beside the site.

    Returns:
        The staged folder, for `release_page`. Building again under the same manifest replaces it.
    """
    staged = site / ".staged" / f"{content.product}-{content.manifest_id}"
    shutil.rmtree(staged, ignore_errors=True)
    files = staged / "batches" / content.batch_id
    connection = open_table(content.product, content.relation)
    downloads = write_downloads(connection, content.product, files, f"batches/{content.batch_id}")
    page = {
        **content.describe(),
        "batch_id": content.batch_id,
        "downloads": [asdict(each) for each in downloads],
    }
    text = (
        _pages()
        .get_template("product.html")
        .render(
            content=content,
            page=page,
            charts=[draw(connection, plot) for plot in content.plots],
            preview=preview(connection, content.product),
            policy=POLICY,
            changes=_changes(site, content.product, page),
            sql=_has_engine(),
        )
    )
    connection.close()
    (staged / "page.json").write_text(json.dumps(page, indent=2, default=str), encoding="utf-8")
    _replace(staged / "index.html", text)
    return staged


def release_page(site: Path, staged: Path) -> None:
    """Switch a staged page in, its files before its text, and rebuild the index.

    Releasing the same staged page again finishes what was begun.
    """
    if is_staged(staged):
        page = json.loads((staged / "page.json").read_text(encoding="utf-8"))
        home = site / "products" / page["product"]
        _move_files(staged, home, page)
        changes = _changes(site, page["product"], page)
        _replace(home / "changelog.json", json.dumps(changes, indent=2))
        _replace(home / "page.json", (staged / "page.json").read_text(encoding="utf-8"))
        (staged / "index.html").replace(home / "index.html")
    shutil.rmtree(staged, ignore_errors=True)
    _copy_static(site)
    build_index(site)


def is_staged(staged: Path) -> bool:
    """Whether a page stands staged as a whole: its text is written last, and moved away first."""
    return (staged / "index.html").exists()


def build_index(site: Path) -> None:
    """Write the index from the pages that stand."""
    found = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(site.glob("products/*/page.json"))
    ]
    text = _pages().get_template("index.html").render(pages=found, policy=POLICY)
    _replace(site / "index.html", text)


def _move_files(staged: Path, home: Path, page: dict[str, Any]) -> None:
    batch = home / "batches" / page["batch_id"]
    source = staged / "batches" / page["batch_id"]
    if source.exists():
        batch.mkdir(parents=True, exist_ok=True)
        for file in sorted(source.iterdir()):
            file.replace(batch / file.name)
    latest = home / "latest"
    latest.mkdir(parents=True, exist_ok=True)
    for file in sorted(batch.iterdir()):
        link = latest / f".{file.name}.new"
        link.unlink(missing_ok=True)
        os.link(file, link)
        link.replace(latest / file.name)


def _changes(site: Path, product: str, page: dict[str, Any]) -> list[dict[str, Any]]:
    """Releases of a page, newest first, this one on top."""
    file = site / "products" / product / "changelog.json"
    before = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    entry = {
        "manifest_id": page["manifest_id"],
        "period": page["period"],
        "batch_id": page["batch_id"],
        "built_at": page["built_at"],
        "rows": page["tables"][-1]["rows"],
    }
    return [entry, *(each for each in before if each["manifest_id"] != entry["manifest_id"])]


def _copy_static(site: Path) -> None:
    target = site / "static"
    target.mkdir(parents=True, exist_ok=True)
    for name in OWN_FILES:
        _replace(target / name, (STATIC / name).read_text(encoding="utf-8"))
    if _has_engine():
        (target / "vendor").mkdir(exist_ok=True)
        for file in sorted((STATIC / "vendor").iterdir()):
            stands = target / "vendor" / file.name
            if file.is_file() and (
                not stands.exists() or stands.stat().st_size != file.stat().st_size
            ):
                aside = stands.with_name(f".{file.name}.{os.getpid()}")
                shutil.copyfile(file, aside)
                aside.replace(stands)


def _has_engine() -> bool:
    return (STATIC / "vendor" / "duckdb-eh.wasm.gz").exists()


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


def _pages() -> Environment:
    pages = Environment(
        loader=PackageLoader("wharf.portal"), autoescape=True, undefined=StrictUndefined
    )
    pages.filters["size"] = _size
    pages.filters["minute"] = lambda text: f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M} UTC"
    return pages


def _size(value: int) -> str:
    return f"{value / 1e6:.1f} MB" if value >= 100_000 else f"{value / 1e3:.1f} kB"
