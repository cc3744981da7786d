"""A scoring job as a file: what was planned, handed to whoever runs it, and what came out.

`run_here` runs it without Spark; `spark.py` runs the same splits in executors.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from wharf.errors import ModelError
from wharf.scoring.files import Files
from wharf.scoring.splits import Split
from wharf.scoring.task import FileColumn, ScoredFile, Task, score_split


@dataclass(frozen=True)
class ScoreJob:
    """One table of scores to be made: everything a runner needs but credentials."""

    path: str
    """The job file itself; its folder holds the result."""
    model: str
    version: int
    artifact: str
    """Path of the model's zip, read by the driver only."""
    product: str
    period: str
    manifest_id: str
    table: str
    batch_id: str
    now: datetime
    task: Task
    splits: tuple[Split, ...]
    resources: Mapping[str, str]
    """The six resource settings that the model file asks for."""
    origin: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows will be scored."""
        return sum(split.rows for split in self.splits)

    @property
    def result_path(self) -> Path:
        """Where the runner says what it made."""
        return Path(self.path).with_name("result.json")

    def read_artifact(self) -> bytes:
        """The model's zip; its checksum is verified where it is opened.

        Raises:
            ModelError: It cannot be read.
        """
        try:
            return Path(self.artifact).read_bytes()
        except OSError as error:
            raise ModelError(f"{self.artifact} cannot be read: {error.strerror}") from error


@dataclass(frozen=True)
class ScoreResult:
    """What a runner made of a job."""

    batch_id: str
    engine: str
    rows: int
    seconds: float
    files: tuple[ScoredFile, ...]
    resources: Mapping[str, str | None] = field(default_factory=dict)


def write_job(job: ScoreJob) -> None:
    """Write the job file."""
    _write_json(Path(job.path), asdict(job))


def read_job(path: str | Path) -> ScoreJob:
    """Read a job file.

    Raises:
        ModelError: It is missing or not a job file.
    """
    raw = _read_json(Path(path))
    try:
        task = raw.pop("task")
        task["reads"] = tuple(FileColumn(**one) for one in task["reads"])
        task["writes"] = tuple(FileColumn(**one) for one in task["writes"])
        return ScoreJob(
            task=Task(**task),
            splits=tuple(Split(**one) for one in raw.pop("splits")),
            now=datetime.fromisoformat(raw.pop("now")),
            **raw,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path} is no scoring job: {error}") from error


def write_result(job: ScoreJob, result: ScoreResult) -> None:
    """Write what came out, beside the job file, last of all."""
    _write_json(job.result_path, asdict(result))


def read_result(job: ScoreJob) -> ScoreResult:
    """Read what came out.

    Raises:
        ModelError: The job has not finished, or its result is another job's.
    """
    raw = _read_json(job.result_path)
    try:
        files = tuple(ScoredFile(**one) for one in raw.pop("files"))
        result = ScoreResult(files=files, **raw)
    except (KeyError, TypeError) as error:
        raise ModelError(f"{job.result_path} is no scoring result: {error}") from error
    if result.batch_id != job.batch_id:
        raise ModelError(f"{job.result_path} is the result of {result.batch_id}")
    return result


def run_here(job: ScoreJob, *, s3: Mapping[str, str], workers: int | None = None) -> ScoreResult:
    """Run a job in this process, without Spark.

    Args:
        job: The job.
        s3: Address and keys of the object store, when the files lie there.
        workers: Splits scored at the same time; the number of processors when None. Threads
            suffice: reading, scoring and writing all release the interpreter.

    Raises:
        ModelError: See `score_split`.
        LakeError: See `score_split`.
    """
    started = time.perf_counter()
    score = partial(
        score_split,
        job.task,
        artifact=job.read_artifact(),
        files=Files(dict(s3)),
        attempt=f"0-{new_token()}",
    )
    with ThreadPoolExecutor(max_workers=workers or os.cpu_count() or 1) as pool:
        files = list(pool.map(score, job.splits))
    result = make_result(job, "local", files, time.perf_counter() - started)
    write_result(job, result)
    return result


def make_result(
    job: ScoreJob,
    engine: str,
    files: Sequence[ScoredFile],
    seconds: float,
    resources: Mapping[str, str | None] | None = None,
) -> ScoreResult:
    """Put together what came out; files in the order of their splits."""
    ordered = tuple(sorted(files, key=lambda one: one.split))
    rows = sum(one.rows for one in ordered)
    return ScoreResult(job.batch_id, engine, rows, seconds, ordered, resources or {})


def new_token() -> str:
    """A part of a file name that no other launch of the same job uses."""
    return secrets.token_hex(3)


def _write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{secrets.token_hex(3)}.part")
    part.write_text(json.dumps(value, sort_keys=True, indent=1, default=datetime.isoformat))
    part.rename(path)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        raw = json.loads(path.read_text())
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read ({error.strerror}); the scoring job has not finished"
        ) from error
    except ValueError as error:
        raise ModelError(f"{path} is damaged: {error}") from error
    if not isinstance(raw, dict):
        raise ModelError(f"{path} is damaged: it holds no JSON object")
    return raw
