"""What Airflow to start, and everything its components are told: settings, secrets, preloading."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import wharf
from wharf.errors import DemoError

MARK = "WHARF_AIRFLOW_INSTANCE"
# LocalExecutor forks its workers from the scheduler: what that has imported, each task has.
_PRELOAD = '''"""Imports heavy modules once, in the scheduler, for all tasks forked from it."""

import importlib
import logging
import sys

logging.getLogger("great_expectations").setLevel(logging.WARNING)
if sys.argv[1:2] == ["scheduler"]:
    for module in {modules!r}:
        try:
            importlib.import_module(module)
        except ImportError as error:
            logging.getLogger("wharf").warning("not preloaded: %s (%s)", module, error)
'''
PRELOADED = (
    "pandas",
    "pyarrow.parquet",
    "duckdb",
    "sqlalchemy",
    "pyiceberg.catalog.sql",
    "pyiceberg.io.pyarrow",
    "great_expectations",
    "duckdb_engine",
    "dbt.cli.main",
    "dbt.adapters.duckdb",
    "fastexcel",
    "wharf.airflow.feed_steps",
    "wharf.products",
    "wharf.scoring",
    "wharf.watch",
)


@dataclass(frozen=True)
class AirflowPlan:
    """What Airflow to start.

    Args:
        home: Folder for its state and logs; made if absent.
        dags: The folder of DAG files.
        database_url: SQLAlchemy address of its metadata database; a SQLite file below `home` if "".
        environment: Variables for every component, on top of the process's own.
        parallelism: How many tasks may run at once.
        paused: Whether new DAGs begin paused (those that say so themselves excepted).
        preload: Whether the scheduler imports the heavy modules for all tasks.
        reread_every: Seconds between looks at the DAG files.
        port: Where the API server should listen; any free port if 0 or taken.
        plugins: The folder of plugins; the one this code lies in if None.
    """

    home: Path
    dags: Path
    database_url: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    parallelism: int = 4
    paused: bool = True
    preload: bool = True
    reread_every: int = 30
    port: int = 0
    plugins: Path | None = None


def airflow_environment(plan: AirflowPlan, own: Mapping[str, str], port: int) -> dict[str, str]:
    """The variables that every component gets; nothing of it depends on a configuration file."""
    plugins = plan.plugins or Path(wharf.__file__).parents[1]
    database = plan.database_url or f"sqlite:///{plan.home}/airflow.db"
    settings: dict[str, object] = {
        "CORE__DAGS_FOLDER": plan.dags,
        "CORE__PLUGINS_FOLDER": plugins,
        "CORE__LOAD_EXAMPLES": False,
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": plan.parallelism,
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": plan.paused,
        "CORE__FERNET_KEY": own["fernet_key"],
        "CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple"
        ".simple_auth_manager.SimpleAuthManager",
        "CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,wharf:user",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": plan.home / "passwords.json",
        "CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": plan.reread_every,
        "API__HOST": "127.0.0.1",
        "API__PORT": port,
        "API__BASE_URL": f"http://127.0.0.1:{port}",
        "API__WORKERS": 1,
        "API__SECRET_KEY": own["secret_key"],
        "API_AUTH__JWT_SECRET": own["jwt_secret"],
        "DATABASE__SQL_ALCHEMY_CONN": database,
        "DAG_PROCESSOR__REFRESH_INTERVAL": plan.reread_every,
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": plan.reread_every,
        "DAG_PROCESSOR__PARSING_PROCESSES": 1,
        "LOGGING__BASE_LOG_FOLDER": plan.home / "logs",
        "LOGGING__WORKER_LOG_SERVER_PORT": free_port(),
        "LOGGING__TRIGGER_LOG_SERVER_PORT": free_port(),
        # Seen: a run of three short tasks takes 2.8 s instead of 5.0 s, for 0.04 CPU s a second.
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": 0.3,
        # A scheduler that was killed is noticed by the next one after these seconds, not after 300.
        "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": 15,
        "USAGE_DATA_COLLECTION__ENABLED": False,
    }
    return {
        **os.environ,
        **{f"AIRFLOW__{name}": str(value) for name, value in settings.items()},
        "AIRFLOW_HOME": str(plan.home),
        "WHARF_AIRFLOW_DATABASE": str(database),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(plugins), os.environ.get("PYTHONPATH")))),
        "NO_PROXY": "127.0.0.1,localhost",
        "DO_NOT_TRACK": "true",
        "SCARF_ANALYTICS": "false",
        "PYTHONUNBUFFERED": "1",
        "AIRFLOW_CONN_WHARF_AIRFLOW": json.dumps(
            {
                "conn_type": "http",
                "host": "127.0.0.1",
                "port": port,
                "login": "wharf",
                "password": own["wharf_password"],
            }
        ),
        MARK: secrets.token_hex(8),
        **plan.environment,
    }


def own_secrets(home: Path) -> dict[str, str]:
    """Keys and password of this installation, made once and kept readable by its owner only."""
    file = home / "secrets.json"
    if not file.exists():
        made = {
            "fernet_key": _fernet_key(),
            "jwt_secret": secrets.token_urlsafe(48),
            "secret_key": secrets.token_urlsafe(32),
            "password": secrets.token_urlsafe(9),
            "wharf_password": secrets.token_urlsafe(24),
        }
        _write_private(file, made)
    own: dict[str, str] = json.loads(file.read_text())
    _write_private(
        home / "passwords.json", {"admin": own["password"], "wharf": own["wharf_password"]}
    )
    return own


def _fernet_key() -> str:
    from cryptography.fernet import Fernet

    return Fernet.generate_key().decode()


def _write_private(file: Path, content: Mapping[str, Any]) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(json.dumps(content) + "\n")


def write_preload(plan: AirflowPlan) -> None:
    """Write the settings module that makes the scheduler import the heavy modules, or none."""
    folder = plan.home / "config"
    folder.mkdir(exist_ok=True)
    modules = PRELOADED if plan.preload else ()
    (folder / "airflow_local_settings.py").write_text(_PRELOAD.format(modules=modules))


def free_port(wanted: int = 0) -> int:
    """The wanted port of this machine, or another one if that is taken or 0."""
    for port in (wanted, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise DemoError("no free port on 127.0.0.1")
