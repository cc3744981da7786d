"""A lake on S3 behind a proxy that fails: nothing torn, nothing lost, every retry converges."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from failing_server import FailingProxy
from killed_cycle import TASKS, Cycle
from killed_readers import Seen, seen_by_iceberg, seen_by_wharf, told, whole
from lost_world import Silence
from server_world import S3Server, missing_s3, running_s3

from wharf.errors import WharfError

DAY, OTHER = "2026-01-01", "2026-01-02"
TRIES = 12


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    if missing := missing_s3():
        pytest.skip(missing)
    with running_s3(tmp_path_factory.mktemp("s3")) as running:
        yield running


def place_on(root: Path, server: S3Server, endpoint: str, bucket: str) -> Cycle:
    return Cycle(
        root,
        {
            "WHARF_WAREHOUSE": f"s3://{bucket}/lake",
            "WHARF_LANDING": f"s3://{bucket}/landing",
            "WHARF_S3_ENDPOINT": endpoint,
            "WHARF_S3_ACCESS_KEY_ID": server.access_key_id,
            "WHARF_S3_SECRET_ACCESS_KEY": server.secret_access_key,
            "WHARF_S3_REGION": "us-east-1",
        },
    )


def seen(place: Cycle, day: str) -> Seen | None:
    found = seen_by_iceberg(place)
    assert found == seen_by_wharf(place)
    return found.get(day)


def step(place: Cycle, day: str, task: str) -> None:
    tasks = TASKS[: TASKS.index(task) + 1]
    place.live(day, (), Silence(), tasks)  # type: ignore[arg-type]


def version_after(task: str) -> int:
    reads = {"publish 1": 1, "publish 2": 2, "rollback 1": 1, "publish 3": 3}
    done = TASKS[: TASKS.index(task) + 1]
    return next((reads[each] for each in reversed(done) if each in reads), 0)


@pytest.mark.parametrize("seed", [1])
def test_an_s3_server_that_fails_costs_retries_and_nothing_else(
    seed: int, server: S3Server, tmp_path: Path
) -> None:
    bucket = f"failing-{seed}"
    server.make_bucket(bucket)
    plain = place_on(tmp_path / "place", server, server.endpoint, bucket)
    plain.prepare()
    step(plain, OTHER, "publish 3")
    with FailingProxy(server.endpoint, seed, share=0.12).running() as proxy:
        behind = place_on(tmp_path / "place", server, proxy.endpoint, bucket)
        for task in TASKS:
            before = seen(plain, DAY)
            for _ in range(TRIES):
                try:
                    step(behind, DAY, task)
                    break
                except WharfError:
                    assert seen(plain, DAY) in {before, whole(plain, DAY, version_after(task))}
            assert seen(plain, DAY) == whole(plain, DAY, version_after(task))
        assert proxy.injected.total() > 5, proxy.injected
    assert seen(plain, OTHER) == whole(plain, OTHER, 3)
    assert told(plain, DAY) == told(plain, OTHER)


@pytest.mark.parametrize("fault", ["cut after"])
@pytest.mark.parametrize("end", [".metadata.json", ".avro", "_batch.json", "part-0.parquet"])
def test_a_connection_cut_when_a_file_was_written_leaves_its_retry_to_find_out(
    fault: str, end: str, server: S3Server, tmp_path: Path
) -> None:
    bucket = f"cut-{fault}-{end}".replace(" ", "-").replace(".", "").replace("_", "")
    server.make_bucket(bucket)
    plain = place_on(tmp_path / "place", server, server.endpoint, bucket)
    plain.prepare()
    step(plain, DAY, "publish 1")
    with FailingProxy(server.endpoint, 1, share=0).running() as proxy:
        behind = place_on(tmp_path / "place", server, proxy.endpoint, bucket)
        proxy.wanted["PUT", end] = fault
        for _ in range(TRIES):
            try:
                step(behind, DAY, "publish 2")
                break
            except WharfError:
                assert seen(plain, DAY) in {whole(plain, DAY, 1), whole(plain, DAY, 2)}
        assert proxy.injected.total() == 1
    assert seen(plain, DAY) == whole(plain, DAY, 2)
    assert told(plain, DAY)[2] == [("publish", 1), ("publish", 2)]
    shutil.rmtree(tmp_path / "place")
