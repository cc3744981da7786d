"""What spark-submit is told: the model file's resources, on the master that the settings name."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from wharf.airflow.score_task import Score, _name_master
from wharf.contracts import Product
from wharf.contracts.model import Resources
from wharf.contracts.spec import build, parse_yaml
from wharf.scoring import asked_resources, submit_arguments
from wharf.scoring.job import ScoreJob
from wharf.scoring.task import Task
from wharf.settings import read_settings

PRODUCT = """
product: risk
active: {from: "2026-11-02"}
period: {kind: day}
timeliness: {tz: UTC, decide_at: "T+1d 07:30", due: "T+1d 08:00", cutoff: "T+3d 18:00"}
steps: [{score: residential}]
"""
ASKED = Resources(
    executors=3,
    executor_cores=2,
    executor_memory="700m",
    memory_overhead="200m",
    driver_max_result_size="300m",
    shuffle_partitions=7,
)


def command(master: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    settings = read_settings({"WHARF_HOME": str(folder), "WHARF_SPARK_MASTER": master})
    job = ScoreJob(
        path=str(folder / "job.json"),
        model="residential",
        version=1,
        artifact="",
        product="risk",
        period="2026-11-20",
        manifest_id="m",
        table="scores.residential",
        batch_id="b",
        now=datetime(2026, 11, 20, tzinfo=UTC),
        task=Task("", (), (), {}, 0.5, ""),
        splits=(),
        resources=asked_resources(ASKED),
    )
    product = build(Product, parse_yaml(PRODUCT, "risk.yaml"), "risk.yaml")
    task = Score(task_id="score", product=product, project=folder, index=0)
    monkeypatch.setenv("AIRFLOW_CONN_WHARF_SPARK", "")
    task._take(submit_arguments(job, settings))
    _name_master(settings.spark_master)
    made: list[str] = task._get_hook()._build_spark_submit_command(task.application)
    return made


def conf(made: list[str]) -> dict[str, str]:
    pairs = [made[at + 1] for at, word in enumerate(made) if word == "--conf"]
    return dict(pair.split("=", 1) for pair in pairs)


def option(made: list[str], name: str) -> str | None:
    return made[made.index(name) + 1] if name in made else None


def test_all_six_resource_settings_reach_a_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = command("spark://127.0.0.1:7077", tmp_path, monkeypatch)
    assert option(made, "--master") == "spark://127.0.0.1:7077"
    assert option(made, "--executor-cores") == "2"
    assert option(made, "--executor-memory") == "700m"
    assert option(made, "--total-executor-cores") == "6"
    settings = conf(made)
    assert settings["spark.executor.instances"] == "3"
    assert settings["spark.executor.memoryOverhead"] == "200m"
    assert settings["spark.driver.maxResultSize"] == "300m"
    assert settings["spark.sql.shuffle.partitions"] == "7"
    assert made[-1] == str(tmp_path / "job.json")


def test_one_process_gets_only_what_has_a_meaning_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = command("local[2]", tmp_path, monkeypatch)
    assert option(made, "--master") == "local[2]"
    assert option(made, "--executor-memory") is None
    assert conf(made)["spark.driver.maxResultSize"] == "300m"


def test_nothing_of_yarn_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not [word for word in command("local[2]", tmp_path, monkeypatch) if "spark.yarn" in word]
