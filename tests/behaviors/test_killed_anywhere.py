"""`kill -9` at every boundary between and inside land, stage, audit, publish.

Each table names the point at which the process dies and what it leaves: what the ledger says
and what readers see. A plain retry in a fresh process ends each of them in the same way.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import pytest
from harbour import CONTRACT, GOOD, Harbour
from killed_world import REFUSED, Point, Template, hand_in, killed, later, retried, run_feed

from wharf.ledger import arrivals
from wharf.ledger import batches as batch_rows

TABLE, DAY = "raw.acme_prices", "2026-11-20"
OLD = [("a", "1.50"), ("b", "2.25")]
NEW = [(f"k{number:02d}", f"{number}.00") for number in range(20)]
RESTATED = "id,price\n" + "".join(f"{key},{price}\n" for key, price in NEW) + "x,not a price\n"


@dataclass(frozen=True)
class Left:
    """What a killed run leaves of version 2, where version 1 was published before."""

    landed: bool
    batches: tuple[str, ...]
    """Statuses in the ledger: of the old batch, then of the new one where there is one."""
    reads: list[tuple[str, str]]


UNTOUCHED = Left(False, ("PUBLISHED",), OLD)
LANDED = Left(True, ("PUBLISHED",), OLD)
STAGED = Left(True, ("PUBLISHED", "STAGED"), OLD)
AUDITED = Left(True, ("PUBLISHED", "AUDITED"), OLD)
COMMITTED = Left(True, ("PUBLISHED", "AUDITED"), NEW)
PUBLISHED = Left(True, ("SUPERSEDED", "PUBLISHED"), NEW)

FETCH, COPY = "wharf.sources.local:LocalFolder.fetch", "wharf.lake.storage:_copy"
LAKE, BATCHES = "wharf.lake.lake:Lake", "wharf.batches.batches:Batches"
COMMIT, POINTER = "pyiceberg.catalog.sql:SqlCatalog.commit_table", "wharf.lake.catalog:LakeCatalog"
LAND = {
    "before the first byte is fetched": (UNTOUCHED, FETCH, "before"),
    "fetched, not in the landing area": (UNTOUCHED, FETCH),
    "copied into the landing area, not synced": (UNTOUCHED, COPY),
    "before the landing rename": (UNTOUCHED, "pathlib:Path.rename", "before"),
    "after the landing rename": (UNTOUCHED, "pathlib:Path.rename"),
    "in the landing area, no ledger row": (UNTOUCHED, "wharf.lake.landing:Landing.store"),
    "in the ledger's landing transaction": (UNTOUCHED, "wharf.ledger.deliveries:record_delivery"),
    "landed": (LANDED, "wharf.intake:land_delivery"),
}  # fmt: skip
STAGE = {
    "before the landed file is read": (LANDED, "wharf.lake.landing:Landing.fetch", "before"),
    "read, nothing written": (LANDED, "wharf.intake:plan_reading"),
    "written to the work folder": (LANDED, "wharf.intake:write_plan"),
    "good rows copied, not named": (LANDED, COPY, "after", 2),
    "good rows put": (LANDED, f"{LAKE}.put"),
    "quarantined rows put": (LANDED, f"{LAKE}.put", "after", 2),
    "before _batch.json": (LANDED, f"{LAKE}.write_batch", "before"),
    "_batch.json copied, not named": (LANDED, COPY, "after", 4),
    "_batch.json stands, no ledger row": (LANDED, f"{LAKE}.write_batch"),
    "in the ledger's stage transaction": (LANDED, "wharf.ledger.batches:record_batch"),
    "in the ledger, outcome not said": (STAGED, f"{BATCHES}.stage"),
    "staged": (STAGED, "wharf.intake:stage_batch"),
}  # fmt: skip
AUDIT = {
    "before the structure checks": (STAGED, f"{LAKE}.check", "before"),
    "structure checked": (STAGED, f"{LAKE}.check"),
    "the results' page kept, their JSON not": (STAGED, "wharf.quality.results:_put"),
    "results kept, the ledger not told": (STAGED, "wharf.batches.first_audit:audit"),
    "in the ledger's audit transaction": (STAGED, "wharf.ledger.batches:set_status"),
    "in the ledger, evaluation not due": (AUDITED, f"{BATCHES}.audited"),
    "audited": (AUDITED, "wharf.intake:audit_batch"),
}  # fmt: skip
PUBLISH = {
    "before the lock": (AUDITED, "wharf.lake.publisher:Publisher.publish", "before"),
    "under the lock": (AUDITED, "wharf.lake.publisher:find_table"),
    "one manifest written": (AUDITED, "pyiceberg.manifest:ManifestWriter.to_manifest_file"),
    "before the Iceberg commit": (AUDITED, COMMIT, "before"),
    "before the pointer moves": (AUDITED, f"{POINTER}._write_metadata"),
    "after the Iceberg commit": (COMMITTED, COMMIT),
    "before the ledger follows": (COMMITTED, f"{LAKE}.publish"),
    "in the ledger's publish transaction": (COMMITTED, "wharf.ledger.batches:record_publish"),
    "the ledger followed, evaluation not due": (PUBLISHED, f"{BATCHES}.publish"),
    "published": (PUBLISHED, "wharf.intake:publish_batch"),
}  # fmt: skip
POINTS = {
    f"{step}: {name}": point
    for step, points in {"land": LAND, "stage": STAGE, "audit": AUDIT, "publish": PUBLISH}.items()
    for name, point in points.items()
}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Version 1 is published, version 2 lies at the source."""
    template = Template(tmp_path_factory.mktemp("killed") / "place")
    harbour = Harbour(template.place)
    harbour.deliver(GOOD)
    harbour.run()
    later(template.place).deliver(RESTATED)
    template.keep()
    return template


@pytest.mark.parametrize("name", POINTS)
def test_restatement_killed_anywhere_is_whole_or_absent_and_a_retry_finishes(
    published: Template, name: str
) -> None:
    left, *where = POINTS[name]
    root = published.fresh()
    killed(run_feed, root, Point(*where))
    harbour = later(root)
    assert harbour.rows() == left.reads
    assert statuses(harbour) == left.batches
    assert len(harbour.deliveries()) == 1 + left.landed
    everything_is_kept(harbour)

    assert retried(run_feed, root) == 0
    assert harbour.rows() == NEW
    is_published_once(harbour)


FIRST = (
    "land: after the landing rename",
    "land: landed",
    "stage: _batch.json stands, no ledger row",
    "stage: staged",
    "audit: audited",
    "publish: before the Iceberg commit",
    "publish: after the Iceberg commit",
    "publish: published",
)


@pytest.mark.parametrize("name", FIRST)
def test_first_delivery_killed_anywhere_is_whole_or_absent_and_a_retry_finishes(
    tmp_path: Path, name: str
) -> None:
    left, *where = POINTS[name]
    harbour = Harbour(tmp_path)
    harbour.deliver(RESTATED)
    killed(run_feed, tmp_path, Point(*where))
    assert harbour.rows() == (NEW if left.reads == NEW else [])
    assert statuses(harbour) == left.batches[1:]
    assert len(harbour.deliveries()) == left.landed
    assert retried(run_feed, tmp_path) == 0
    assert harbour.rows() == NEW
    assert statuses(harbour) == ("PUBLISHED",)
    assert [row.outcome for row in harbour.deliveries()] == ["loaded"]
    assert len(harbour.place.lake.history(TABLE)) == 1


FAILING = {
    "the ledger not told": ("STAGED", "loaded", f"{BATCHES}.audited", "before"),
    "in quarantine, evaluation not due": (
        "QUARANTINED", "loaded", f"{BATCHES}.audited", "after",
    ),
    "in quarantine, outcome not said": (
        "QUARANTINED", "loaded", "wharf.ledger.deliveries:set_outcome", "before", 2,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAILING)
def test_a_failing_audit_killed_anywhere_ends_in_quarantine_and_readers_stay(
    published: Template, name: str
) -> None:
    status, outcome, *where = FAILING[name]
    root = published.fresh()
    later(root).deliver("id,price\na,-1.00\n")
    before = later(root).snapshot()
    killed(run_feed, root, Point(*where))
    harbour = later(root)
    assert statuses(harbour) == ("PUBLISHED", status)
    assert harbour.deliveries()[-1].outcome == outcome
    assert retried(run_feed, root) == REFUSED
    assert statuses(harbour) == ("PUBLISHED", "QUARANTINED")
    assert harbour.deliveries()[-1].outcome == "quarantined"
    assert harbour.state().problem is not None
    assert (harbour.snapshot(), harbour.rows()) == (before, OLD)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_refusal_killed_before_it_is_noted_is_noted_by_the_retry(
    published: Template, when: str
) -> None:
    root = published.fresh()
    later(root).deliver(gzip.compress(RESTATED.encode() * 500)[:-20])
    killed(run_feed, root, Point("wharf.ledger.deliveries:set_outcome", when))
    harbour = later(root)
    assert [row.outcome for row in harbour.deliveries()] == ["loaded", ""]
    assert retried(run_feed, root) == REFUSED
    assert [row.outcome for row in harbour.deliveries()] == ["loaded", "refused"]
    assert harbour.deliveries()[-1].reason == "the gz data end before their end marker"
    assert (statuses(harbour), harbour.rows()) == (("PUBLISHED",), OLD)


PARTS = CONTRACT.replace('*.csv"', '_{part}.csv", parts: [east, west]')


def test_of_two_parts_the_retry_lands_only_the_one_that_is_missing(tmp_path: Path) -> None:
    harbour = Harbour(tmp_path, contract=PARTS)
    harbour.deliver("id,price\na,1.50\n", "prices_20261120_east.csv")
    harbour.deliver("id,price\nb,2.25\n", "prices_20261120_west.csv")
    killed(run_feed, tmp_path, Point("wharf.lake.landing:Landing.store", "after", 2))
    assert [row.part for row in harbour.deliveries()] == ["east"]
    harbour = later(tmp_path)
    assert harbour.state().delivery == "COMPLETE"
    assert retried(run_feed, tmp_path) == 0
    assert sorted(row.part for row in harbour.deliveries()) == ["east", "west"]
    assert harbour.rows() == OLD
    assert statuses(harbour) == ("PUBLISHED",)


def test_the_same_bytes_uploaded_again_after_a_kill_do_not_end_the_work_too_early(
    published: Template,
) -> None:
    root = published.fresh()
    killed(run_feed, root, Point("wharf.intake:land_delivery"))
    harbour = later(root)
    harbour.wait(minutes=5)
    harbour.deliver(RESTATED, "prices_20261120_again.csv")
    assert retried(run_feed, root) == 0
    assert harbour.rows() == NEW
    assert [row.verdict for row in harbour.deliveries()] == ["NEW", "RESTATEMENT", "DUPLICATE"]
    assert retried(run_feed, root) == 0


@pytest.mark.parametrize(
    ("where", "arrived"),
    [
        ("wharf.lake.landing:Landing.store", 1),
        ("wharf.ledger.arrivals:append_arrivals", 1),
        ("wharf.ledger.deliveries:record_delivery", 1),
        ("wharf.intake:hand_in", 2),
    ],
    ids=["in the landing area", "in the transaction", "in the transaction, landed", "handed in"],
)
def test_handing_in_killed_anywhere_leaves_nothing_that_a_run_looks_for_in_vain(
    published: Template, where: str, arrived: int
) -> None:
    root = published.fresh()
    (root / "by hand.csv").write_text("id,price\nh,9.00\n")
    killed(hand_in, root, Point(where))
    harbour = later(root)
    with harbour.place.ledger.read() as tx:
        assert len(arrivals.arrivals_of(tx, "acme.prices", DAY)) == arrived
    assert len(harbour.deliveries()) == arrived
    assert retried(run_feed, root) == 0
    assert harbour.rows() == NEW


def statuses(harbour: Harbour) -> tuple[str, ...]:
    return tuple(row.status for row in harbour.batches())


def everything_is_kept(harbour: Harbour) -> None:
    """Every landed byte and every recorded batch can be read again."""
    for row in harbour.deliveries():
        harbour.place.landing.fetch(row.uri, harbour.root / "fetched")
    for batch in harbour.batches():
        record = harbour.place.lake.read_batch(TABLE, DAY, batch.batch_id)
        assert harbour.place.lake.check(record) == []
        assert batch.rows_in_file == batch.rows_staged + batch.rows_quarantined


def is_published_once(harbour: Harbour) -> None:
    """One delivery and one batch of each version, one movement for each, all agreed."""
    everything_is_kept(harbour)
    assert [(row.verdict, row.outcome) for row in harbour.deliveries()] == [
        ("NEW", "loaded"),
        ("RESTATEMENT", "loaded"),
    ]
    assert statuses(harbour) == ("SUPERSEDED", "PUBLISHED")
    batch_ids = [row.batch_id for row in harbour.batches()]
    with harbour.place.ledger.read() as tx:
        told = [(event.snapshot_id, event.batch_id) for event in batch_rows.publishes_of(tx, TABLE)]
    history = harbour.place.lake.history(TABLE)
    assert told == [(each.snapshot_id, each.batch_id) for each in history]
    assert [each.batch_id for each in history] == batch_ids
    assert Path(harbour.batches()[-1].results).exists()
    assert harbour.state().delivery == "PUBLISHED"
