"""The score step: planned here, launched by Spark or this process, then audited here."""

from __future__ import annotations

from datetime import datetime

from wharf.contracts import Model
from wharf.errors import AuditFailed, ProductError
from wharf.products import attempts
from wharf.products.auditing import audit_staged, note_audits, suite_path
from wharf.products.context import Context
from wharf.products.gather import read_manifest
from wharf.products.staging import attempt_origin
from wharf.products.steps import StepDone, begin_step
from wharf.scoring import ScoreContext, ScoreJob, finish_score, prepare_score

ABOUT = {
    "score": "The model's probability of the positive answer, 0 to 1.",
    "label": "Whether the score reaches the model's threshold.",
}


def prepare_score_step(
    ctx: Context, product: str, manifest_id: str, index: int, *, now: datetime, run_id: str
) -> ScoreJob:
    """Begin a score step and write its job file.

    Returns:
        The job; launch it, then give it to `finish_score_step`.

    Raises:
        ProductError: An earlier step is not done, or the features' table is no input.
        ModelError: There is no champion; the message names `wharf model train`.
    """
    step = begin_step(ctx, product, manifest_id, index, now=now, run_id=run_id)
    model = _model(ctx, product, index)
    inputs = step.tables.of(model.features.table)
    origin = attempt_origin(step.manifest, index, step.attempt)
    return prepare_score(
        _scoring(ctx),
        model,
        product=product,
        period=step.manifest.period,
        manifest=step.manifest,
        inputs=inputs,
        now=now,
        origin={**origin, "tables": [model.table], "about": ABOUT, "run_id": run_id},
    )


def finish_score_step(ctx: Context, job: ScoreJob, *, now: datetime, run_id: str) -> StepDone:
    """Stage and audit what a launched job made; only then the step is done.

    Raises:
        ModelError: The job has not finished, or scored fewer rows than planned.
        AuditFailed: The scores fail the product's suite; they are in quarantine.
        SuiteError: The product has no suite, or a wrong one.
    """
    index, attempt = int(job.origin["step"]), str(job.origin["attempt"])
    manifest = read_manifest(ctx, job.manifest_id)
    batch_id = finish_score(_scoring(ctx), job, now=now)
    batch = ctx.lake.read_batch(job.table, job.period, batch_id)
    suite = suite_path(ctx.settings.project, job.product)
    audit = audit_staged(ctx, batch, suite=suite, now=now)
    problems = note_audits(ctx, [audit], also=[], now=now)
    attempts.end(ctx, manifest, index, attempt, ok=not problems, now=now, run_id=run_id)
    if problems:
        raise AuditFailed(batch_id, problems)
    product = ctx.product(job.product)
    return StepDone(
        product=job.product,
        manifest_id=job.manifest_id,
        step=index,
        label=attempts.label(product, index),
        batches=(batch_id,),
        result=f"{batch.rows} rows",
    )


def _model(ctx: Context, product: str, index: int) -> Model:
    name = ctx.product(product).steps[index].score
    if name is None:
        raise ProductError(f"{product}: step {index} is no score step")
    if name not in ctx.project.models:
        choices = ", ".join(sorted(ctx.project.models)) or "none yet"
        raise ProductError(f"{product}: {name!r} is no model of this project; models: {choices}")
    return ctx.project.models[name]


def _scoring(ctx: Context) -> ScoreContext:
    return ScoreContext(ctx.settings, ctx.ledger, ctx.lake, ctx.batches)
