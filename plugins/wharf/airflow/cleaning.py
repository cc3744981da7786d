"""Airflow's own database is cleaned by Airflow's own command, in a process of its own.

Tasks are not told the database's address (Airflow 3 hides it from them), so the command gets it
from our settings, or from Airflow's configuration file.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime

from wharf.errors import AirflowUnavailable
from wharf.settings import Settings

TABLES = (
    "asset_event,callback,dag_run,deadline,import_error,job,log,partitioned_asset_key_log,"
    "revoked_token,task_instance,task_instance_history,task_reschedule,task_state_store,trigger,xcom"
)
"""Not `dag` and `dag_version`: a paused feed must not lose its DAG."""
_ADDRESS = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
_HIDDEN = (_ADDRESS, "AIRFLOW__CORE__SQL_ALCHEMY_CONN")


def clean_airflow(
    settings: Settings, now: datetime, environ: Mapping[str, str] | None = None
) -> list[str]:
    """Delete what Airflow's database keeps of longer ago than the settings say.

    The last run of each DAG stays whatever its age.

    Returns:
        What the command said, a line each.

    Raises:
        AirflowUnavailable: The command failed; the message ends with its last lines.
    """
    if not settings.airflow_kept:
        return ["WHARF_AIRFLOW_KEEP_DAYS is 0: Airflow's database keeps everything"]
    before = (now - settings.airflow_kept).isoformat(timespec="seconds")
    command = [
        sys.executable, "-m", "airflow", "db", "clean", "--yes", "--skip-archive",
        "--error-on-cleanup-failure", "--clean-before-timestamp", before, "--tables", TABLES,
    ]  # fmt: skip
    given = os.environ if environ is None else environ
    env = {name: value for name, value in given.items() if name not in _HIDDEN}
    if settings.airflow_database:
        env[_ADDRESS] = settings.airflow_database
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    if done.returncode:
        raise AirflowUnavailable("airflow db clean failed: " + " | ".join(said[-5:]))
    return [f"Airflow's database keeps nothing of before {before}", *said]
