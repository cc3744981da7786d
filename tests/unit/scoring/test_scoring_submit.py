"""What is handed to spark-submit: the operator's own arguments, and nothing without meaning."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from scoring_world import a_model

from wharf.scoring import asked_resources, submit_command, submit_template
from wharf.scoring.resources import describe_difference
from wharf.scoring.submit import package_path, write_package
from wharf.settings import Settings, read_settings

PACKAGE = Path(inspect.getfile(submit_command)).parents[1]
RESOURCES = asked_resources(a_model().resources)


def settings(tmp_path: Path, master: str) -> Settings:
    return read_settings({"WHARF_HOME": str(tmp_path), "WHARF_SPARK_MASTER": master})


def test_cluster_gets_all_six_settings(tmp_path: Path) -> None:
    arguments = submit_template(
        "residential", RESOURCES, settings(tmp_path, "spark://spark-master:7077"), job_file="j"
    )
    assert arguments["executor_cores"] == 2
    assert arguments["executor_memory"] == "2g"
    assert arguments["num_executors"] == 2
    assert arguments["total_executor_cores"] == 4
    conf = arguments["conf"]
    assert conf["spark.executor.instances"] == "2"
    assert conf["spark.executor.memoryOverhead"] == "512m"
    assert conf["spark.driver.maxResultSize"] == "256m"
    assert conf["spark.sql.shuffle.partitions"] == "64"
    assert "spark.driver.host" not in conf
    assert "SPARK_LOCAL_IP" not in arguments["env_vars"]


@pytest.mark.parametrize("master", ["local[*]", "local[2]", "local"])
def test_local_mode_is_asked_only_for_what_it_has(tmp_path: Path, master: str) -> None:
    arguments = submit_template("residential", RESOURCES, settings(tmp_path, master), job_file="j")
    assert "executor_memory" not in arguments
    assert "spark.executor.memoryOverhead" not in arguments["conf"]
    assert arguments["conf"]["spark.driver.bindAddress"] == "127.0.0.1"


def test_what_local_mode_dropped_is_said() -> None:
    found = dict.fromkeys(RESOURCES) | {
        "driver_max_result_size": "256m",
        "shuffle_partitions": "64",
    }
    assert describe_difference(RESOURCES, found, "local[2]") == [
        "local[2] is one process on this machine: executors, executor_cores, executor_memory, "
        "memory_overhead have no meaning there and were dropped"
    ]


def test_setting_that_arrived_changed_is_said() -> None:
    found = {**RESOURCES, "executor_memory": "1g"}
    assert describe_difference(RESOURCES, found, "spark://m:7077") == [
        "executor_memory is 1g, the model file says 2g"
    ]


def test_operator_knows_every_argument(tmp_path: Path) -> None:
    files = metadata.files("apache-airflow-providers-apache-spark") or []
    source = next(file for file in files if file.match("operators/spark_submit.py"))
    tree = ast.parse(Path(source.locate()).read_text())
    operator = next(
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name == "SparkSubmitOperator"
    )
    init = next(
        node
        for node in operator.body
        if isinstance(node, ast.FunctionDef) and node.name == "__init__"
    )
    arguments = submit_template(
        "residential", RESOURCES, settings(tmp_path, "spark://m:7077"), job_file="j"
    )
    assert set(arguments) <= {argument.arg for argument in init.args.kwonlyargs}


def test_command_line_carries_the_same(tmp_path: Path) -> None:
    here = settings(tmp_path, "spark://127.0.0.1:7177")
    command = submit_command(
        submit_template("residential", RESOURCES, here, job_file="/jobs/a b.json"),
        here.spark_master,
    )
    assert command[1:3] == ["--master", "spark://127.0.0.1:7177"]
    assert command[command.index("--executor-memory") + 1] == "2g"
    assert "spark.sql.shuffle.partitions=64" in command
    assert command[-1] == "/jobs/a b.json"


def test_executors_can_score_with_what_is_sent_alone(tmp_path: Path) -> None:
    here = settings(tmp_path, "local[2]")
    package = write_package(here)
    assert package == package_path(here)
    code = (
        "import sys, wharf.scoring.task, wharf.scoring.spark as s; print(s.__file__);"
        "assert not {'pyiceberg','sqlalchemy','pydantic','sklearn','pyspark'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(str(package))


def test_packing_the_code_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    here = settings(tmp_path, "local[2]")
    first = write_package(here).read_bytes()
    assert write_package(here).read_bytes() == first
    with zipfile.ZipFile(package_path(here)) as archive:
        assert "wharf/scoring/task.py" in archive.namelist()


def test_pyspark_is_imported_in_one_file() -> None:
    importing = [
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if any(
            line.lstrip().startswith(("import pyspark", "from pyspark"))
            for line in path.read_text().splitlines()
        )
    ]
    assert importing == ["scoring/spark.py"]
