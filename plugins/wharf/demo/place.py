"""The demo's place: folders, servers, Airflow; opened together, closed together."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from wharf.demo.airflow_plan import AirflowPlan, free_port
from wharf.demo.airflow_processes import AirflowProcesses, start_airflow
from wharf.demo.portal_server import PortalServer
from wharf.demo.postgres import start_postgres
from wharf.errors import DemoError
from wharf.ledger import Ledger
from wharf.settings import Settings

Say = Callable[[str], None]


@dataclass(frozen=True)
class Place:
    """A running installation on this machine."""

    settings: Settings
    airflow: AirflowProcesses
    portal: PortalServer
    ledger: Ledger

    @property
    def board_url(self) -> str:
        """Where the board is, inside Airflow."""
        return f"{self.airflow.url}/plugin/suppliers"


def open_place(
    stack: ExitStack,
    settings: Settings,
    connections: Mapping[str, str],
    say: Say,
    *,
    postgres: bool,
    port: int,
    look_every: float,
    tick_every: float,
    prepare: Callable[[Ledger], None] = lambda _: None,
) -> Place:
    """Start the portal's server, Postgres when wanted, and Airflow.

    Args:
        stack: Closes everything that was started.
        settings: The installation.
        connections: Airflow connections by id, as JSON.
        say: Told what is going on.
        postgres: Whether Airflow, ledger and catalog use a private Postgres.
        port: Airflow's port, if it is free.
        look_every: Seconds between looks.
        tick_every: Seconds between ticks.
        prepare: What to do with the ledger before anything runs.

    Raises:
        DemoError: Something could not be started; the message says what to do.
    """
    home = settings.home
    _stay_with(home, "postgres" if postgres else "sqlite")
    databases = _databases(stack, settings, say) if postgres else {}
    airflow_port = free_port(port)
    portal = stack.enter_context(PortalServer(settings.portal))
    environment = {
        "WHARF_HOME": str(home),
        "WHARF_PROJECT": str(settings.project),
        "WHARF_ENV": settings.env,
        "WHARF_LOOK_EVERY": str(look_every),
        "WHARF_TICK_EVERY": str(tick_every),
        "WHARF_GROUP_WAIT": "0",
        "WHARF_RERUN_WAIT": "0",
        "WHARF_AIRFLOW_URL": f"http://127.0.0.1:{airflow_port}",
        "WHARF_PORTAL_URL": portal.url,
        "WHARF_SPARK_MASTER": settings.spark_master,
        "JAVA_HOME": str(_java_home()),
        **{name: url for name, url in databases.items() if name != "airflow"},
        **{f"AIRFLOW_CONN_{name.upper()}": value for name, value in connections.items()},
    }
    _write_connections(home, connections)
    ledger = Ledger.open(databases.get("WHARF_LEDGER_URL", settings.ledger_url))
    prepare(ledger)
    plan = AirflowPlan(
        home=home / "airflow",
        dags=settings.project / "dags",
        database_url=databases.get("airflow", ""),
        environment=environment,
        port=airflow_port,
    )
    airflow = stack.enter_context(start_airflow(plan, say))
    return Place(settings, airflow, portal, ledger)


def _stay_with(home: Path, database: str) -> None:
    """One home has one kind of database: another one would know nothing of its state."""
    kept = home / "database"
    chosen = kept.read_text(encoding="utf-8").strip() if kept.exists() else database
    if chosen != database:
        raise DemoError(
            f"{home} keeps its state in {chosen}; "
            f"{'add' if chosen == 'postgres' else 'leave out'} --postgres, "
            "or choose another WHARF_HOME"
        )
    home.mkdir(parents=True, exist_ok=True)
    kept.write_text(database + "\n", encoding="utf-8")


def _databases(stack: ExitStack, settings: Settings, say: Say) -> dict[str, str]:
    say("starting Postgres")
    cluster = start_postgres(settings.home / "postgres")
    stack.callback(cluster.stop)
    return {
        "airflow": cluster.create_database("airflow"),
        "WHARF_LEDGER_URL": cluster.create_database("ledger"),
        "WHARF_CATALOG_URL": cluster.create_database("catalog"),
    }


def _java_home() -> Path:
    home = Path(sys.prefix) / "jre"
    if not (home / "bin" / "java").exists():
        raise DemoError(f"there is no Java in {home}; run `make setup`")
    return home


def _write_connections(home: Path, connections: Mapping[str, str]) -> None:
    """Let the command line resolve the same connections without Airflow."""
    home.mkdir(parents=True, exist_ok=True)
    file = home / "connections.json"
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    known |= {name: json.loads(value) for name, value in connections.items()}
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        json.dump(known, stream, indent=2)
