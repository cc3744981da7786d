"""A small product of two tables and a page, made without dbt, for runs that are killed."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from product_world import D5, DECIDED, Place, new_place

from wharf.batches import Batches
from wharf.contracts import load_project
from wharf.lake import open_lake
from wharf.ledger import Ledger
from wharf.ledger import products as product_rows
from wharf.products import (
    Context,
    StepInput,
    load_product,
    release,
    rollback_release,
    run_step,
)
from wharf.settings import read_settings

PRODUCT = "parcel_count"
BY_USE, COUNT = "interpretations.parcels_by_use", "interpretations.parcel_count"
LATER = DECIDED + timedelta(minutes=5)
CONTRACT = f"""
product: {PRODUCT}
active: {{from: "{D5}"}}
period: {{kind: day}}
timeliness: {{tz: UTC, decide_at: "T+0 23:00", due: "T+0 23:30", cutoff: "T+2d 00:00"}}
inputs: {{alder.parcels: {{read: latest, on_missing: [wait, fail]}}}}
steps:
  - {{python: killed_product.parcels_by_use, table: {BY_USE}}}
  - {{python: killed_product.parcel_count, table: {COUNT}}}
  - {{export: page}}
page: {{title: Parcels, table: {COUNT}}}
"""


def parcels_by_use(given: StepInput) -> Any:
    """Count the parcels of each use."""
    parcels = given.read("raw.alder_parcels")
    return parcels.aggregate("land_use, count(*)::bigint as parcels").to_arrow_table()


def parcel_count(given: StepInput) -> Any:
    """Count all parcels, from what the step before counted."""
    return given.read(BY_USE).aggregate("sum(parcels)::bigint as parcels").to_arrow_table()


def open_product(root: Path) -> Place:
    """The installation of a folder, as it stands."""
    settings = read_settings({"WHARF_HOME": str(root), "WHARF_PROJECT": str(root / "project")})
    ledger, lake = Ledger.open(settings.ledger_url), open_lake(settings)
    project = load_project(settings.project)
    return Place(Context(settings, project, ledger, lake, Batches(lake, ledger)))


def new_product(root: Path) -> Place:
    """An installation that made the product of eight parcels, and then was sent twenty."""
    new_place(root)
    (root / "project/dags/products" / f"{PRODUCT}.yaml").write_text(CONTRACT)
    place = open_product(root)
    place.deliver("alder", D5, parcels=8)
    place.gather(PRODUCT)
    make(root)
    place.deliver("alder", D5, parcels=20)
    place.gather(PRODUCT, now=LATER)
    return place


def make(root: Path) -> None:
    """All that a run of the product does once its inputs are gathered."""
    run_steps(root)
    release_newest(root)


def run_steps(root: Path) -> None:
    """Run the steps of the newest manifest, one after the other."""
    ctx = open_product(root).ctx
    for index in range(len(ctx.product(PRODUCT).steps)):
        run_step(ctx, PRODUCT, manifests(ctx)[-1], index, now=LATER, run_id="r")


def release_newest(root: Path) -> None:
    """Release the newest manifest."""
    ctx = open_product(root).ctx
    release(ctx, PRODUCT, manifests(ctx)[-1], now=LATER, by="r")


def roll_back(root: Path) -> None:
    """Move the product back to its first manifest."""
    ctx = open_product(root).ctx
    first = manifests(ctx)[0]
    rollback_release(ctx, PRODUCT, first, now=LATER, by="ann", reason="wrong restatement")


def manifests(ctx: Context) -> list[str]:
    """Ids of the product's manifests, oldest first."""
    with ctx.ledger.read() as tx:
        return [row.manifest_id for row in product_rows.manifests_of(tx, PRODUCT, D5)]


def counted(ctx: Context) -> tuple[int, int]:
    """How many parcels each table of the release has: (by use, all)."""
    by_use = load_product(ctx, PRODUCT, BY_USE, kind="arrow").column("parcels").to_pylist()
    [count] = load_product(ctx, PRODUCT, COUNT, kind="arrow").column("parcels").to_pylist()
    return sum(by_use), count


def page_shows(ctx: Context) -> str:
    """The manifest that the page is of; each file it offers is there."""
    home = ctx.settings.portal / "products" / PRODUCT
    text = (home / "index.html").read_text()
    offered = re.findall(r'href="((?:batches|latest)/[^"]+)"', text)
    assert offered
    assert [path for path in offered if not (home / path).exists()] == []
    [shown] = re.findall(r"Manifest <code>([^<]+)</code>", text)
    return str(shown)
