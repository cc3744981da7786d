"""A throw-away Airflow on SQLite, with a project of its own.

Airflow reads its settings when it is first imported, so they are set when this file is read.
"""

from __future__ import annotations

import itertools
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from airflow.models import DagRun

ROOT = Path(__file__).parents[2]
HOME = Path(os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="wharf-airflow-")))
PROJECT = HOME / "project"
for _name, _value in {
    "AIRFLOW__CORE__DAGS_FOLDER": PROJECT / "dags",
    "AIRFLOW__CORE__PLUGINS_FOLDER": ROOT / "plugins",
    "AIRFLOW__CORE__LOAD_EXAMPLES": False,
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME}/airflow.db",
    "DO_NOT_TRACK": "true",
}.items():
    os.environ.setdefault(_name, str(_value))


@pytest.fixture(scope="session")
def airflow_database() -> Iterator[Path]:
    """Airflow's metadata database, made once."""
    from airflow.utils import db

    db.initdb()
    return HOME


class RunDag(Protocol):
    """Runs one DAG of the project to its end, in this process."""

    def __call__(
        self,
        dag_id: str,
        key: str | None,
        *,
        conf: dict[str, object] | None = None,
        run_type: str = "manual",
    ) -> DagRun: ...


@pytest.fixture
def run_dag(airflow_database: Path, monkeypatch: pytest.MonkeyPatch) -> RunDag:
    """`dag.test` knows no partition key, so its run is made here, as the API server makes it."""
    from airflow.dag_processing.dagbag import DagBag

    numbers = itertools.count(1)

    def run(
        dag_id: str,
        key: str | None,
        *,
        conf: dict[str, object] | None = None,
        run_type: str = "manual",
    ) -> DagRun:
        run_id = f"{run_type}__{dag_id}__{key}__{time.time_ns()}_{next(numbers)}"

        def create(dag: Any, session: Any, **known: Any) -> DagRun:
            known |= {"run_id": run_id, "conf": conf, "run_type": DagRunType(run_type)}
            date = dag.timetable.resolve_partition_date(key)
            made: DagRun = dag.create_dagrun(
                **known,
                session=session,
                state=DagRunState.RUNNING,
                partition_key=key,
                partition_date=date,
            )
            return made

        from airflow.utils.state import DagRunState
        from airflow.utils.types import DagRunType

        monkeypatch.setattr("airflow.models.dagrun.get_or_create_dagrun", create)
        dag = DagBag(PROJECT / "dags", collect_dags=True).dags[dag_id]
        dag.deadline = None  # `dag.test` takes them for rows of the database and fails
        done: DagRun = dag.test(logical_date=None)
        return done

    return run
