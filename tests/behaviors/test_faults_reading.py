"""Files of the lake that cannot be read for a while: named, and nothing half done."""

from __future__ import annotations

from pathlib import Path

import pytest
from failing_disk import unreadable
from killed_cycle import TABLE, TASKS, Cycle
from killed_readers import seen_by_iceberg, seen_by_wharf, told, whole
from lake_world import DAY as TODAY
from lake_world import TABLE as PRICES
from lake_world import Place, accounts, local_place, stage
from lost_world import Silence

from wharf.batches import load_dataframe
from wharf.errors import LakeError, LakeUnreached
from wharf.ledger import batches

DAY = "2026-01-01"


def go(place: Cycle, until: str) -> None:
    tasks = TASKS[: TASKS.index(until) + 1]
    place.live(DAY, (), Silence(), tasks)  # type: ignore[arg-type]


@pytest.fixture
def place(tmp_path: Path) -> Cycle:
    place = Cycle(tmp_path / "place")
    place.prepare()
    go(place, "stage 2")
    return place


@pytest.mark.parametrize("pattern", [r"part-0\.parquet$", r"_batch\.json$", r"m0\.avro$",
                                     r"snap-.*\.avro$", r"\.metadata\.json$"])  # fmt: skip
def test_a_file_that_cannot_be_read_is_named_and_puts_no_batch_into_quarantine(
    pattern: str, place: Cycle
) -> None:
    with unreadable(pattern) as asked:
        for _ in range(2):
            with pytest.raises(LakeError, match="Input/output error") as failed:
                go(Cycle(place.root), "publish 2")
            assert isinstance(failed.value, LakeUnreached)
    assert asked
    assert seen_by_iceberg(place) == seen_by_wharf(place) == {DAY: whole(place, DAY, 1)}
    with place.intake.ledger.read() as tx:
        states = [row.status for row in batches.batches_of(tx, TABLE, DAY)]
    assert states in (["PUBLISHED", "STAGED"], ["PUBLISHED", "AUDITED"])
    go(Cycle(place.root), "publish 2")
    assert seen_by_iceberg(place) == {DAY: whole(place, DAY, 2)}
    assert told(place, DAY)[2] == [("publish", 1), ("publish", 2)]


def test_a_data_file_that_is_gone_is_an_error_of_the_lake_and_not_of_an_engine(
    tmp_path: Path,
) -> None:
    place: Place = local_place(tmp_path)
    lake = place.open()
    batch = stage(lake, [("a", 1)])
    lake.publish(batch, {})
    file = Path(batch.files[0].uri.removeprefix("file://"))
    away = file.rename(file.with_suffix(".away"))
    with pytest.raises(LakeUnreached, match="files cannot be read, try again"):
        load_dataframe(lake, PRICES, TODAY)
    away.rename(file)
    assert accounts(lake) == [(TODAY, "a")]
