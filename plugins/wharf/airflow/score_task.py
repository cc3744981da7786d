"""The score step: planned here, run by Spark, staged and audited here. One task, one launch."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator

from wharf.airflow.product_tasks import manifest_of
from wharf.airflow.run_period import facts_of
from wharf.airflow.words import airflow_words
from wharf.airflow.workplace import now, open_products
from wharf.contracts import Product

if TYPE_CHECKING:
    from airflow.sdk import Context

CONNECTION = "wharf_spark"


class Score(SparkSubmitOperator):
    """Scores the batches that the manifest names, with the resources of the model's file.

    Args:
        product: The contract.
        project: The project that the DAG file lies in.
        index: Which step of the product.
    """

    ui_color = "#f5efe0"

    def __init__(self, *, product: Product, project: Path, index: int, **arguments: Any) -> None:
        super().__init__(conn_id=CONNECTION, durable=False, **arguments)
        self.product = product
        self.project = project
        self.index = index

    def execute(self, context: Context) -> str:  # type: ignore[override]
        """Gives the id of the batch of scores."""
        from wharf import products
        from wharf.scoring import submit_arguments

        run_id = facts_of(context).run_id
        with airflow_words():
            place = open_products(self.project)
            job = products.prepare_score_step(
                place,
                self.product.product,
                manifest_of(context),
                self.index,
                now=now(),
                run_id=run_id,
            )
            self.log.info("%s rows in %s splits", job.rows, len(job.splits))
            self._take(submit_arguments(job, place.settings))
            _name_master(place.settings.spark_master)
            super().execute(context)
            done = products.finish_score_step(place, job, now=now(), run_id=run_id)
        return done.batches[0]

    def _take(self, arguments: dict[str, Any]) -> None:
        """Use the arguments of a prepared job, as if the constructor had been given them."""
        known = vars(self)
        for name, value in arguments.items():
            setattr(self, name if name in known else f"_{name}", value)


def _name_master(master: str) -> None:
    """Make the operator's connection name the master that the settings name.

    The operator knows a master by its connection only, and falls back to YARN without a word
    where there is none.
    """
    connection = {"conn_type": "spark", "host": master}
    os.environ[f"AIRFLOW_CONN_{CONNECTION.upper()}"] = json.dumps(connection)
