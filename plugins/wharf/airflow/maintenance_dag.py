"""The DAG `maintenance`: each night a report of what is left lying about."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, BaseOperator

from wharf.airflow.words import airflow_words
from wharf.airflow.workplace import now, open_place

if TYPE_CHECKING:
    from airflow.sdk import Context


def build_maintenance_dag(*, project: Path) -> DAG:
    """Make the DAG `maintenance`.

    Args:
        project: The project that the DAG file lies in.
    """
    with DAG(
        "maintenance",
        description="Reports batches that were staged and never published.",
        schedule="17 3 * * *",
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        default_args={"owner": "wharf", "retries": 1},
        tags=["watch"],
        doc_md=__doc__,
    ) as dag:
        Report(task_id="report", project=project)
    return dag


class Report(BaseOperator):
    """Reports what nobody will miss; it deletes nothing.

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
