"""What a lake does, the same over each catalog and storage.

SQLite and Postgres over local files are quick; a REST catalog and S3 take their time, and have a
short way of their own in test_lake_elsewhere.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lake_world import (
    COLUMNS,
    DAY,
    EVERYWHERE,
    NEXT_DAY,
    NOW,
    TABLE,
    Place,
    accounts,
    in_children,
    place_of,
    publish_in_order,
    publish_some,
    read,
    stage,
    with_column,
)

from wharf.errors import LakeError, PublishRefused
from wharf.lake import Batch, Lake, locks, new_batch_id, parquet, publisher


@pytest.fixture(params=EVERYWHERE)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    yield from place_of(request.param, tmp_path, request.getfixturevalue)


@pytest.fixture
def lake(place: Place) -> Lake:
    return place.open()


def test_first_publish_makes_the_table_and_fills_it_in_one_snapshot(lake: Lake) -> None:
    batch = stage(lake, [("a", 1), ("b", 2)])
    assert not lake.has(TABLE)
    snapshot = lake.publish(batch, {})
    assert lake.tables() == [TABLE]
    assert [each.snapshot_id for each in lake.history(TABLE)] == [snapshot]
    assert lake.schema(TABLE) == batch.columns
    assert accounts(lake) == [(DAY, "a"), (DAY, "b")]


def test_readers_see_nothing_of_a_staged_batch(lake: Lake) -> None:
    lake.publish(stage(lake, [("a", 1)]), {})
    before = lake.snapshot_id(TABLE)
    stage(lake, [("b", 2)])
    assert lake.snapshot_id(TABLE) == before
    assert accounts(lake) == [(DAY, "a")]


def test_second_publish_of_a_batch_changes_nothing(lake: Lake) -> None:
    batch = stage(lake, [("a", 1)])
    first = lake.publish(batch, {})
    lake.publish(stage(lake, [("b", 1)], NEXT_DAY), {})
    assert lake.publish(batch, {}) == first
    assert len(lake.history(TABLE)) == 2


def test_publish_replaces_its_period_only_and_in_one_snapshot(lake: Lake) -> None:
    lake.publish(stage(lake, [("a", 1), ("b", 2)]), {})
    lake.publish(stage(lake, [("c", 3)], NEXT_DAY), {})
    restated = stage(lake, [("a", 9)])
    lake.publish(restated, {})
    assert accounts(lake) == [(DAY, "a"), (NEXT_DAY, "c")]
    assert len(lake.history(TABLE)) == 3
    assert lake.current(TABLE)[DAY] == restated.batch_id


def test_publish_writes_no_data_file(lake: Lake, place: Place) -> None:
    batches = [stage(lake, [("a", 1)]), stage(lake, [("b", 2)])]

    def files() -> set[tuple[str, int, int]]:
        assert place.folder is not None
        found = place.folder.rglob("*.parquet")
        return {(str(f), f.stat().st_ino, f.stat().st_mtime_ns) for f in found}

    before = files()
    for batch in [*batches, batches[0]]:
        lake.publish(batch, {})
    assert files() == before


def test_snapshot_carries_what_was_said(lake: Lake) -> None:
    first, second = stage(lake, [("a", 1)]), stage(lake, [("b", 1)])
    lake.publish(first, {"by": "run 7", "wharf.reason": "it came"})
    lake.publish(second, {"action": "rollback"})
    one, two = lake.history(TABLE)
    assert (one.action, one.batch_id, one.period) == ("publish", first.batch_id, DAY)
    assert (one.properties["by"], one.properties["reason"]) == ("run 7", "it came")
    assert (two.action, two.properties["previous"]) == ("rollback", first.batch_id)


def test_batch_without_rows_leaves_its_period_empty_and_is_named(lake: Lake) -> None:
    lake.publish(stage(lake, [("a", 1)]), {})
    lake.publish(stage(lake, [("b", 1)], NEXT_DAY), {})
    empty = stage(lake, [])
    assert lake.check(empty) == []
    snapshot = lake.publish(empty, {})
    assert lake.publish(empty, {}) == snapshot
    assert accounts(lake) == [(NEXT_DAY, "b")]
    assert lake.current(TABLE)[DAY] == empty.batch_id
    assert len(lake.files(TABLE)) == 1


def test_table_of_empty_batches_keeps_its_columns(lake: Lake) -> None:
    planned = lake.columns_for(TABLE, COLUMNS)
    batch = lake.write_batch(Batch(new_batch_id(NOW), TABLE, DAY, (), 0, planned))
    lake.publish(batch, {})
    assert read(lake, lake.scan_sql(TABLE)) == []
    assert read(lake, f"(DESCRIBE SELECT * FROM {lake.scan_sql(TABLE)})")[0][1] == "VARCHAR"
    assert lake.current(TABLE) == {DAY: batch.batch_id}


def test_remove_leaves_the_other_periods(lake: Lake) -> None:
    batch = stage(lake, [("a", 1)])
    lake.publish(batch, {})
    lake.publish(stage(lake, [("b", 1)], NEXT_DAY), {})
    lake.remove(TABLE, DAY, {"by": "me"})
    assert accounts(lake) == [(NEXT_DAY, "b")]
    assert lake.history(TABLE)[-1].action == "remove"
    with pytest.raises(LakeError, match="holds nothing"):
        lake.remove(TABLE, DAY, {})
    lake.publish(batch, {})
    assert accounts(lake) == [(DAY, "a"), (NEXT_DAY, "b")]


def test_older_batch_is_published_again_after_its_snapshot_expired(lake: Lake) -> None:
    first = stage(lake, [("a", 1)])
    lake.publish(first, {})
    for amount in range(4):
        lake.publish(stage(lake, [("b", amount)]), {})
    assert lake.expire(TABLE, keep=1) == 4
    assert len(lake.history(TABLE)) == 1
    again = lake.read_batch(TABLE, DAY, first.batch_id)
    assert lake.check(again) == []
    lake.publish(again, {"action": "rollback"})
    assert accounts(lake) == [(DAY, "a")]


def test_held_snapshots_are_not_expired(lake: Lake) -> None:
    held = lake.publish(stage(lake, [("a", 1)]), {})
    for amount in range(4):
        lake.publish(stage(lake, [("b", amount)]), {})
    assert lake.expire(TABLE, keep=1, hold=[held]) == 3
    assert held in {each.snapshot_id for each in lake.history(TABLE)}
    assert [row[0] for row in read(lake, lake.scan_sql(TABLE, snapshot_id=held))] == ["a"]


def test_refusal_under_the_lock_changes_nothing(lake: Lake) -> None:
    first, second = stage(lake, [("a", 1)]), stage(lake, [("b", 1)])
    before = lake.publish(first, {})
    asked: list[str | None] = []

    def never(standing: str | None) -> bool:
        asked.append(standing)
        return False

    with pytest.raises(PublishRefused, match="may not be replaced"):
        lake.publish(second, {}, may_replace=never)
    assert asked == [first.batch_id]
    assert lake.snapshot_id(TABLE) == before


def test_tagged_snapshot_is_read_unchanged_after_expiry_and_never_moves(lake: Lake) -> None:
    old = lake.publish(stage(lake, [("a", 1)]), {})
    lake.tag(TABLE, "anchor/model-7", old)
    lake.tag(TABLE, "anchor/model-7", old)
    newest = lake.publish(stage(lake, [("b", 2)]), {})
    lake.publish(stage(lake, [("c", 2)]), {})
    lake.expire(TABLE, keep=1)
    tagged = lake.snapshot_at(TABLE, "anchor/model-7")
    assert [row[0] for row in read(lake, lake.scan_sql(TABLE, snapshot_id=tagged))] == ["a"]
    with pytest.raises(LakeError, match="names snapshot"):
        lake.tag(TABLE, "anchor/model-7", newest)
    with pytest.raises(LakeError, match="has no snapshot"):
        lake.scan_sql(TABLE, snapshot_id=newest)


def test_staged_batch_is_read_in_place_of_the_published_one(lake: Lake) -> None:
    lake.publish(stage(lake, [("a", 1)]), {})
    lake.publish(stage(lake, [("b", 1)], NEXT_DAY), {})
    staged = stage(lake, [("z", 1, "x")], columns=with_column("zone"))
    rows = read(lake, lake.scan_sql(TABLE, batches={DAY: staged}))
    assert [(row[0], row[-1]) for row in rows] == [("b", None), ("z", "x")]
    assert [row[0] for row in read(lake, lake.scan_batches_sql([staged]))] == ["z"]


def test_periods_narrow_what_is_read(lake: Lake) -> None:
    for day in (DAY, NEXT_DAY):
        lake.publish(stage(lake, [("a", 1)], day), {})
    assert len(lake.files(TABLE, periods=[NEXT_DAY])) == 1
    assert [row[2] for row in read(lake, lake.scan_sql(TABLE, periods=[NEXT_DAY]))] == [NEXT_DAY]
    assert read(lake, lake.scan_sql(TABLE, periods=[])) == []


def test_commit_of_another_engine_to_another_period_is_kept(lake: Lake) -> None:
    lake.publish(stage(lake, [("a", 1)]), {})
    batch = stage(lake, [("b", 2)])
    foreign = stage(lake, [("x", 3)], NEXT_DAY)
    _publish_while(lake, batch, lambda: _append_unlocked(lake, foreign))
    assert accounts(lake) == [(DAY, "b"), (NEXT_DAY, "x")]


def test_commit_of_another_engine_to_the_same_period_is_seen_and_replaced(lake: Lake) -> None:
    lake.publish(stage(lake, [("a", 1)]), {})
    batch, foreign = stage(lake, [("b", 2)]), stage(lake, [("x", 3)], NEXT_DAY)
    target = stage(lake, [("c", 2)], NEXT_DAY)
    _publish_while(lake, target, lambda: _append_unlocked(lake, foreign))
    lake.publish(batch, {})
    assert accounts(lake) == [(DAY, "b"), (NEXT_DAY, "c")]


def test_writer_that_waits_too_long_for_a_table_says_so(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = stage(lake, [("a", 1)]), stage(lake, [("b", 1)])
    lake.publish(first, {})
    monkeypatch.setattr(locks, "PATIENCE", 1.0)
    monkeypatch.setattr(publisher, "TRIES", 1)

    def meanwhile(_: str | None) -> bool:
        with pytest.raises(LakeError, match="lock"):
            lake.publish(first, {})
        return True

    assert lake.publish(second, {}, may_replace=meanwhile)


def test_namespace_made_by_another_is_used(lake: Lake) -> None:
    lake._catalog.create_namespace("raw")
    lake.publish(stage(lake, [("a", 1)]), {})
    assert lake.tables() == [TABLE]


def test_eight_processes_on_distinct_periods_all_publish(place: Place) -> None:
    calls = [(place, f"2026-11-{10 + number}", 3, False) for number in range(8)]
    assert in_children(publish_some, calls) == [0] * 8
    lake = place.open()
    assert len(lake.current(TABLE)) == 8
    assert accounts(lake) == [(period, f"{period} 2") for _, period, _, _ in calls]
    assert len(lake.history(TABLE)) == 24


def test_eight_processes_on_one_period_leave_exactly_one_batch(place: Place) -> None:
    lake = place.open()
    calls = [(place, DAY, 3, False) for _ in range(8)]
    assert in_children(publish_some, calls) == [0] * 8
    assert accounts(lake) == [(DAY, f"{DAY} 2")]
    assert len(lake.history(TABLE)) == 24


def test_eight_processes_with_one_new_column_agree(place: Place) -> None:
    lake = place.open()
    lake.publish(stage(lake, [("a", 1)]), {})
    calls = [(place, f"2026-12-{10 + number}", 1, True) for number in range(8)]
    assert in_children(publish_some, calls) == [0] * 8
    assert [c.name for c in lake.schema(TABLE)] == ["account", "amount", "_period", "zone"]
    assert len(lake.current(TABLE)) == 9


def test_one_period_in_order_of_what_may_replace(place: Place) -> None:
    """Writers that only let a later name replace an earlier one end with the last name."""
    calls = [(place, number) for number in range(8)]
    codes = in_children(publish_in_order, calls)
    assert set(codes) <= {0, 3}
    assert accounts(place.open()) == [(DAY, "writer 7")]


def _publish_while(lake: Lake, batch: Batch, meanwhile: Any) -> None:
    """Publish, letting something happen between the look at the table and the commit."""
    done = iter([meanwhile])

    def may_replace(_: str | None) -> bool:
        for each in done:
            each()
        return True

    lake.publish(batch, {}, may_replace=may_replace)


def _append_unlocked(lake: Lake, batch: Batch) -> None:
    """Commit as an engine that knows nothing of our locks."""
    table = lake._catalog.load_table(TABLE)
    table.add_files([staged.uri for staged in batch.files])


def test_a_large_batch_lies_in_several_files_and_is_one(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "ROW_GROUP", 4)
    monkeypatch.setattr(parquet, "SPLIT_AT", 100)
    first = stage(lake, [(f"account {number}", number) for number in range(10)])
    assert [each.uri.rsplit("/")[-1] for each in first.files] == [
        "part-0.parquet", "part-0-1.parquet", "part-0-2.parquet",
    ]  # fmt: skip
    assert [each.rows for each in first.files] == [4, 4, 2]
    assert lake.check(first) == []
    lake.publish(first, {})
    lake.publish(stage(lake, [("b", 1)], NEXT_DAY), {})
    assert len(lake.history(TABLE)) == 2
    assert len(accounts(lake)) == 11
    lake.publish(stage(lake, [("c", 1)]), {})
    assert accounts(lake) == [(DAY, "c"), (NEXT_DAY, "b")]
    lake.publish(first, {"action": "rollback"})
    assert lake.current(TABLE)[DAY] == first.batch_id
    assert len(accounts(lake)) == 11
    lake.remove(TABLE, DAY, {})
    assert accounts(lake) == [(NEXT_DAY, "b")]
