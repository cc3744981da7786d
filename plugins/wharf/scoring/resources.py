"""The six resource settings of a scoring job: as the model file, Spark and the log spell them."""

from __future__ import annotations

from collections.abc import Mapping

SPARK_KEYS = {
    "executors": "spark.executor.instances",
    "executor_cores": "spark.executor.cores",
    "executor_memory": "spark.executor.memory",
    "memory_overhead": "spark.executor.memoryOverhead",
    "driver_max_result_size": "spark.driver.maxResultSize",
    "shuffle_partitions": "spark.sql.shuffle.partitions",
}
"""Setting of the model file -> Spark's name."""

OF_EXECUTORS = ("executors", "executor_cores", "executor_memory", "memory_overhead")
"""What means nothing in local mode, where driver and executor are one process."""


def is_local(master: str) -> bool:
    """Whether a Spark master address means one process on this machine."""
    return master == "local" or master.startswith("local[")


def read_from(conf: Mapping[str, str]) -> dict[str, str | None]:
    """The six settings as a running Spark's configuration has them; None where it has none."""
    return {name: conf.get(key) for name, key in SPARK_KEYS.items()}


def describe_difference(
    asked: Mapping[str, str], found: Mapping[str, str | None], master: str
) -> list[str]:
    """Sentences about every setting that did not arrive as asked."""
    lines = []
    dropped = [name for name in SPARK_KEYS if found.get(name) is None and name in asked]
    meaningless = [name for name in dropped if is_local(master) and name in OF_EXECUTORS]
    if meaningless:
        lines.append(
            f"{master} is one process on this machine: {', '.join(meaningless)} have no meaning "
            "there and were dropped"
        )
    if others := [name for name in dropped if name not in meaningless]:
        lines.append(f"{master} was not given {', '.join(others)}")
    lines += [
        f"{name} is {found[name]}, the model file says {asked[name]}"
        for name in SPARK_KEYS
        if found.get(name) is not None and name in asked and found[name] != asked[name]
    ]
    return lines
