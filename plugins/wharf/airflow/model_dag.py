"""The DAG of one scoring model: train on what its product released."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, BaseOperator, Param

from wharf.airflow.dags import RETRIES
from wharf.airflow.words import airflow_words
from wharf.airflow.workplace import now, open_place
from wharf.contracts import Model

if TYPE_CHECKING:
    from airflow.sdk import Context


def build_model_dag(model: Model, *, project: Path) -> DAG:
    """Make the DAG of a model; it runs when somebody starts it.

    Args:
        model: The contract.
        project: The project that the DAG file lies in.
    """
    about = f"Learns {model.target} from {model.features.table} as {model.train.product} released."
    with DAG(
        model.dag_id,
        description=model.about or about,
        schedule=None,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        default_args={"owner": "wharf", **RETRIES},
        params={
            "period": Param(
                None,
                type=["null", "string"],
                title="Period",
                description=f"Which release of {model.train.product}; the latest when empty.",
            )
        },
        tags=["model"],
        doc_md=f"{model.about or about}\n\nContract: `dags/models/{model.model}.yaml`.",
    ) as dag:
        Train(task_id="train", model=model, project=project)
    return dag


class Train(BaseOperator):
    """Trains and registers a new version of a model.

    Args:
        model: The contract.
        project: The project that the DAG file lies in.
    """

    def __init__(self, *, model: Model, project: Path, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.model = model
        self.project = project

    def execute(self, context: Context) -> int:
        """Gives the number of the version."""
        from wharf.scoring import ScoreContext, train_on_release

        run = context["dag_run"]
        with airflow_words():
            place = open_place(self.project)
            version = train_on_release(
                ScoreContext(place.settings, place.ledger, place.lake, place.batches),
                self.model,
                now=now(),
                by=f"airflow:{run.run_id}",
                period=str((run.conf or {}).get("period") or "") or None,
            )
        self.log.info("registered version %s of %s", version.version, self.model.model)
        return version.version
