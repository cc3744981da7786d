"""What the demo and `make serve` ask of Airflow: its public REST interface, nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from wharf.errors import DemoError

COMPONENTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")
_PAGE = 100
_WAITS = (0.5, 1.0, 2.0, 4.0, 8.0)


@dataclass
class AirflowRest:
    """One user of a running Airflow.

    Args:
        url: Address of the API server, without a path.
        user: Who to be.
        password: Their password.
    """

    url: str
    user: str
    password: str = field(repr=False)
    _client: httpx.Client = field(init=False, repr=False)
    _token: str = field(init=False, default="", repr=False)

    def __post_init__(self) -> None:
        self._client = httpx.Client(base_url=self.url, timeout=30, trust_env=False)

    def close(self) -> None:
        """Give the sockets back."""
        self._client.close()

    def health(self) -> Mapping[str, Any]:
        """Each component's status and last heartbeat; empty while the API server is not there."""
        try:
            answer = self._client.get("/api/v2/monitor/health", timeout=5)
            return dict(answer.json()) if answer.is_success else {}
        except (httpx.HTTPError, ValueError):
            return {}

    def unhealthy(self, now: datetime, older_than: float = 45.0) -> list[str]:
        """Components that say they are ill, or whose last heartbeat is too old.

        Airflow calls a dead triggerer healthy for a while, so the heartbeats are read too.

        Args:
            now: The time to compare heartbeats with.
            older_than: How old a heartbeat may be, in seconds.
        """
        found = []
        state = self.health()
        if not state:
            return ["the API server does not answer"]
        for name in COMPONENTS:
            part = state.get(name) or {}
            status = part.get("status") or "absent"
            beat = part.get(f"latest_{name}_heartbeat")
            age = (now - datetime.fromisoformat(beat)).total_seconds() if beat else 0.0
            if status != "healthy":
                found.append(f"{name} is {status}")
            elif age > older_than:
                found.append(f"{name} gave no heartbeat for {age:.0f} s")
        return found

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Read one resource below `/api/v2`."""
        return self._ask("GET", path, params=query)

    def unpause(self, dag_id: str, paused: bool = False) -> None:
        """Let a DAG's runs start, or hold them."""
        self._ask("PATCH", f"/dags/{dag_id}", json={"is_paused": paused})

    def trigger(
        self,
        dag_id: str,
        partition_key: str | None = None,
        run_id: str | None = None,
        conf: Mapping[str, object] | None = None,
    ) -> str:
        """Start a run by hand.

        Returns:
            The run id.
        """
        body: dict[str, object] = {"logical_date": None, "conf": dict(conf or {})}
        body |= {"partition_key": partition_key} if partition_key else {}
        body |= {"dag_run_id": run_id} if run_id else {}
        return str(self._ask("POST", f"/dags/{dag_id}/dagRuns", json=body)["dag_run_id"])

    def backfill(
        self, dag_id: str, first: datetime, last: datetime, reprocess: str = "none"
    ) -> int:
        """Start a backfill over partition dates, both ends included.

        Args:
            dag_id: Its DAG.
            first: Midnight UTC of the first day; Airflow reads its clock time in the DAG's zone.
            last: The same, of the last period's first day.
            reprocess: `none`, `failed` or `completed`: which periods to run again.

        Returns:
            The backfill's number.
        """
        body = {
            "dag_id": dag_id,
            "from_date": first.astimezone(UTC).isoformat(),
            "to_date": last.astimezone(UTC).isoformat(),
            "reprocess_behavior": reprocess,
            "max_active_runs": 4,
            "run_on_latest_version": True,
        }
        return int(self._ask("POST", "/backfills", json=body)["id"])

    def dags(self) -> list[dict[str, Any]]:
        """Every DAG that Airflow has read."""
        return list(self._pages("/dags", "dags"))

    def runs(self, dag_id: str = "~", states: tuple[str, ...] = ()) -> list[dict[str, Any]]:
        """Runs of one DAG or of all, in any of the given states."""
        query = {"state": list(states)} if states else {}
        return list(self._pages(f"/dags/{dag_id}/dagRuns", "dag_runs", **query))

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """The task instances of one run."""
        return list(self._pages(f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances", "task_instances"))

    def log(self, dag_id: str, run_id: str, task_id: str, attempt: int = 1) -> str:
        """What one attempt of a task wrote."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{attempt}"
        lines = self._ask("GET", path, params={"full_content": True}).get("content") or []
        return "\n".join(_line(each) for each in lines)

    def import_errors(self) -> dict[str, str]:
        """File name to message of every file that Airflow could not read."""
        errors = self._pages("/importErrors", "import_errors")
        return {str(error["filename"]): str(error["stack_trace"]) for error in errors}

    def wait_for_run(self, dag_id: str, run_id: str, timeout: float) -> str:
        """Wait until a run has ended.

        Args:
            dag_id: Its DAG.
            run_id: Its id.
            timeout: The longest wait, in seconds.

        Returns:
            Its final state, or the state it was in when the time was over.
        """
        until = time.monotonic() + timeout
        while True:
            state = str(self.get(f"/dags/{dag_id}/dagRuns/{run_id}")["state"])
            if state in {"success", "failed"} or time.monotonic() > until:
                return state
            time.sleep(0.3)

    def _pages(self, path: str, name: str, **query: Any) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            answer = self.get(path, limit=_PAGE, offset=offset, **query)
            rows = answer.get(name) or []
            yield from rows
            offset += len(rows)
            if not rows or offset >= int(answer.get("total_entries") or 0):
                return

    def _ask(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        """Ask once more after a moment when Airflow's database was busy, or the token is old."""
        for wait in (*_WAITS, None):
            answer = self._ask_once(method, path, **arguments)
            if answer.status_code == httpx.codes.UNAUTHORIZED and wait is not None:
                self._token = ""
            elif answer.is_server_error and wait is not None:
                time.sleep(wait)
            else:
                break
        if not answer.is_success:
            raise DemoError(
                f"Airflow refused {method} {path}: {answer.status_code} {answer.text[:500]}"
            )
        return dict(answer.json()) if answer.content else {}

    def _ask_once(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        if not self._token:
            self._token = self._login()
        headers = {"Authorization": f"Bearer {self._token}"}
        try:
            return self._client.request(method, f"/api/v2{path}", headers=headers, **arguments)
        except httpx.HTTPError as error:
            raise DemoError(f"Airflow at {self.url} does not answer: {error}") from error

    def _login(self) -> str:
        body = {"username": self.user, "password": self.password}
        try:
            answer = self._client.post("/auth/token", json=body)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise DemoError(
                f"cannot log in to Airflow at {self.url} as {self.user}: {error}"
            ) from error
        return str(answer.json()["access_token"])


def _line(entry: Any) -> str:
    """One line of a task's log; of an error its message, not its stack."""
    if not isinstance(entry, dict):
        return str(entry)
    errors = [str(each.get("exc_value")) for each in entry.get("error_detail") or []]
    return ": ".join(dict.fromkeys([str(entry.get("event")), *errors]))
