"""Running one step of a product: all of it, or nothing that counts."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from wharf.contracts import Product
from wharf.errors import ProductError
from wharf.products import attempts
from wharf.products.context import Context
from wharf.products.gather import read_manifest
from wharf.products.manifest import Manifest
from wharf.products.staging import StepWriter
from wharf.products.step_dbt import run_dbt
from wharf.products.step_export import run_export
from wharf.products.step_python import run_python
from wharf.products.tables import Tables, tables_for


@dataclass(frozen=True)
class StepDone:
    """What a finished step made."""

    product: str
    manifest_id: str
    step: int
    label: str
    batches: tuple[str, ...] = ()
    result: str = ""


@dataclass(frozen=True)
class OpenStep:
    """A step that has begun: its contract, its inputs and the writer of its results."""

    product: Product
    manifest: Manifest
    index: int
    attempt: str
    tables: Tables
    writer: StepWriter


RUNNERS: dict[str, Callable[[Context, OpenStep], str]] = {
    "dbt": lambda ctx, step: run_dbt(ctx, step.product.steps[step.index], step.writer),
    "python": lambda ctx, step: run_python(ctx, step.product, step.index, step.writer),
    "export": lambda ctx, step: run_export(ctx, step.product, step.writer),
}


def run_step(
    ctx: Context,
    product: str,
    manifest_id: str,
    index: int,
    *,
    now: datetime,
    run_id: str,
) -> StepDone:
    """Run one dbt, python or export step of a manifest, whether or not it ran before.

    A score step is launched elsewhere, between `begin_step` and `end_step`.

    Raises:
        ProductError: The step failed, or an earlier one is not done; nothing of it counts.
    """
    step = begin_step(ctx, product, manifest_id, index, now=now, run_id=run_id)
    kind = step.product.steps[index].kind
    if kind not in RUNNERS:
        raise ProductError(f"{product}: step {index} is a {kind} step; it is not run here")
    try:
        result = RUNNERS[kind](ctx, step)
    except BaseException:
        end_step(ctx, step, ok=False, now=now, run_id=run_id)
        raise
    return end_step(ctx, step, ok=True, now=now, run_id=run_id, result=result)


def begin_step(
    ctx: Context,
    product: str,
    manifest_id: str,
    index: int,
    *,
    now: datetime,
    run_id: str,
) -> OpenStep:
    """Open an attempt of a step: from here on, what an earlier attempt made does not count.

    Raises:
        ProductError: An earlier step is not done.
    """
    spec = ctx.product(product)
    manifest = read_manifest(ctx, manifest_id)
    if not 0 <= index < len(spec.steps):
        raise ProductError(f"{product} has steps 0 to {len(spec.steps) - 1}, not {index}")
    tables = tables_for(ctx, manifest, attempts.finished(ctx, spec, manifest, before=index))
    attempt = attempts.begin(ctx, manifest, index, now=now, run_id=run_id)
    work = ctx.work_folder(f"{product}-{manifest_id}-{index}-{attempt}")
    writer = StepWriter(ctx, manifest, index, attempt, tables, now, run_id, work)
    return OpenStep(spec, manifest, index, attempt, tables, writer)


def end_step(
    ctx: Context,
    step: OpenStep,
    *,
    ok: bool,
    now: datetime,
    run_id: str,
    result: str = "",
) -> StepDone:
    """Close an attempt; only `ok` makes what it staged count."""
    attempts.end(
        ctx, step.manifest, step.index, step.attempt, ok=ok, now=now, run_id=run_id, result=result
    )
    if ok:
        shutil.rmtree(step.writer.work, ignore_errors=True)
    return StepDone(
        product=step.product.product,
        manifest_id=step.manifest.manifest_id,
        step=step.index,
        label=attempts.label(step.product, step.index),
        batches=tuple(batch.batch_id for batch in step.writer.batches),
        result=result,
    )
