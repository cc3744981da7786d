"""The DAG `maintenance`: each night what is left lying about, and what is kept no longer."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, BaseOperator

from wharf.airflow.words import airflow_words
from wharf.airflow.workplace import now, open_place, settings_for

if TYPE_CHECKING:
    from airflow.sdk import Context


def build_maintenance_dag(*, project: Path) -> DAG:
    """Make the DAG `maintenance`.

    Args:
        project: The project that the DAG file lies in.
    """
    with DAG(
        "maintenance",
        description="Repairs, lets go what contracts keep no longer, measures, cleans Airflow.",
        schedule="17 3 * * *",
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        default_args={"owner": "wharf", "retries": 1},
        tags=["watch"],
        doc_md=__doc__,
    ) as dag:
        report = Report(task_id="report", project=project)
        report >> CleanAirflow(task_id="clean_airflow", project=project)
    return dag


class Report(BaseOperator):
    """Repairs the ledger, lets go what contracts keep no longer, and reports the rest.

    Args:
        project: The project that the DAG file lies in.
    """

    def __init__(self, *, project: Path, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.project = project

    def execute(self, context: Context) -> int:
        """Gives the number of findings."""
        from wharf.watch.maintain import maintain

        with airflow_words():
            found = maintain(open_place(self.project), now())
        for line in found:
            self.log.info("%s", line)
        return len(found)


class CleanAirflow(BaseOperator):
    """Cleans Airflow's own database of old runs and logs by its own command.

    Args:
        project: The project that the DAG file lies in.
    """

    def __init__(self, *, project: Path, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.project = project

    def execute(self, context: Context) -> None:
        """Runs `airflow db clean`; what it says goes to the log."""
        from wharf.airflow.cleaning import clean_airflow

        for line in clean_airflow(settings_for(self.project), now()):
            self.log.info("%s", line)
