"""The dbt step: one build of a selector, its models staged, its tests on what is staged."""

from __future__ import annotations

from wharf.contracts import Step
from wharf.errors import ProductError
from wharf.ledger import products as product_rows
from wharf.ledger.rows import StepResult
from wharf.products.build_session import BuildSession
from wharf.products.context import Context
from wharf.products.staging import StepWriter
from wharf.products.transform import BuildResult, build_models


def run_dbt(ctx: Context, step: Step, writer: StepWriter) -> str:
    """Build the models of a step and hand their batches over, together.

    Raises:
        ProductError: A model or a test failed; the message names each. What was built is
            in quarantine.
    """
    session = BuildSession(
        period=writer.manifest.period,
        views=writer.tables.relations,
        stage=writer.write,
        temp_folder=writer.work / "spill",
        prepare=ctx.lake.prepare,
    )
    built = build_models(
        step.dbt or "",
        session,
        project=ctx.settings.project / "dbt",
        work=writer.work,
        cache=ctx.work_folder("parsed"),
    )
    _record(ctx, writer, built)
    failed = [f"{n.node}: {n.message or n.status}" for n in built.failed]
    problems = writer.finish(findings=failed, about=built.about)
    if problems:
        raise ProductError(
            f"{writer.manifest.product} {writer.manifest.period}: dbt {step.dbt!r} failed at "
            f"{'; '.join(problems)}. Nothing of it is published; the batches are in quarantine "
            f"({', '.join(batch.batch_id for batch in writer.batches) or 'none was built'})."
        )
    return f"{len(built.nodes)} nodes"


def _record(ctx: Context, writer: StepWriter, built: BuildResult) -> None:
    with ctx.ledger.write() as tx:
        for node in built.nodes:
            row = StepResult(
                manifest_id=writer.manifest.manifest_id,
                product=writer.manifest.product,
                step=writer.step,
                node=f"{node.kind}:{node.node}",
                status=node.status,
                at=writer.now,
                seconds=node.seconds,
                message=node.message,
                run_id=writer.run_id,
            )
            product_rows.record_step(tx, row)
