"""The tasks of a product's run, as Airflow executes them: gather, each step, release."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from wharf.airflow.run_period import facts_of, period_of
from wharf.airflow.words import airflow_words
from wharf.airflow.workplace import now, open_products, settings_for, shared_ledger
from wharf.contracts import Product

if TYPE_CHECKING:
    from airflow.sdk import Context

GATHER = "gather"


class ProductTask(BaseOperator):
    """One task of a product's run.

    Args:
        product: The contract.
        project: The project that the DAG file lies in.
    """

    ui_color = "#eef5e8"

    def __init__(self, *, product: Product, project: Path, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.product = product
        self.project = project


class Gather(ProductTask):
    """Decides what this period is made of; waits, without a worker, while an edge waits."""

    def execute(self, context: Context) -> str:
        """Gives the id of the manifest."""
        from wharf.airflow.changes import note_run

        with airflow_words():
            facts = facts_of(context)
            period = period_of(facts, self.product, now())
            if facts.is_scheduled and not self.product.is_active(period):
                raise AirflowSkipException(f"{period} is outside the contract's active periods")
            note_run(shared_ledger(), self.product.dag_id, period, facts.run_id, now())
            return self._decide_or_wait(context)

    def resume(self, context: Context, event: str) -> str:
        """Decide again: the change may have been to another edge."""
        self.log.info("woken: %s", event)
        with airflow_words():
            return self._decide_or_wait(context)

    def _decide_or_wait(self, context: Context) -> str:
        from wharf import products
        from wharf.airflow.changes import state_of_inputs
        from wharf.airflow.triggers import ChangeTrigger

        facts = facts_of(context)
        period = period_of(facts, self.product, now())
        # Before the decision: what changes between the two must wake the trigger.
        known = state_of_inputs(shared_ledger(), self.product.inputs)
        found = products.gather(
            open_products(self.project),
            self.product.product,
            period.key,
            now=now(),
            manifest_id=str((facts.conf or {}).get("manifest") or "") or None,
            run_id=facts.run_id,
        )
        if isinstance(found, products.Skipped):
            raise AirflowSkipException(found.reason)
        if isinstance(found, products.Waiting):
            self.log.info("waiting until %s: %s", found.until, "; ".join(found.reasons))
            trigger = ChangeTrigger(
                inputs=sorted(self.product.inputs),
                known=known,
                until=found.until.isoformat(),
                every=settings_for(self.project).look_every.total_seconds(),
            )
            self.defer(trigger=trigger, method_name="resume")
        return found.manifest_id


class RunStep(ProductTask):
    """Runs one dbt, python or export step: all of it, or nothing that counts.

    Args:
        index: Which step of the product.
    """

    def __init__(self, *, index: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.index = index

    def execute(self, context: Context) -> list[str]:
        """Gives the ids of the batches that were staged."""
        from wharf import products

        with airflow_words():
            done = products.run_step(
                open_products(self.project),
                self.product.product,
                manifest_of(context),
                self.index,
                now=now(),
                run_id=facts_of(context).run_id,
            )
        self.log.info("%s: %s %s", done.label, ", ".join(done.batches), done.result)
        return list(done.batches)


class Release(ProductTask):
    """Publishes every table of the product, last the row that makes them count together."""

    def execute(self, context: Context) -> str:
        """Gives the id of the manifest that is released now."""
        from wharf import products

        manifest, run_id = manifest_of(context), facts_of(context).run_id
        with airflow_words():
            released = products.release(
                open_products(self.project),
                self.product.product,
                manifest,
                now=now(),
                by=f"airflow:{run_id}",
            )
        for asset in self.outlets:
            context["outlet_events"][asset].extra = {
                "manifest_id": manifest,
                "period": released.period,
            }
        return manifest


def manifest_of(context: Context) -> str:
    """The manifest that this run gathered."""
    return str(context["ti"].xcom_pull(task_ids=GATHER))
