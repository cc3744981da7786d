"""Batches under `kill -9` at every point, and under many publishers at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from lake_world import (
    DAY,
    TABLE,
    Place,
    accounts,
    deliver,
    deliver_and_die,
    deliver_or_be_refused,
    in_children,
    local_place,
    open_batches,
)

from wharf.ledger import batches as rows

STORAGE = "wharf.lake.storage"
# Where the process dies, in the order of the way of a batch: function, before or after, which call.
POINTS = {
    "before the file is copied": (f"{STORAGE}:Storage._write", "before", 1),
    "file copied but not named": (f"{STORAGE}:_copy", "after", 1),
    "file named but folder not synced": (f"{STORAGE}:sync_folder", "before", 1),
    "file put, no record": (f"{STORAGE}:Storage.put", "after", 1),
    "before the record": (f"{STORAGE}:Storage.write", "before", 1),
    "record copied but not named": (f"{STORAGE}:_copy", "after", 2),
    "record written, no ledger row": (f"{STORAGE}:Storage.write", "after", 1),
    "in the ledger's stage transaction": ("wharf.ledger.batches:record_batch", "after", 1),
    "staged": ("wharf.batches.batches:Batches.stage", "after", 1),
    "in the check": ("wharf.lake.lake:check_footers", "before", 1),
    "in the ledger's audit transaction": ("wharf.ledger.batches:set_status", "after", 1),
    "audited": ("wharf.batches.batches:Batches.audited", "after", 1),
    "before the lock": ("wharf.lake.publisher:Publisher.publish", "before", 1),
    "under the lock": ("wharf.lake.publisher:find_table", "after", 1),
    "decided": ("wharf.batches.batches:follow", "after", 1),
    "before the manifests": ("wharf.lake.commit:data_file", "after", 1),
    "one manifest written": ("pyiceberg.manifest:ManifestWriter.to_manifest_file", "before", 1),
    "manifests written": ("pyiceberg.table.update.snapshot:_SnapshotProducer.commit", "after", 1),
    "before the metadata file": ("wharf.lake.catalog:LakeCatalog._write_metadata", "before", 1),
    "before the pointer moves": ("wharf.lake.catalog:LakeCatalog._write_metadata", "after", 1),
    "pointer moved": ("pyiceberg.catalog.sql:SqlCatalog.commit_table", "after", 1),
    "published, ledger not told": ("wharf.lake.lake:Lake.publish", "after", 1),
    "before the publish event": ("wharf.ledger.batches:record_publish", "before", 1),
    "after the publish event": ("wharf.ledger.batches:record_publish", "after", 1),
    "in the ledger's publish transaction": ("wharf.ledger.batches:set_status", "after", 2),
    "all done": ("wharf.batches.batches:Batches.publish", "after", 1),
}
OLD, NEW = [(DAY, "v1 a"), (DAY, "v1 b")], [(DAY, "v2 a"), (DAY, "v2 b")]


@pytest.mark.parametrize("point", POINTS)
def test_restatement_killed_anywhere_is_whole_or_absent_and_a_retry_finishes(
    tmp_path: Path, point: str
) -> None:
    place = local_place(tmp_path)
    first = deliver(place, 1)
    assert in_children(deliver_and_die, [(place, 2, *POINTS[point])]) == [-9]
    assert accounts(place.open()) in (OLD, NEW)
    second = deliver(place, 2)
    assert accounts(place.open()) == NEW
    _ledger_agrees(place, published=second, superseded=first)


FIRST = {**POINTS, "namespace made": ("wharf.lake.publisher:Publisher._make_namespace", "after", 1)}


@pytest.mark.parametrize("point", FIRST)
def test_first_delivery_killed_anywhere_is_whole_or_absent_and_a_retry_finishes(
    tmp_path: Path, point: str
) -> None:
    place = local_place(tmp_path)
    assert in_children(deliver_and_die, [(place, 1, *FIRST[point])]) == [-9]
    lake = place.open()
    assert not lake.has(TABLE) or accounts(lake) == OLD
    first = deliver(place, 1)
    assert accounts(lake) == OLD
    _ledger_agrees(place, published=first)


def test_next_publish_of_another_period_notes_what_a_killed_one_did(tmp_path: Path) -> None:
    place = local_place(tmp_path)
    point = POINTS["published, ledger not told"]
    assert in_children(deliver_and_die, [(place, 1, *point)]) == [-9]
    deliver(place, 1, "2026-11-21")
    verbs = open_batches(place)
    with verbs.ledger.read() as tx:
        assert rows.current(tx, TABLE) == verbs.current(TABLE)
        assert {row.status for row in rows.batches_of(tx, TABLE)} == {"PUBLISHED"}


def test_eight_publishers_of_distinct_periods_leave_lake_and_ledger_agreed(place: Place) -> None:
    open_batches(place)
    calls = [(place, 1, f"2026-11-{10 + number}") for number in range(8)]
    assert in_children(deliver_or_be_refused, calls) == [0] * 8
    verbs = open_batches(place)
    assert len(verbs.current(TABLE)) == 8
    _history_is_recorded_in_order(place)


def test_eight_publishers_of_one_period_end_with_the_newest_version(place: Place) -> None:
    open_batches(place)
    calls = [(place, version, DAY) for version in range(1, 9)]
    codes = in_children(deliver_or_be_refused, calls)
    assert set(codes) <= {0, 3}
    assert codes[-1] == 0
    assert accounts(place.open()) == [(DAY, "v8 a"), (DAY, "v8 b")]
    _history_is_recorded_in_order(place)
    verbs = open_batches(place)
    with verbs.ledger.read() as tx:
        status = {row.version: row.status for row in rows.batches_of(tx, TABLE, DAY)}
    assert status[8] == "PUBLISHED"
    assert set(status.values()) <= {"PUBLISHED", "SUPERSEDED", "AUDITED"}
    assert list(status.values()).count("PUBLISHED") == 1


def test_four_runs_of_one_delivery_at_once_all_end_well(place: Place) -> None:
    open_batches(place)
    assert in_children(deliver_or_be_refused, [(place, 1, DAY)] * 4) == [0] * 4
    assert accounts(place.open()) == OLD
    _history_is_recorded_in_order(place)


def _ledger_agrees(place: Place, *, published: str, superseded: str | None = None) -> None:
    verbs = open_batches(place)
    with verbs.ledger.read() as tx:
        assert rows.current(tx, TABLE) == verbs.current(TABLE) == {DAY: published}
        status = {row.batch_id: row.status for row in rows.batches_of(tx, TABLE)}
        events = [event.batch_id for event in rows.publishes_of(tx, TABLE)]
    assert status[published] == "PUBLISHED"
    assert events == [*([superseded] if superseded else []), published]
    if superseded:
        assert status[superseded] == "SUPERSEDED"
    batch = verbs.lake.read_batch(TABLE, DAY, published)
    assert verbs.lake.check(batch) == []


def _history_is_recorded_in_order(place: Place) -> None:
    verbs = open_batches(place)
    history = [snapshot.snapshot_id for snapshot in verbs.lake.history(TABLE)]
    with verbs.ledger.read() as tx:
        assert [event.snapshot_id for event in rows.publishes_of(tx, TABLE)] == history
        assert rows.current(tx, TABLE) == verbs.current(TABLE)
