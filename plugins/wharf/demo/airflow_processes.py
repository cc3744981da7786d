"""Airflow's four components as processes of ours: started, watched, stopped with nothing left.

`airflow standalone` would do the starting, but it hides a dead component and a signal to it
leaves the components behind; so each one is our own child, in its own session.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from wharf.demo.airflow_plan import (
    MARK,
    AirflowPlan,
    airflow_environment,
    free_port,
    own_secrets,
    write_preload,
)
from wharf.demo.airflow_rest import AirflowRest
from wharf.errors import DemoError

Progress = Callable[[str], None]
_COMMANDS: Mapping[str, tuple[str, ...]] = {
    "api-server": ("api-server",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}


@dataclass
class AirflowProcesses:
    """A running Airflow; use as a context manager or call `stop`."""

    plan: AirflowPlan
    rest: AirflowRest
    user: str
    password: str = field(repr=False)
    started_in: float = 0.0
    _environment: dict[str, str] = field(default_factory=dict, repr=False)
    _children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict, repr=False)
    _sessions: set[int] = field(default_factory=set, repr=False)

    @property
    def url(self) -> str:
        """Address of the API server and the web interface."""
        return self.rest.url

    @property
    def logs(self) -> Path:
        """Folder of the components' own logs, one file each."""
        return self.plan.home / "logs" / "components"

    def __enter__(self) -> AirflowProcesses:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def problems(self) -> list[str]:
        """What is wrong right now: ended processes first, then what the health page says."""
        dead = [
            f"{name} ended with exit status {child.returncode}; its log: {self._log(name)}"
            for name, child in self._children.items()
            if child.poll() is not None
        ]
        return dead or self.rest.unhealthy(datetime.now(UTC))

    def processes(self) -> list[int]:
        """Every process of this Airflow that runs now, also those whose parent is gone.

        They are found by the sessions we made, and by a mark in their environment in case one
        has left its session. (The mark alone does not do: a process that changes its title
        overwrites what /proc shows of its environment.)
        """
        mark = f"{MARK}={self._environment[MARK]}".encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                marked = mark in (entry / "environ").read_bytes().split(b"\0")
                if marked or _session_of(int(entry.name)) in self._sessions:
                    found.append(int(entry.name))
        return [pid for pid in found if pid != os.getpid()]

    def restart(self, component: str) -> None:
        """Start one component again, ending what is left of it first."""
        child = self._children.pop(component, None)
        if child is not None and child.poll() is None:
            child.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(10)
        if child is not None:
            _kill_session(child.pid)
            child.wait(10)
        self._spawn(component)

    def stop(self, patience: float = 5.0) -> None:
        """Stop everything that was started, and wait until it is gone.

        Args:
            patience: How long running tasks may take to end by themselves, in seconds.
        """
        for name in ("scheduler", "dag-processor", "triggerer"):
            self._interrupt(name)
        scheduler = self._children.get("scheduler")
        if scheduler is not None and not _ended(scheduler, patience):
            # The scheduler must close its job row itself: killed, it would leave tasks "running"
            # for minutes after the next start. So only the tasks it waits for are ended.
            _kill_session(scheduler.pid, spare=scheduler.pid)
        _ended(scheduler, 15)
        self._interrupt("api-server")
        for child in self._children.values():
            _ended(child, 10)
        for child in self._children.values():
            _kill_session(child.pid)
            child.wait(10)
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._children.clear()
        self.rest.close()

    def _interrupt(self, name: str) -> None:
        child = self._children.get(name)
        if child is not None and child.poll() is None:
            child.send_signal(signal.SIGINT)

    def _spawn(self, name: str) -> None:
        with self._log(name).open("ab") as log:
            self._children[name] = subprocess.Popen(
                [sys.executable, "-m", "airflow", *_COMMANDS[name]],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_listen_to_interrupts,
            )
        self._sessions.add(self._children[name].pid)

    def _log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def _wait_until_healthy(self, progress: Progress, timeout: float) -> None:
        until = time.monotonic() + timeout
        said: list[str] = []
        while True:
            problems = self.problems()
            if not problems:
                return
            ended = [problem for problem in problems if "ended with" in problem]
            if ended or time.monotonic() > until:
                raise DemoError("Airflow did not start: " + "; ".join(problems))
            if problems != said:
                progress("waiting: " + ", ".join(problems))
                said = problems
            time.sleep(0.5)


def start_airflow(
    plan: AirflowPlan, progress: Progress = lambda _: None, timeout: float = 300.0
) -> AirflowProcesses:
    """Start Airflow and wait until all its components are healthy.

    Args:
        plan: What to start.
        progress: Told in words what is being waited for.
        timeout: The longest wait for health, in seconds.

    Raises:
        DemoError: The database could not be prepared, or a component ended or stayed ill.
    """
    begun = time.monotonic()
    (plan.home / "logs" / "components").mkdir(parents=True, exist_ok=True)
    own = own_secrets(plan.home)
    port = free_port(plan.port)
    environment = airflow_environment(plan, own, port)
    running = AirflowProcesses(
        plan=plan,
        rest=AirflowRest(f"http://127.0.0.1:{port}", "admin", own["password"]),
        user="admin",
        password=own["password"],
        _environment=environment,
    )
    write_preload(plan)
    progress("preparing Airflow's database")
    _prepare_database(plan, environment, running._log("database"))
    try:
        for name in _COMMANDS:
            running._spawn(name)
        running._wait_until_healthy(progress, timeout)
    except BaseException:
        running.stop(patience=0)
        raise
    running.started_in = time.monotonic() - begun
    return running


def _prepare_database(plan: AirflowPlan, environment: Mapping[str, str], log: Path) -> None:
    from importlib.metadata import version

    done = plan.home / f".migrated-{version('apache-airflow-core')}"
    address = environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    lost = address.startswith("sqlite:///") and not Path(address[10:]).exists()
    # Its hash only: an address may hold a password.
    named = hashlib.sha256(address.encode()).hexdigest()
    if done.exists() and not lost and done.read_text() == named:
        return
    with log.open("ab") as stream:
        command = [sys.executable, "-m", "airflow", "db", "migrate"]
        result = subprocess.run(command, env=environment, stdout=stream, stderr=stream, check=False)
    if result.returncode:
        raise DemoError(f"Airflow's database could not be prepared; read {log}")
    done.write_text(named)


def _listen_to_interrupts() -> None:
    # A background job of a shell ignores SIGINT and would pass that on to its children.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _ended(child: subprocess.Popen[bytes] | None, within: float) -> bool:
    if child is None:
        return True
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(within)
        return True
    return False


def _kill_session(session: int, spare: int = 0) -> None:
    for pid in _session_members(session):
        if pid != spare:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _session_members(session: int) -> list[int]:
    entries = Path("/proc").glob("[0-9]*")
    members = [int(each.name) for each in entries if _session_of(int(each.name)) == session]
    return members or [session]


def _session_of(pid: int) -> int:
    """The session of a process; 0 where it is gone or only waits to be reaped."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] == "Z" else int(fields[3])
