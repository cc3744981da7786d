"""The DAG of one product: gather -> its steps in order -> release."""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import DAG, Asset, BaseOperator, Param, chain

from wharf.airflow.dags import (
    RETRIES,
    active_between,
    runs_at_once,
    zone_of,
)
from wharf.airflow.deadlines import product_deadlines
from wharf.airflow.loading import calendar_for
from wharf.airflow.product_tasks import GATHER, Gather, Release, RunStep
from wharf.airflow.timetable import PeriodTimetable
from wharf.contracts import Product, Step


def build_product_dag(product: Product, *, project: Path) -> DAG:
    """Make the DAG of a product.

    Args:
        product: The contract.
        project: The project that the DAG file lies in; tasks read it again from there.
    """
    calendar = calendar_for(project, product)
    starts, ends = active_between(product)
    with DAG(
        product.dag_id,
        description=product.about or f"{product.product}, each {product.period.kind}",
        schedule=PeriodTimetable(product.period.kind, timezone=zone_of(product)),
        start_date=starts,
        end_date=ends,
        catchup=False,
        max_active_runs=runs_at_once(product, calendar),
        default_args={"owner": "wharf", **RETRIES},
        deadline=product_deadlines(product, calendar),
        params=_manifest_parameter(),
        tags=["product"],
        doc_md=_about(product),
    ) as dag:
        asset = Asset(name=product.product, uri=f"x-wharf://product/{product.product}")
        chain(
            Gather(task_id=GATHER, product=product, project=project),
            *_steps(product, project),
            Release(task_id="release", product=product, project=project, outlets=[asset]),
        )
    return dag


def _steps(product: Product, project: Path) -> list[BaseOperator]:
    tasks: list[BaseOperator] = []
    for index, (name, step) in enumerate(zip(step_names(product), product.steps, strict=True)):
        if step.kind == "score":
            # The Spark provider costs 0.6 CPU seconds to import: only products that score pay it.
            from wharf.airflow.score_task import Score

            tasks.append(Score(task_id=name, product=product, project=project, index=index))
        else:
            tasks.append(RunStep(task_id=name, product=product, project=project, index=index))
    return tasks


def step_names(product: Product) -> list[str]:
    """Task ids of a product's steps: what a step does, numbered where that comes again."""
    names: list[str] = []
    for step in product.steps:
        base = step.name or _name(step)
        times = len([name for name in names if name.partition(".")[0] == base])
        names.append(f"{base}.{times + 1}" if times else base)
    return names


def _name(step: Step) -> str:
    match step.kind:
        case "score":
            return f"score_{step.score}"
        case "python":
            return str(step.python).rpartition(".")[2]
        case kind:
            return kind


def _manifest_parameter() -> dict[str, Param]:
    about = "Repeat this manifest exactly, in place of deciding the inputs again."
    return {"manifest": Param(None, type=["null", "string"], title="Manifest", description=about)}


def _about(product: Product) -> str:
    reads = "\n".join(f"- `{name}`: {edge.read}" for name, edge in sorted(product.inputs.items()))
    terms = product.timeliness
    return f"""{product.about or product.product}

Decides {terms.decide_at}, due {terms.due}, cut-off {terms.cutoff}, {terms.tz}.
Contract: `dags/products/{product.product}.yaml`.
[Open the supplier board](/plugin/suppliers)

Reads:

{reads or "- the ledger only"}
"""
