"""Switching a staged page in: its files first, then its text, then the index of all pages."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from wharf.portal.pages import (
    POLICY,
    STATIC,
    changes_with,
    has_engine,
    pages,
    staging_folder,
    unseen,
)

OWN_FILES = ("portal.css", "portal.js", "decode-worker.js")


def release_page(site: Path, staged: Path) -> None:
    """Switch a staged page in and rebuild the index.

    Releasing the same staged page again finishes what was begun. A release of an older period
    than the page shows adds its files and its line to the changelog; the page stays.
    """
    if staged.exists():
        page = json.loads((staged / "page.json").read_text(encoding="utf-8"))
        home = site / "products" / page["product"]
        batch = _move_files(staged, home, page)
        changes = changes_with(site, page)
        _replace(home / "changelog.json", json.dumps(changes, indent=2))
        if _is_newest(home, page):
            _link_latest(batch, home / "latest")
            _replace(home / "page.json", (staged / "page.json").read_text(encoding="utf-8"))
            _replace(home / "index.html", (staged / "index.html").read_text(encoding="utf-8"))
        _forget_older(site, staged, page["product"])
        _take_down(staged)
    _copy_static(site)
    build_index(site)


def build_index(site: Path) -> None:
    """Write the index from the pages that stand."""
    found = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(site.glob("products/*/page.json"))
    ]
    text = pages().get_template("index.html").render(pages=found, policy=POLICY)
    _replace(site / "index.html", text)


def _move_files(staged: Path, home: Path, page: dict[str, Any]) -> Path:
    batch = home / "batches" / str(page["batch_id"])
    source = staged / "batches" / page["batch_id"]
    if source.exists():
        batch.mkdir(parents=True, exist_ok=True)
        for file in sorted(source.iterdir()):
            file.replace(batch / file.name)
    return batch


def _is_newest(home: Path, page: dict[str, Any]) -> bool:
    """Whether the standing page shows no later period; keys of one kind sort by time."""
    file = home / "page.json"
    if not file.exists():
        return True
    standing = str(json.loads(file.read_text(encoding="utf-8"))["period"])
    period = str(page["period"])
    return len(standing) != len(period) or standing <= period


def _link_latest(batch: Path, latest: Path) -> None:
    latest.mkdir(parents=True, exist_ok=True)
    for file in sorted(batch.iterdir()):
        aside = _aside(latest / file.name)
        aside.unlink(missing_ok=True)
        os.link(file, aside)
        aside.replace(latest / file.name)


def _forget_older(site: Path, staged: Path, product: str) -> None:
    """Remove what older attempts at this product staged and never released, after a crash."""
    made = staged.stat().st_mtime_ns
    for pattern in (f"{product}-*", f".{product}-*"):
        for folder in staging_folder(site).glob(pattern):
            if folder.stat().st_mtime_ns < made:
                shutil.rmtree(folder, ignore_errors=True)


def _take_down(staged: Path) -> None:
    gone = unseen(staged)
    shutil.rmtree(gone, ignore_errors=True)
    staged.rename(gone)
    shutil.rmtree(gone)


def _copy_static(site: Path) -> None:
    target = site / "static"
    for name in OWN_FILES:
        _replace(target / name, (STATIC / name).read_text(encoding="utf-8"))
    if has_engine():
        (target / "vendor").mkdir(exist_ok=True)
        for file in sorted((STATIC / "vendor").iterdir()):
            if file.is_file() and not _is_copied(file, target / "vendor" / file.name):
                aside = _aside(target / "vendor" / file.name)
                shutil.copyfile(file, aside)
                aside.replace(target / "vendor" / file.name)


def _is_copied(file: Path, copy: Path) -> bool:
    if not copy.exists():
        return False
    original, made = file.stat(), copy.stat()
    return original.st_size == made.st_size and original.st_mtime <= made.st_mtime


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = _aside(path)
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


def _aside(path: Path) -> Path:
    """Where a file is written before it takes its place; its own for each process."""
    return path.with_name(f".{path.name}.{os.getpid()}")
