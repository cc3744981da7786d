"""Airflow's own database is cleaned by its own command, which tasks may not reach."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from wharf.airflow.cleaning import clean_airflow
from wharf.errors import AirflowUnavailable
from wharf.settings import read_settings

pytestmark = pytest.mark.airflow
NOW = datetime(2026, 11, 20, 3, 17, tzinfo=UTC)
INSERT = "INSERT INTO log (dttm, event, dag_id) VALUES (?, 'success', 'feed__acme__prices')"


def environment(home: Path, address: str) -> dict[str, str]:
    """As a task sees it: the address of the database is hidden."""
    return {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": address,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
    }


def events(file: Path) -> int:
    with sqlite3.connect(file) as connection:
        return int(
            connection.execute("SELECT count(*) FROM log WHERE event='success'").fetchone()[0]
        )


@pytest.mark.slow
def test_what_is_older_than_the_setting_says_is_deleted_and_the_rest_stays(tmp_path: Path) -> None:
    file = tmp_path / "airflow.db"
    real = environment(tmp_path, f"sqlite:///{file}")
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], env=real, check=True)
    with sqlite3.connect(file) as connection:
        for days in (1, 89, 91, 400):
            connection.execute(INSERT, ((NOW - timedelta(days=days)).isoformat(" "),))
    settings = read_settings({"WHARF_AIRFLOW_DATABASE": f"sqlite:///{file}"})
    hidden = environment(tmp_path, "airflow-db-not-allowed:///")
    said = clean_airflow(settings, NOW, hidden)
    assert said[0] == "Airflow's database keeps nothing of before 2026-08-22T03:17:00+00:00"
    assert events(file) == 2
    clean_airflow(settings, NOW, hidden)
    assert events(file) == 2


@pytest.mark.slow
def test_a_database_that_cannot_be_reached_is_an_error_and_says_why(tmp_path: Path) -> None:
    settings = read_settings({"WHARF_AIRFLOW_DATABASE": f"sqlite:///{tmp_path}/none/airflow.db"})
    with pytest.raises(AirflowUnavailable, match=r"airflow db clean failed: .*unable to open"):
        clean_airflow(settings, NOW, environment(tmp_path, "airflow-db-not-allowed:///"))


def test_zero_days_keep_everything() -> None:
    said = clean_airflow(read_settings({"WHARF_AIRFLOW_KEEP_DAYS": "0"}), NOW)
    assert said == ["WHARF_AIRFLOW_KEEP_DAYS is 0: Airflow's database keeps everything"]
