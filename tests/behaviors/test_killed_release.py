"""`kill -9` at every boundary between and inside the steps, the release and the page of a product.

Each table names the point at which the process dies, what the ledger says then, and what readers
of the release, of the tables, and of the page see.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from killed_product import (
    BY_USE,
    COUNT,
    PRODUCT,
    counted,
    make,
    manifests,
    new_product,
    open_product,
    page_shows,
    release_newest,
    roll_back,
    run_steps,
)
from killed_world import REFUSED, Point, Template, killed, retried
from product_world import D5

from wharf.ledger import batches as batch_rows
from wharf.ledger import products as product_rows
from wharf.products import Context, current_release, newest_attempts, read_manifest

OLD, NEW = (8, 8), (20, 20)


@dataclass(frozen=True)
class Left:
    """What a killed release leaves."""

    tables: tuple[str, str]
    """Status in the ledger of the new batch of each table, in the order of their steps."""
    live: tuple[bool, bool]
    """Whether a direct reader of the table sees the new batch."""
    releases: int = 1
    page: bool = False
    """Whether the page is the new one."""


STAGED = Left(("AUDITED", "AUDITED"), (False, False))
COMMITTED = Left(("AUDITED", "AUDITED"), (True, False))
HALF = Left(("PUBLISHED", "AUDITED"), (True, False))
TABLES = Left(("PUBLISHED", "PUBLISHED"), (True, True))
RELEASED = Left(("PUBLISHED", "PUBLISHED"), (True, True), releases=2)
SWITCHED = Left(("PUBLISHED", "PUBLISHED"), (True, True), releases=2, page=True)

LAKE, BATCHES = "wharf.lake.lake:Lake", "wharf.batches.batches:Batches"
ATTEMPTS, RELEASES = "wharf.products.attempts", "wharf.products.release"
PAGES, SWITCH = "wharf.portal.pages", "wharf.portal.release"
RELEASE = {
    "before the first table": (STAGED, f"{BATCHES}.publish", "before"),
    "first table committed, the ledger not told": (COMMITTED, f"{LAKE}.publish"),
    "first table published": (HALF, f"{BATCHES}.publish"),
    "before the release row": (TABLES, f"{RELEASES}:_commit", "before"),
    "in the release row's transaction": (TABLES, "wharf.ledger.products:record_release"),
    "release row stands, no release.json": (RELEASED, f"{RELEASES}:_commit"),
    "release.json written, not named": (RELEASED, "pathlib:Path.replace", "before"),
    "before the page": (RELEASED, f"{RELEASES}:release_page", "before"),
    "the page's files moved": (RELEASED, f"{SWITCH}:_move_files"),
    "page.json switched": (RELEASED, f"{SWITCH}:_replace", "after", 2),
    "page switched": (SWITCHED, f"{SWITCH}:_forget_older", "before"),
    "staged page half removed": (SWITCHED, "os:rmdir", "before"),
    "before the portal's index": (SWITCHED, f"{SWITCH}:build_index", "before"),
    "released": (SWITCHED, f"{RELEASES}:release_page"),
}  # fmt: skip


@pytest.fixture(scope="module")
def gathered(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The product is released with eight parcels; a manifest with twenty is gathered."""
    template = Template(tmp_path_factory.mktemp("killed") / "place")
    new_product(template.place)
    template.keep()
    return template


@pytest.fixture(scope="module")
def stepped(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The steps of the manifest with twenty parcels are done as well."""
    template = Template(tmp_path_factory.mktemp("killed") / "place")
    new_product(template.place)
    run_steps(template.place)
    template.keep()
    return template


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The product is released with eight parcels, and then with twenty."""
    template = Template(tmp_path_factory.mktemp("killed") / "place")
    new_product(template.place)
    make(template.place)
    template.keep()
    return template


@pytest.mark.parametrize("name", RELEASE)
def test_release_killed_anywhere_is_old_or_new_as_a_whole_and_a_retry_finishes(
    stepped: Template, name: str
) -> None:
    left, *where = RELEASE[name]
    root = stepped.fresh()
    killed(release_newest, root, Point(*where))
    ctx = open_product(root).ctx
    assert counted(ctx) == (NEW if left.releases == 2 else OLD)
    assert releases(ctx) == manifests(ctx)[: left.releases]
    assert page_shows(ctx) == manifests(ctx)[left.page]
    assert new_batches(ctx) == left.tables
    assert live(ctx) == left.live
    assert retried(release_newest, root) == 0
    is_released_once(ctx)


BUILDING, DONE = ("success", "success", "started"), ("success", "success", "success")
BOTH = ("AUDITED", "AUDITED")
STEPS = {
    "before the attempt is noted": ((), (), f"{ATTEMPTS}:begin", "before"),
    "attempt begun": (("started",), (), f"{ATTEMPTS}:begin"),
    "rows written, not in the lake": (("started",), (), f"{LAKE}.put", "before"),
    "rows in the lake, no record": (("started",), (), f"{LAKE}.put"),
    "record stands, no ledger row": (("started",), (), f"{LAKE}.write_batch"),
    "staged": (("started",), ("STAGED",), f"{BATCHES}.stage"),
    "audited, the step not ended": (("started",), ("AUDITED",), f"{ATTEMPTS}:end", "before"),
    "step ended": (("success",), ("AUDITED",), f"{ATTEMPTS}:end"),
    "in the second step": (("success", "started"), ("AUDITED",), f"{LAKE}.put", "after", 2),
    "page half built": (BUILDING, BOTH, f"{PAGES}:write_downloads"),
    "page staged, the step not ended": (BUILDING, BOTH, f"{ATTEMPTS}:end", "before", 3),
    "steps done": (DONE, BOTH, f"{ATTEMPTS}:end", "after", 3),
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_steps_killed_anywhere_count_for_nothing_and_a_retry_finishes(
    gathered: Template, name: str
) -> None:
    attempts, staged, *where = STEPS[name]
    root = gathered.fresh()
    killed(run_steps, root, Point(*where))
    ctx = open_product(root).ctx
    assert step_states(ctx) == attempts
    assert new_batches(ctx) == staged
    if attempts != DONE:
        assert retried(release_newest, root) == REFUSED
    assert (counted(ctx), live(ctx)) == (OLD, (False, False))
    assert page_shows(ctx) == manifests(ctx)[0]
    assert retried(make, root) == 0
    is_released_once(ctx)


ROLLBACK = {
    "before the first table": (NEW, (True, True), f"{BATCHES}.rollback", "before"),
    "first table rolled back": (NEW, (False, True), f"{BATCHES}.rollback"),
    "before the release row": (NEW, (False, False), f"{RELEASES}:_commit", "before"),
    "before the page is built again": (OLD, (False, False), f"{RELEASES}:restage_page", "before"),
    "page built again in half": (OLD, (False, False), f"{PAGES}:write_downloads"),
    "page built again, not switched": (OLD, (False, False), f"{RELEASES}:restage_page"),
}  # fmt: skip


@pytest.mark.parametrize("name", ROLLBACK)
def test_rollback_killed_anywhere_is_old_or_new_as_a_whole_and_a_retry_finishes(
    released: Template, name: str
) -> None:
    reads, stands, *where = ROLLBACK[name]
    root = released.fresh()
    killed(roll_back, root, Point(*where))
    ctx = open_product(root).ctx
    first, second = manifests(ctx)
    assert counted(ctx) == reads
    assert live(ctx) == stands
    assert page_shows(ctx) == second
    assert retried(roll_back, root) == 0
    assert (counted(ctx), live(ctx)) == (OLD, (False, False))
    assert releases(ctx) == [first, second, first]
    assert page_shows(ctx) == first
    assert new_batches(ctx) == ("ROLLED_BACK", "ROLLED_BACK")
    assert retried(release_newest, root) == REFUSED


def is_released_once(ctx: Context) -> None:
    """One release of each manifest, one movement of each table for each, and the page follows."""
    assert counted(ctx) == NEW
    assert releases(ctx) == manifests(ctx)
    assert page_shows(ctx) == manifests(ctx)[-1]
    row = current_release(ctx, PRODUCT)
    assert row is not None
    for table in (BY_USE, COUNT):
        history = ctx.lake.history(table)
        assert len(history) == 2
        assert history[-1].batch_id == row.tables[table]["batch_id"]
        with ctx.ledger.read() as tx:
            events = batch_rows.publishes_of(tx, table)
        assert [each.snapshot_id for each in events] == [each.snapshot_id for each in history]
    text = (ctx.settings.home / "releases" / PRODUCT / "release.json").read_text()
    assert manifests(ctx)[-1] in text
    assert PRODUCT in (ctx.settings.portal / "index.html").read_text()


def releases(ctx: Context) -> list[str]:
    with ctx.ledger.read() as tx:
        return [row.manifest_id for row in product_rows.releases_of(tx, PRODUCT)]


def new_batches(ctx: Context) -> tuple[str, ...]:
    """Status of each batch that the newest manifest staged, oldest first."""
    with ctx.ledger.read() as tx:
        rows = batch_rows.batches_for(tx, PRODUCT, D5)
    newest = manifests(ctx)[-1]
    return tuple(row.status for row in rows if row.origin["manifest_id"] == newest)


def step_states(ctx: Context) -> tuple[str, ...]:
    manifest = read_manifest(ctx, manifests(ctx)[-1])
    with ctx.ledger.read() as tx:
        newest = newest_attempts(tx, manifest)
    return tuple(newest[step].status for step in sorted(newest))


def live(ctx: Context) -> tuple[bool, ...]:
    with ctx.ledger.read() as tx:
        rows = {row.batch_id: row for row in batch_rows.batches_for(tx, PRODUCT, D5)}
    standing = [rows[ctx.lake.current(table)[D5]] for table in (BY_USE, COUNT)]
    return tuple(row.origin["manifest_id"] == manifests(ctx)[-1] for row in standing)
