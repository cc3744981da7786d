"""Full disks and failing syncs: a named error, nothing torn, and a retry that converges."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from failing_disk import Syncs, files_named_by, may_mount, nearly_full, small_disk
from killed_cycle import TABLE, TASKS, Cycle
from killed_readers import seen_by_iceberg, seen_by_wharf, told, whole
from lost_world import NOW, Silence

from wharf.errors import WharfError
from wharf.ledger import deliveries

DAY = "2026-01-01"
FIRST = TASKS[:4]
KINDS = {
    "landing": r"/work/land-.*/file$",
    "folder of the landing area": r"/landing/.*/[0-9a-f]{64}$",
    "data": r"/work/.*\.parquet$",
    "record": r"/\._batch\.json",
    "folder of the batch": r"Z-[0-9a-f]{6}$",
    "manifest": r"/[0-9a-f-]+-m\d+\.avro$",
    "manifest list": r"/snap-.*\.avro$",
    "metadata": r"\.metadata\.json$",
    "folder of the metadata": r"/metadata$",
}


def go(place: Cycle, tasks: tuple[str, ...] = FIRST) -> None:
    """Do what is left of the day, as a retry does it."""
    place.live(DAY, (), Silence(), tasks)  # type: ignore[arg-type]


def new_place(root: Path) -> Cycle:
    place = Cycle(root)
    place.prepare()
    assert place.intake
    return place


def readers_agree(place: Cycle) -> dict[str, object]:
    seen = seen_by_iceberg(place)
    assert seen == seen_by_wharf(place)
    return dict(seen)


def everything_is_synced(place: Cycle, syncs: Syncs) -> None:
    settings = place.settings
    named = files_named_by(settings.catalog_url, settings.warehouse, TABLE)
    with place.intake.ledger.read() as tx:
        named += [row.uri for row in deliveries.deliveries_of(tx, "acme.prices", DAY)]
    batch_id = place.batch_of(DAY, 1)
    named.append(f"{place.intake.lake.batch_dir(TABLE, DAY, batch_id)}/_batch.json")
    assert [path for path in named if not syncs.has(path)] == []


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What an undisturbed delivery syncs, in order."""
    place = new_place(tmp_path_factory.mktemp("undisturbed") / "place")
    with Syncs().standing() as syncs:
        go(place)
    everything_is_synced(place, syncs)
    return syncs.asked


@pytest.mark.parametrize("kind", KINDS)
def test_a_failing_sync_is_no_success_and_a_retry_writes_anew(
    kind: str, asked: list[str], tmp_path: Path
) -> None:
    wanted = re.compile(KINDS[kind])
    number = next(n for n, path in enumerate(asked, 1) if wanted.search(path))
    a_failing_sync_converges(number, tmp_path)


@pytest.mark.slow
def test_each_failing_sync_is_no_success_and_a_retry_writes_anew(
    asked: list[str], tmp_path: Path
) -> None:
    for number in range(1, len(asked) + 1):
        a_failing_sync_converges(number, tmp_path / str(number))


def a_failing_sync_converges(number: int, root: Path) -> None:
    place = new_place(root / "place")
    with Syncs(failing=number).standing() as syncs:
        try:
            go(place)
        except WharfError as error:
            assert "Input/output error" in str(error)  # noqa: PT017
            published = whole(place, DAY, 1) if "publish 1" in done(place) else None
            assert readers_agree(place).get(DAY) in {published, whole(place, DAY, 1)}
        assert len(syncs.asked) >= number
        go(Cycle(place.root))
        assert syncs.repeated == []
        everything_is_synced(place, syncs)
    assert readers_agree(place) == {DAY: whole(place, DAY, 1)}


def done(place: Cycle) -> list[str]:
    return [each.task for each in place.acknowledged(DAY)]


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    if not may_mount():
        pytest.skip("needs the right to mount a small disk")
    with small_disk(tmp_path_factory.mktemp("disk") / "small", 16) as folder:
        yield folder


LEFT = (0, 4096, 12_288, 20_480, 32_768, 49_152, 65_536, 98_304)


@pytest.mark.parametrize("step", ["land", "stage", "audit", "publish"])
def test_a_full_disk_is_named_tears_nothing_and_a_retry_goes_on(step: str, disk: Path) -> None:
    place = new_place(disk / step)
    tasks = TASKS[: TASKS.index(f"{step} 2") + 1]
    go(place, TASKS[: TASKS.index(f"{step} 2")])
    place.supply(place.feed.parse_period(DAY), 2, NOW)
    refused = []
    for left in LEFT:
        with nearly_full(disk, left):
            try:
                go(Cycle(place.root), tasks)
            except WharfError as error:
                refused.append(str(error))
            seen = readers_agree(place)[DAY]
        if f"{step} 2" in done(place):
            break
        assert seen in {whole(place, DAY, 1), whole(place, DAY, 2)}
    assert refused, "the disk was never full"
    for message in refused:
        assert "full" in message, message
        assert "again" in message, message
    go(Cycle(place.root), TASKS[:8])
    assert readers_agree(place) == {DAY: whole(place, DAY, 2)}
    landed, made, moved = told(place, DAY)
    assert [row[0] for row in landed] == ["NEW", "RESTATEMENT"]  # type: ignore[attr-defined]
    assert [row[1] for row in made] == ["SUPERSEDED", "PUBLISHED"]  # type: ignore[attr-defined]
    assert moved == [("publish", 1), ("publish", 2)]
