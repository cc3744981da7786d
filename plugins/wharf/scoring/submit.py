"""How a scoring job is handed to Spark: the arguments of spark-submit, and the code it sends."""

from __future__ import annotations

import io
import os
import secrets
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from wharf.contracts.model import Resources
from wharf.scoring.job import ScoreJob
from wharf.scoring.resources import SPARK_KEYS, is_local
from wharf.settings import Settings

_PACKAGE = Path(__file__).parents[1]
_SENT = ("__init__.py", "errors.py", "settings.py", "scoring/**/*.py")
_ON_THIS_MACHINE = {"127.0.0.1", "localhost", "::1"}


def asked_resources(resources: Resources) -> dict[str, str]:
    """The six settings of a model file, as text."""
    return {name: str(getattr(resources, name)) for name in SPARK_KEYS}


def submit_arguments(job: ScoreJob, settings: Settings) -> dict[str, Any]:
    """The arguments of a `SparkSubmitOperator` for a prepared job; see `submit_template`."""
    return submit_template(job.model, job.resources, settings, job_file=job.path)


def submit_template(
    model: str, resources: Mapping[str, str], settings: Settings, *, job_file: str
) -> dict[str, Any]:
    """The arguments of a `SparkSubmitOperator`, known before there is a job.

    The master comes from the operator's connection and must be `settings.spark_master`.

    Args:
        model: The model's name.
        resources: The six settings of its file, see `asked_resources`.
        settings: Where this installation is.
        job_file: Path of the job file, or the template that becomes it.
    """
    arguments: dict[str, Any] = {
        "application": str(Path(__file__).with_name("spark.py")),
        "application_args": [job_file],
        "name": f"wharf-score-{model}",
        "py_files": str(package_path(settings)),
        "spark_binary": str(Path(sys.prefix) / "bin" / "spark-submit"),
        "conf": _conf(resources, settings.spark_master),
        "env_vars": _environment(settings.spark_master),
    }
    if not is_local(settings.spark_master):
        executors, cores = int(resources["executors"]), int(resources["executor_cores"])
        arguments |= {
            "num_executors": executors,
            "executor_cores": cores,
            "executor_memory": resources["executor_memory"],
            "total_executor_cores": executors * cores,
        }
    return arguments


def submit_command(arguments: Mapping[str, Any], master: str) -> list[str]:
    """The same arguments as a command line, for launching without Airflow.

    The arguments' `env_vars` must be added to the environment.
    """
    options = {
        "--name": arguments["name"],
        "--py-files": arguments["py_files"],
        "--num-executors": arguments.get("num_executors"),
        "--executor-cores": arguments.get("executor_cores"),
        "--executor-memory": arguments.get("executor_memory"),
        "--total-executor-cores": arguments.get("total_executor_cores"),
    }
    command = [arguments["spark_binary"], "--master", master]
    for option, value in options.items():
        if value is not None:
            command += [option, str(value)]
    for key, value in arguments["conf"].items():
        command += ["--conf", f"{key}={value}"]
    return [*command, arguments["application"], *arguments["application_args"]]


def package_path(settings: Settings) -> Path:
    """Where the code for the executors lies once a job was prepared."""
    return settings.work / "scoring" / "wharf.zip"


def write_package(settings: Settings) -> Path:
    """Pack what executors need of this package; the same code gives the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted({path for pattern in _SENT for path in _PACKAGE.glob(pattern)}):
            entry = zipfile.ZipInfo(f"wharf/{path.relative_to(_PACKAGE)}", (1980, 1, 1, 0, 0, 0))
            archive.writestr(entry, path.read_bytes())
    target = package_path(settings)
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.is_file() or target.read_bytes() != buffer.getvalue():
        part = target.with_name(f"{target.name}.{secrets.token_hex(3)}.part")
        part.write_bytes(buffer.getvalue())
        part.rename(target)
    return target


def _conf(resources: Mapping[str, str], master: str) -> dict[str, str]:
    conf = {
        SPARK_KEYS["driver_max_result_size"]: resources["driver_max_result_size"],
        SPARK_KEYS["shuffle_partitions"]: resources["shuffle_partitions"],
        # One thread for each task: the splits are the parallelism.
        "spark.executorEnv.OMP_NUM_THREADS": "1",
        "spark.task.maxFailures": "4",
        "spark.ui.enabled": "false",
    }
    if not is_local(master):
        conf[SPARK_KEYS["executors"]] = resources["executors"]
        conf[SPARK_KEYS["memory_overhead"]] = resources["memory_overhead"]
    if _stays_here(master):
        conf |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    return conf


def _environment(master: str) -> dict[str, str]:
    environment = {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable}
    java = Path(sys.prefix) / "jre"
    if os.access(java / "bin" / "java", os.X_OK):
        environment["JAVA_HOME"] = str(java)
    if _stays_here(master):
        environment["SPARK_LOCAL_IP"] = "127.0.0.1"
    return environment


def _stays_here(master: str) -> bool:
    return is_local(master) or urlsplit(master).hostname in _ON_THIS_MACHINE
