"""Starting runs, and knowing which are under way: Airflow's REST interface as `wharf_airflow`.

A task can start a run of another DAG, but Airflow 3.3 drops the partition key on that way.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import httpx

from wharf.contracts import ResolveConnection
from wharf.errors import AirflowUnavailable, SettingsError
from wharf.settings import Connection

CONNECTION = "wharf_airflow"
COMPONENTS = ("scheduler", "dag_processor", "triggerer")
OURS = ("feed__", "product__", "model__")
_PAGE = 100
_WAITS = (1.0, 3.0, 9.0)
log = logging.getLogger(__name__)


class AirflowRuns:
    """Starts runs through one connection; implements `wharf.contracts.StartRun`.

    Args:
        connection: Address and login of Airflow's API server.
        sleep: How to wait between two tries.
    """

    def __init__(self, connection: Connection, sleep: Callable[[float], None] = time.sleep) -> None:
        self._connection = connection
        self._sleep = sleep
        self._client = httpx.Client(base_url=address(connection), timeout=30, trust_env=False)
        self._token = ""

    def __enter__(self) -> AirflowRuns:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def __call__(self, dag_id: str, key: str, cause: str) -> bool:
        """Start one run of a DAG for a period key.

        Args:
            dag_id: The DAG to run.
            key: The period key.
            cause: What it is started for; a second start for the same cause does nothing.

        Returns:
            True when started now, False when that run was there already.

        Raises:
            AirflowUnavailable: Airflow did not answer, or has not read this DAG yet.
            SettingsError: Airflow refuses this login or this key.
        """
        run_id = f"wharf__{key}__{cause}"
        body: dict[str, object] = {
            "logical_date": None,
            "dag_run_id": run_id,
            "partition_key": key,
            "conf": {},
        }
        answer = self._ask("POST", f"/dags/{dag_id}/dagRuns", json=body)
        if answer.status_code == httpx.codes.CONFLICT:
            return False
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise AirflowUnavailable(f"Airflow does not know the DAG {dag_id!r} (yet)")
        self._insist(answer, f"starting {run_id} of {dag_id}")
        return True

    def running_keys(self) -> set[tuple[str, str]]:
        """(DAG id, period key) of every queued or running run of a feed, product or model.

        Raises:
            AirflowUnavailable: Airflow did not answer.
            SettingsError: Airflow refuses this login.
        """
        return {
            (str(run["dag_id"]), key)
            for run in self._active_runs()
            if str(run["dag_id"]).startswith(OURS) and (key := _key_of(run))
        }

    def heartbeats(self) -> dict[str, datetime | None]:
        """When each of Airflow's components gave its last sign of life; None for never.

        Its own word "healthy" is not used: it calls a dead triggerer that for a while.

        Raises:
            AirflowUnavailable: Airflow did not answer.
            SettingsError: Airflow refuses this login.
        """
        answer = self._ask("GET", "/monitor/health")
        self._insist(answer, "asking for its components")
        told = answer.json()
        found: dict[str, datetime | None] = {}
        for name in COMPONENTS:
            beat = (told.get(name) or {}).get(f"latest_{name}_heartbeat")
            found[name] = datetime.fromisoformat(beat) if beat else None
        return found

    def _active_runs(self) -> Iterator[Mapping[str, Any]]:
        offset = 0
        while True:
            query = {"state": ["queued", "running"], "limit": _PAGE, "offset": offset}
            answer = self._ask("GET", "/dags/~/dagRuns", params=query)
            self._insist(answer, "listing runs")
            page = answer.json()
            yield from page["dag_runs"]
            offset += len(page["dag_runs"])
            if not page["dag_runs"] or offset >= page["total_entries"]:
                return

    def _ask(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Ask, trying again when Airflow is busy or away, and once more with a new token."""
        for wait in (*_WAITS, None):
            try:
                answer = self._authorised(method, path, **arguments)
                if answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                    return answer
                trouble = f"answered {answer.status_code}"
            except httpx.TransportError as error:
                trouble = f"does not answer: {error}"
            if wait is not None:
                log.warning("Airflow %s; trying again in %s s", trouble, wait)
                self._sleep(wait)
        raise AirflowUnavailable(f"Airflow at {self._client.base_url} {trouble}")

    def _authorised(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        if not self._token:
            self._token = self._login()
        headers = {"Authorization": f"Bearer {self._token}"}
        answer = self._client.request(method, f"api/v2{path}", headers=headers, **arguments)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self._token = self._login()
            headers = {"Authorization": f"Bearer {self._token}"}
            answer = self._client.request(method, f"api/v2{path}", headers=headers, **arguments)
        return answer

    def _login(self) -> str:
        credentials = {
            "username": self._connection.login,
            "password": self._connection.password,
        }
        answer = self._client.post("auth/token", json=credentials)
        self._insist(answer, f"logging in as {self._connection.login!r}")
        return str(answer.json()["access_token"])

    def _insist(self, answer: httpx.Response, doing: str) -> None:
        if answer.is_success:
            return
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise AirflowUnavailable(f"Airflow answered {answer.status_code} to {doing}")
        raise SettingsError(
            f"Airflow refused {doing}: {answer.status_code} {answer.text[:300]}; "
            f"check the connection {self._connection.id!r}"
        )


class RunsByConnection:
    """The same, with the connection looked up when it is first needed.

    A missing connection must not keep a tick from evaluating and sending.

    Args:
        resolve: Finds the connection.
    """

    def __init__(self, resolve: ResolveConnection) -> None:
        self._resolve = resolve
        self._runs: AirflowRuns | None = None

    def __call__(self, dag_id: str, key: str, cause: str) -> bool:
        """See `AirflowRuns`."""
        return self._opened()(dag_id, key, cause)

    def running_keys(self) -> set[tuple[str, str]]:
        """See `AirflowRuns`."""
        return self._opened().running_keys()

    def heartbeats(self) -> dict[str, datetime | None]:
        """See `AirflowRuns`."""
        return self._opened().heartbeats()

    def _opened(self) -> AirflowRuns:
        if self._runs is None:
            self._runs = AirflowRuns(self._resolve(CONNECTION))
        return self._runs


def address(connection: Connection) -> str:
    """Where a connection to Airflow points: `http://host:port`, or the host as a whole address.

    Raises:
        SettingsError: The connection names no host.
    """
    if not connection.host:
        raise SettingsError(f"connection {connection.id!r} names no host of Airflow's API server")
    if "://" in connection.host:
        return connection.host
    scheme = connection.schema if connection.schema in {"http", "https"} else "http"
    port = f":{connection.port}" if connection.port else ""
    return f"{scheme}://{connection.host}{port}"


def _key_of(run: Mapping[str, Any]) -> str:
    conf = run.get("conf") or {}
    return str(run.get("partition_key") or conf.get("period") or "")
