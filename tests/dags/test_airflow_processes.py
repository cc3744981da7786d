"""A real Airflow of four processes: started, used, seen dying, stopped with nothing left behind."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from wharf.demo.airflow_plan import AirflowPlan
from wharf.demo.airflow_processes import AirflowProcesses, start_airflow
from wharf.errors import DemoError

DAG_FILE = '''
"""A tiny Airflow DAG on our timetable."""
from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, task

from wharf.airflow.timetable import PeriodTimetable

with DAG(
    "tiny",
    schedule=PeriodTimetable("day", timezone="America/Chicago"),
    start_date=datetime.now(UTC) - timedelta(days=9),
    catchup=False,
):
    @task
    def say(dag_run=None):
        print("period", dag_run.partition_key)
        return dag_run.partition_key

    say()
'''

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowProcesses]:
    folder = tmp_path_factory.mktemp("airflow")
    (folder / "dags").mkdir()
    (folder / "dags" / "tiny.py").write_text(DAG_FILE)
    plan = AirflowPlan(
        home=folder / "home",
        dags=folder / "dags",
        preload=False,
        environment={"WHARF_HOME": str(folder / "wharf")},
    )
    told: list[str] = []
    with start_airflow(plan, told.append) as running:
        assert told[0] == "preparing Airflow's database"
        _until(lambda: any(dag["dag_id"] == "tiny" for dag in running.rest.dags()))
        yield running
        assert len(running.processes()) >= 8
    assert running.processes() == []


def _until(condition: object, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.3)


def test_all_components_are_healthy_and_no_file_is_broken(airflow: AirflowProcesses) -> None:
    assert airflow.problems() == []
    assert airflow.rest.import_errors() == {}


def test_one_period_has_one_partition_date_however_it_is_started(
    airflow: AirflowProcesses,
) -> None:
    airflow.rest.unpause("tiny")
    _until(lambda: airflow.rest.runs("tiny", ("success",)))
    [scheduled] = airflow.rest.runs("tiny")
    assert scheduled["run_type"] == "scheduled"
    key = scheduled["partition_key"]
    by_hand = airflow.rest.trigger("tiny", partition_key=key)
    assert airflow.rest.wait_for_run("tiny", by_hand, 60) == "success"
    midnight = datetime.fromisoformat(key).replace(tzinfo=UTC)
    airflow.rest.backfill("tiny", midnight, midnight, reprocess="completed")
    _until(lambda: len(airflow.rest.runs("tiny", ("success",))) == 3)
    runs = airflow.rest.runs("tiny")
    assert {run["run_type"] for run in runs} == {"scheduled", "manual", "backfill"}
    assert {run["partition_key"] for run in runs} == {key}
    assert len({run["partition_date"] for run in runs}) == 1
    assert f"period {key}" in airflow.rest.log("tiny", by_hand, "say")


def backfills(airflow: AirflowProcesses) -> list[dict[str, object]]:
    return list(airflow.rest.get("/backfills", dag_id="tiny")["backfills"])


def test_a_backfill_makes_one_run_for_each_period(airflow: AirflowProcesses) -> None:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first, last = today - timedelta(days=6), today - timedelta(days=4)
    _until(lambda: all(each["completed_at"] for each in backfills(airflow)))
    airflow.rest.backfill("tiny", first, last)
    wanted = {f"{first + timedelta(days=day):%Y-%m-%d}" for day in range(3)}

    def done() -> bool:
        keys = {run["partition_key"] for run in airflow.rest.runs("tiny", ("success",))}
        return wanted <= keys

    _until(done)


def test_a_malformed_key_is_refused_when_a_person_starts_a_run(airflow: AirflowProcesses) -> None:
    with pytest.raises(DemoError, match="'2026-W47' is not a day; write it as 2026-11-20"):
        airflow.rest.trigger("tiny", partition_key="2026-W47")


def test_nothing_listens_beyond_this_machine(airflow: AirflowProcesses) -> None:
    ours = _sockets_of(airflow.processes())
    addresses = {address for address, inode in _listening() if inode in ours}
    assert addresses
    assert {address.partition(":")[0] for address in addresses} == {"0100007F"}


def test_the_board_is_behind_the_login(airflow: AirflowProcesses) -> None:
    with httpx.Client(base_url=airflow.url, trust_env=False) as stranger:
        for path in ("/wharf/", "/wharf/status.json", "/wharf/static/board.css", "/wharf/no"):
            assert stranger.get(path).status_code in {401, 404}, path
    airflow.rest.health()
    airflow.rest.get("/version")
    headers = {"Authorization": f"Bearer {airflow.rest._token}"}
    with httpx.Client(base_url=airflow.url, trust_env=False, headers=headers) as person:
        assert person.get("/wharf/").status_code == 200
        assert person.get("/wharf/static/board.css").status_code == 200
    assert airflow.rest.get("/plugins", limit=5)["plugins"][0]["name"] == "wharf"


def test_the_password_file_is_the_owners_alone(airflow: AirflowProcesses) -> None:
    for name in ("passwords.json", "secrets.json"):
        assert (airflow.plan.home / name).stat().st_mode & 0o777 == 0o600
    logs = "".join(file.read_text(errors="replace") for file in airflow.logs.glob("*.log"))
    assert airflow.password not in logs


def test_every_process_stays_in_a_session_of_ours(airflow: AirflowProcesses) -> None:
    children = {child.pid for child in airflow._children.values()}
    assert {os.getsid(pid) for pid in airflow.processes()} == children


def test_a_dead_triggerer_is_noticed_and_can_be_started_again(airflow: AirflowProcesses) -> None:
    os.kill(airflow._children["triggerer"].pid, signal.SIGKILL)
    _until(airflow.problems, seconds=10)
    [problem] = airflow.problems()
    assert problem.startswith("triggerer ended with exit status -9; its log: ")
    airflow.restart("triggerer")
    _until(lambda: not airflow.problems())


def _listening() -> list[tuple[str, str]]:
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                found.append((fields[1], fields[9]))
    return found


def _sockets_of(pids: list[int]) -> set[str]:
    found = set()
    for pid in pids:
        for link in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                target = str(link.readlink())
            except OSError:
                continue
            if target.startswith("socket:["):
                found.add(target[8:-1])
    return found
