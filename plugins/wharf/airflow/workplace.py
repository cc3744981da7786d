"""Opening the places a task works in; the only clock of this room.

Everything heavy is imported when it is opened: this module is read wherever DAGs are parsed.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from wharf.settings import Settings, read_settings

if TYPE_CHECKING:
    from wharf.intake import Intake
    from wharf.ledger import Ledger
    from wharf.products import Context


def now() -> datetime:
    """The clock of tasks, triggers and callbacks."""
    return datetime.now(UTC)


def settings_for(project: Path) -> Settings:
    """The installation's settings, with the project that the running DAG file lies in."""
    return replace(read_settings(), project=project)


def open_place(project: Path) -> Intake:
    """Ledger, lake and landing area for the tasks of one run."""
    from wharf.airflow.connections import resolve
    from wharf.intake import open_intake

    return open_intake(settings_for(project), resolve)


def open_products(project: Path) -> Context:
    """The same, with the whole project, for the tasks of a product's run."""
    from wharf.contracts import load_project
    from wharf.products import Context

    return Context.of(open_place(project), load_project(project))


def shared_ledger() -> Ledger:
    """The ledger, opened once in this process (the triggerer holds many waiting runs)."""
    return _ledger(read_settings().ledger_url)


@lru_cache(maxsize=4)
def _ledger(url: str) -> Ledger:
    from wharf.ledger import Ledger

    return Ledger.open(url)
