"""Scoring a table: plan the job, let Spark or this process run it, stage the result as a batch."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from wharf import __version__
from wharf.contracts import Model
from wharf.errors import ModelError
from wharf.lake import Batch, Lake, LakeColumn, StagedFile, new_batch_id
from wharf.ledger import Ledger
from wharf.ledger import batches as batch_rows
from wharf.ledger.rows import ModelVersionRow
from wharf.scoring.artifact import Artifact, fetch
from wharf.scoring.files import Files
from wharf.scoring.job import ScoreJob, read_result, write_job
from wharf.scoring.registry import require_version
from wharf.scoring.resources import is_local
from wharf.scoring.splits import look_into, plan_splits
from wharf.scoring.submit import asked_resources, write_package
from wharf.scoring.task import FileColumn, Task
from wharf.settings import Settings

if TYPE_CHECKING:
    from wharf.batches import Batches

RESULT_COLUMNS = {"score": "double", "label": "boolean"}
SYSTEM_COLUMNS = {
    "_model_version": "string",
    "_input_batch_ids": "string",
    "_period": "string",
    "_manifest_id": "string",
}


@dataclass(frozen=True)
class ScoreContext:
    """The installation that scores."""

    settings: Settings
    ledger: Ledger
    lake: Lake
    batches: Batches


class PinsModels(Protocol):
    """What scoring reads of a product's manifest."""

    @property
    def manifest_id(self) -> str:
        """Its name."""
        ...

    @property
    def models(self) -> Mapping[str, int | None]:
        """The version pinned for each model; None where none was champion."""
        ...


def prepare_score(
    ctx: ScoreContext,
    model: Model,
    *,
    product: str,
    period: str,
    manifest: PinsModels,
    inputs: Sequence[Batch],
    now: datetime,
    origin: Mapping[str, Any] | None = None,
) -> ScoreJob:
    """Plan the scoring of exact batches and write the job file.

    Args:
        ctx: The installation.
        model: The model's contract.
        product: The product whose step this is.
        period: The product's period; the scores' `_period`.
        manifest: Pins the model's version; unpinned, today's champion scores.
        inputs: The batches to score, staged or published; every row of each.
        now: When the step runs.
        origin: What the batch of scores shall say of its origin, beside what is known here.

    Raises:
        ModelError: There is no champion, its artifact is damaged, or a column is missing.
        LakeError: An input file cannot be read.
    """
    version = require_version(ctx.ledger, model.model, manifest.models.get(model.model))
    artifact = fetch(ctx.settings.models, version.uri, sha256=version.sha256)
    key = _find_columns(model, inputs, model.features.key, "key")
    reads = _find_columns(model, inputs, [one.name for one in artifact.features], "feature")
    batch_id = new_batch_id(now)
    job = ScoreJob(
        path=str(ctx.settings.work / "scoring" / batch_id / "job.json"),
        model=model.model,
        version=version.version,
        artifact=str(ctx.settings.models / version.uri),
        product=product,
        period=period,
        manifest_id=manifest.manifest_id,
        table=model.table,
        batch_id=batch_id,
        now=now,
        task=Task(
            sha256=version.sha256,
            reads=tuple({one.field_id: one for one in (*key, *reads)}.values()),
            writes=_writes(ctx.lake, model, key),
            constants={
                "_model_version": str(version.version),
                "_period": period,
                "_manifest_id": manifest.manifest_id,
            },
            threshold=artifact.threshold,
            output=ctx.lake.batch_dir(model.table, period, batch_id),
        ),
        splits=plan_splits(_look_into(ctx, inputs), slots=_slots(ctx.settings, model)),
        resources=asked_resources(model.resources),
        origin={**_origin(model, version, artifact, inputs), **(origin or {})},
    )
    write_job(job)
    write_package(ctx.settings)
    return job


def finish_score(ctx: ScoreContext, job: ScoreJob, *, now: datetime, run_id: str = "") -> str:
    """Stage what a runner made of a job as one batch; running it again changes nothing.

    Returns:
        The batch's id. The batch is not audited yet.

    Raises:
        ModelError: The job has not finished, or scored fewer rows than planned.
    """
    with ctx.ledger.read() as tx:
        if batch_rows.batch(tx, job.batch_id) is not None:
            return job.batch_id
    result = read_result(job)
    if result.rows != job.rows or len(result.files) != len(job.splits):
        raise ModelError(
            f"{job.table} {job.period}: {result.rows} of {job.rows} rows were scored; "
            "nothing was staged. Run the step again."
        )
    batch = Batch(
        batch_id=job.batch_id,
        table=job.table,
        period=job.period,
        files=tuple(StagedFile(one.uri, one.rows, one.bytes, one.sha256) for one in result.files),
        rows=result.rows,
        columns=tuple(
            LakeColumn(one.name, one.type, one.field_id, one.required) for one in job.task.writes
        ),
        origin={
            **job.origin,
            "manifest_id": job.manifest_id,
            "engine": result.engine,
            "resources": dict(result.resources),
            "staged_at": job.now.isoformat(),
        },
    )
    ctx.batches.stage(batch, now=now, subject=job.product, run_id=run_id)
    return batch.batch_id


def _find_columns(
    model: Model, inputs: Sequence[Batch], names: Sequence[str], what: str
) -> tuple[FileColumn, ...]:
    known: dict[str, LakeColumn] = {}
    for batch in inputs:
        known |= {column.name: column for column in batch.columns}
    missing = [name for name in names if name not in known]
    if missing:
        raise ModelError(
            f"{model.model}: {model.features.table} has no {what} column {', '.join(missing)} "
            f"in batches {', '.join(batch.batch_id for batch in inputs) or '(none given)'}; "
            f"train a new version or correct the dbt model"
        )
    return tuple(
        FileColumn(name, known[name].type, known[name].field_id, known[name].required)
        for name in names
    )


def _writes(lake: Lake, model: Model, key: Sequence[FileColumn]) -> tuple[FileColumn, ...]:
    taken = RESULT_COLUMNS | SYSTEM_COLUMNS
    if not key:
        raise ModelError(f"{model.model}: name features.key; a score must say whose it is")
    clash = [one.name for one in key if one.name in taken]
    if clash:
        raise ModelError(f"{model.model}: key column {', '.join(clash)} is a name of the result")
    wanted = {one.name: one.type for one in key} | taken
    promised = {one.name for one in key if one.required} | set(taken)
    ids = {column.name: column for column in lake.columns_for(model.table, wanted)}
    return tuple(
        FileColumn(name, ids[name].type, ids[name].field_id, name in promised) for name in wanted
    )


def _look_into(ctx: ScoreContext, inputs: Sequence[Batch]) -> Any:
    uris = [(file.uri, batch.batch_id) for batch in inputs for file in batch.files if file.rows]
    return look_into(Files(dict(ctx.settings.s3)), uris)


def _slots(settings: Settings, model: Model) -> int:
    if is_local(settings.spark_master):
        return os.cpu_count() or 1
    return model.resources.executors * model.resources.executor_cores


def _origin(
    model: Model, version: ModelVersionRow, artifact: Artifact, inputs: Sequence[Batch]
) -> dict[str, Any]:
    read: dict[str, list[str]] = {}
    for batch in inputs:
        read.setdefault(batch.table, []).append(batch.batch_id)
    return {
        "inputs": read,
        "model": {
            "name": model.model,
            "version": version.version,
            "sha256": version.sha256,
            "trained_at": artifact.manifest["created_at"],
            "threshold": artifact.threshold,
        },
        "wharf_version": __version__,
    }
