"""A throw-away Airflow on SQLite, with a project of its own.

Airflow reads its settings when it is first imported, so they are set when this file is read.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

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
