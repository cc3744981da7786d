"""What the core asks of its surroundings, as arguments: starting runs, resolving connections."""

from __future__ import annotations

from typing import Protocol

from wharf.settings import Connection


class StartRun(Protocol):
    """Starts one run of a DAG for a period key; `wharf.airflow.runs` implements it."""

    def __call__(self, dag_id: str, key: str, cause: str) -> bool:
        """Start a run.

        Args:
            dag_id: The DAG to run.
            key: The period key.
            cause: What it is started for; the run id is `wharf__<key>__<cause>`.

        Returns:
            True when started now, False when that run was there already.
        """
        ...


class ResolveConnection(Protocol):
    """Finds the credentials that a contract names by id."""

    def __call__(self, connection_id: str) -> Connection:
        """Resolve one connection.

        Raises:
            SettingsError: There is no such connection.
        """
        ...
