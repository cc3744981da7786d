"""An S3 server that answers 500, is slow and cuts connections: nothing torn, nothing lost.

Every step is repeated until it is through, as a scheduler does, and whoever reads past the
failing server sees after each failure either what was there before the step or all of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from failing_server import FailingProxy
from killed_cycle import TASKS, Cycle
from killed_readers import Seen, seen_by_iceberg, seen_by_wharf, told, whole
from lake_world import DAY, NEXT_DAY, TABLE, Place, accounts, place_of, stage, stage_named
from lost_world import Silence

from wharf.batches import load_dataframe
from wharf.errors import LakeError, LakeUnreached, WharfError
from wharf.lake import Batch, Landing

TRIES = 40
Done = TypeVar("Done")


@pytest.fixture
def plain(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A lake on S3 that is reached past the failing server."""
    yield from place_of("sqlite on s3", tmp_path, request.getfixturevalue)


@contextmanager
def failing(plain: Place, seed: int, share: float) -> Iterator[tuple[Place, FailingProxy]]:
    """The same lake behind a server that fails for a share of the requests."""
    with FailingProxy(plain.s3["endpoint"], seed, share).running() as proxy:
        yield replace(plain, s3={**plain.s3, "endpoint": proxy.endpoint}), proxy


def until_done(work: Callable[[], Done], look: Callable[[], None] = lambda: None) -> Done:
    """Do a step again until it is through, looking at what readers see after each failure."""
    for _ in range(TRIES):
        try:
            return work()
        except LakeError as error:
            assert "again" in str(error), error  # noqa: PT017
            look()
    raise AssertionError(f"not through after {TRIES} tries")


def live(plain: Place, behind: Place, period: str, file: Path) -> None:
    """Land a file, publish, restate, roll back and read, all behind the failing server."""
    reader, lake = plain.open(), until_done(behind.open)
    landing = Landing(behind.warehouse.replace("/lake", "/landing"), behind.s3)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    named = {"feed": "acme.prices", "period": period, "part": "", "sha256": sha256}
    uri = until_done(lambda: landing.store(file, **named, name="prices.csv"))
    copy = file.with_suffix(".back")
    assert until_done(lambda: landing.fetch(uri, copy)).read_bytes() == file.read_bytes()

    def sees() -> list[Any]:
        return [row for row in accounts(reader) if row[0] == period] if reader.has(TABLE) else []

    def move(batch: Batch, **said: str) -> None:
        before = sees()
        after = [(period, f"{batch.batch_id}")]

        def look() -> None:
            assert sees() in (before, after)

        until_done(lambda: lake.publish(lake.read_batch(TABLE, period, batch.batch_id), said), look)
        assert sees() == after

    first, second = (until_done(lambda: stage_named(lake, period)) for _ in range(2))
    assert until_done(lambda: lake.check(first)) == []
    for batch, action in ((first, "publish"), (second, "publish"), (first, "rollback")):
        move(batch, action=action)
    frame = until_done(lambda: load_dataframe(lake, TABLE, period, kind="arrow"))
    assert frame["account"].to_pylist() == [first.batch_id]
    moved = [each for each in reader.history(TABLE) if each.period == period]
    assert [(each.action, each.batch_id) for each in moved] == [
        ("publish", first.batch_id),
        ("publish", second.batch_id),
        ("rollback", first.batch_id),
    ]


@pytest.mark.parametrize(
    ("seed", "share"),
    [(1, 0.12), *(pytest.param(seed, 0.35, marks=pytest.mark.slow) for seed in range(2, 8))],
)
def test_a_lake_on_a_server_that_fails_is_slow_and_whole(
    seed: int, share: float, plain: Place, tmp_path: Path
) -> None:
    file = tmp_path / "prices.csv"
    file.write_text("id,price\na,1\n")
    untouched = stage(plain.open(), [("kept", 1)], NEXT_DAY)
    plain.open().publish(untouched, {})
    with failing(plain, seed, share) as (behind, proxy):
        live(plain, behind, DAY, file)
        assert proxy.injected.total() > 5, proxy.injected
    assert (NEXT_DAY, "kept") in accounts(plain.open())


@pytest.mark.parametrize("end", [".metadata.json", "-m0.avro", "_batch.json", "part-0.parquet"])
def test_an_answer_lost_after_a_file_was_written_is_found_out_by_a_retry(
    end: str, plain: Place
) -> None:
    lake = plain.open()
    lake.publish(stage_named(lake, DAY), {})
    with failing(plain, 1, 0) as (behind, proxy):
        proxy.wanted["PUT", end] = proxy.wanted["POST", end] = "cut after"
        hindered = behind.open()
        batch = until_done(lambda: stage_named(hindered, DAY))
        until_done(lambda: hindered.publish(batch, {}))
        assert proxy.injected["cut after"] >= 1
    assert accounts(lake) == [(DAY, batch.batch_id)]
    assert [each.batch_id for each in lake.history(TABLE)][1:] == [batch.batch_id]


def test_a_server_that_answers_nothing_but_500_is_named_and_nothing_changes(plain: Place) -> None:
    lake = plain.open()
    first = stage_named(lake, DAY)
    lake.publish(first, {})
    second = stage_named(lake, DAY)
    with failing(plain, 1, 0) as (behind, proxy):
        hindered = behind.open()
        proxy.share, proxy.faults = 1.0, ("500",)
        for step in (
            lambda: hindered.check(second),
            lambda: hindered.publish(second, {}),
            lambda: hindered.read_batch(TABLE, DAY, first.batch_id),
            lambda: load_dataframe(hindered, TABLE, DAY),
        ):
            with pytest.raises(LakeUnreached, match="again"):
                step()
        assert accounts(lake) == [(DAY, first.batch_id)]
        proxy.share = 0.0
        hindered.publish(second, {})
    assert accounts(lake) == [(DAY, second.batch_id)]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_feed_whose_files_lie_on_a_failing_server_ends_as_if_nothing_had_happened(
    seed: int, plain: Place, tmp_path: Path
) -> None:
    first, second = "2026-01-01", "2026-01-02"
    place = cycle_on(tmp_path / "place", plain)
    place.prepare()
    step(place, second, "publish 3")
    with failing(plain, seed, 0.3) as (behind, proxy):
        hindered = cycle_on(tmp_path / "place", behind)
        for number, task in enumerate(TASKS):
            before = seen(place, first)
            for _ in range(TRIES):
                try:
                    step(hindered, first, task)
                    break
                except WharfError as error:
                    assert isinstance(error, LakeError), error  # noqa: PT017
                    assert seen(place, first) in {before, shown(place, first, number)}
            assert seen(place, first) == shown(place, first, number)
        assert proxy.injected.total() > 100, proxy.injected
    assert seen(place, second) == whole(place, second, 3)
    assert told(place, first) == told(place, second)


def cycle_on(root: Path, place: Place) -> Cycle:
    settings = {f"WHARF_S3_{key.upper()}": value for key, value in place.s3.items()}
    landing = place.warehouse.replace("/lake", "/landing")
    return Cycle(root, {"WHARF_WAREHOUSE": place.warehouse, "WHARF_LANDING": landing, **settings})


def step(place: Cycle, day: str, task: str) -> None:
    tasks = TASKS[: TASKS.index(task) + 1]
    place.live(day, (), Silence(), tasks)  # type: ignore[arg-type]


def seen(place: Cycle, day: str) -> Seen | None:
    found = seen_by_iceberg(place)
    assert found == seen_by_wharf(place)
    return found.get(day)


def shown(place: Cycle, day: str, number: int) -> Seen | None:
    """What readers are to see once so many tasks are done."""
    reads = {"publish 1": 1, "publish 2": 2, "rollback 1": 1, "publish 3": 3}
    done = [reads[task] for task in TASKS[: number + 1] if task in reads]
    return whole(place, day, done[-1] if done else 0)
