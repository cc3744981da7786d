"""The Spark job: distributes splits, not rows. Launched by spark-submit with one job file.

The only file that imports pyspark. Executors need this package (sent as a zip), pyarrow and
ONNX Runtime; the model travels inside the job.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from wharf.scoring.files import Files
from wharf.scoring.job import (
    ScoreJob,
    ScoreResult,
    make_result,
    new_token,
    read_job,
    write_result,
)
from wharf.scoring.resources import describe_difference, read_from
from wharf.scoring.splits import Split
from wharf.scoring.task import ScoredFile
from wharf.settings import read_settings

if TYPE_CHECKING:
    from pyspark import SparkContext


def main(arguments: list[str]) -> None:
    """Run the job file named as the only argument."""
    from pyspark import SparkConf, SparkContext

    job = read_job(arguments[0])
    context = SparkContext(conf=SparkConf())
    context.setLogLevel("WARN")
    try:
        result = run_job(context, job)
    finally:
        context.stop()
    _say({"rows": result.rows, "files": len(result.files), "seconds": round(result.seconds, 3)})


def run_job(context: SparkContext, job: ScoreJob) -> ScoreResult:
    """Say which resources the job has, score every split, write the result."""
    resources = read_from(dict(context.getConf().getAll()))
    master = str(context.master)
    _say({"master": master, "resources": resources})
    for line in describe_difference(job.resources, resources, master):
        _say({"note": line})
    started = time.perf_counter()
    files = _distribute(context, job) if job.splits else []
    seconds = time.perf_counter() - started
    result = make_result(job, f"spark {context.version}", files, seconds, resources)
    write_result(job, result)
    return result


def _distribute(context: SparkContext, job: ScoreJob) -> list[ScoredFile]:
    artifact = context.broadcast(job.read_artifact())
    task, files, launch = job.task, Files(dict(read_settings().s3)), new_token()

    def score(splits: Iterable[Split]) -> Iterator[ScoredFile]:
        from pyspark import TaskContext

        from wharf.scoring.task import score_split

        running = TaskContext.get()
        attempt = f"{running.attemptNumber() if running else 0}-{launch}"
        for split in splits:
            yield score_split(task, split, artifact=artifact.value, files=files, attempt=attempt)

    return context.parallelize(job.splits, len(job.splits)).mapPartitions(score).collect()


def _say(fact: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"wharf_scoring": fact}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
