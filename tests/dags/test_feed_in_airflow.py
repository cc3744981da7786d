"""One feed in a real Airflow: its run waits, its deadline passes, then it is published."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from wharf.contracts import Project, load_feed
from wharf.demo.airflow_plan import AirflowPlan
from wharf.demo.airflow_processes import AirflowProcesses, start_airflow
from wharf.intake import Intake, open_intake
from wharf.ledger import expected
from wharf.settings import parse_connection, read_settings
from wharf.watch.expect import expect_one
from wharf.watch.look import look_for

ROOT = Path(__file__).parents[2]
DAG_ID = "feed__acme__stock"
FEED = """
feed: acme.stock
about: What Acme has on its shelves.
active: {{from: "{day}"}}
table: raw.acme_stock
supplier: {{id: acme}}
source: {{kind: local, connection: acme_inbox, path: "stock_{{period:%Y%m%d}}.csv"}}
format: {{kind: csv}}
columns: {{sku: {{type: string, required: true}}, pieces: {{type: long}}}}
period: {{kind: day}}
timeliness: {{tz: UTC, opens: "T-1d 00:00", due: "T{due}", cutoff: "T+3d 00:00"}}
"""

SUITE = {
    "name": "acme.stock",
    "expectations": [
        {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "sku"}},
    ],
}

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.timeout(600)]


@dataclass
class Place:
    """An Airflow with one feed, and the stores that its tasks use."""

    airflow: AirflowProcesses
    intake: Intake
    inbox: Path
    feed_file: Path
    day: str

    @property
    def run(self) -> dict[str, Any]:
        [run] = self.airflow.rest.runs(DAG_ID)
        return run

    def state_of(self, task: str) -> str:
        tasks = self.airflow.rest.tasks(DAG_ID, self.run["dag_run_id"])
        return str(next(each["state"] for each in tasks if each["task_id"] == task))


def until(condition: Callable[[], object], seconds: float = 90) -> float:
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, "it took too long"
        time.sleep(0.2)
    return time.monotonic() - begun


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("feed")
    file = folder / "dags" / "feeds" / "acme" / "stock.yaml"
    file.parent.mkdir(parents=True)
    shutil.copy(ROOT / "dags" / "feeds.py", folder / "dags")
    suite = folder / "expectations" / "acme" / "stock.json"
    suite.parent.mkdir(parents=True)
    suite.write_text(json.dumps(SUITE))
    inbox = folder / "inbox"
    inbox.mkdir()
    connection = json.dumps({"conn_type": "local", "extra": {"root": str(inbox)}})
    environment = {
        "WHARF_HOME": str(folder / "wharf"),
        "WHARF_LOOK_EVERY": "2",
        "AIRFLOW_CONN_ACME_INBOX": connection,
    }
    plan = AirflowPlan(
        home=folder / "airflow",
        dags=folder / "dags",
        paused=False,
        environment=environment,
    )
    intake = open_intake(
        read_settings(environment), lambda name: parse_connection(name, connection)
    )
    with start_airflow(plan) as airflow:
        now = datetime.now(UTC)
        # Late in 75 to 135 seconds: after the run was made, and while it waits.
        due = now + timedelta(seconds=134)
        offset = "+1d" if due.date() > now.date() else "+0"
        file.write_text(FEED.format(day=now.date(), due=f"{offset} {due:%H:%M}"))
        yield Place(airflow, intake, inbox, file, str(now.date()))


def test_the_scheduled_run_waits_in_the_triggerer(place: Place) -> None:
    until(lambda: [dag for dag in place.airflow.rest.dags() if dag["dag_id"] == DAG_ID])
    until(lambda: place.airflow.rest.runs(DAG_ID))
    assert place.run["partition_key"] == place.day
    until(lambda: place.state_of("await_delivery") == "deferred")
    _forget_to_evaluate(place)


def _forget_to_evaluate(place: Place) -> None:
    """Leave the row as a tick leaves it that sees nothing to wait for."""
    with place.intake.ledger.write() as tx:
        row = expected.find_expected(tx, "acme.stock", place.day)
        assert row is not None
        assert datetime.now(UTC) < row.late_at, "this machine is too slow for this test"
        state = {name: getattr(row, name) for name in expected.STATE}
        expected.record_state(tx, row, state, datetime.now(UTC), None)
    assert not _is_due(place)


def _is_due(place: Place) -> bool:
    with place.intake.ledger.read() as tx:
        return bool(expected.due_for_evaluation(tx, datetime.now(UTC)))


def test_its_deadlines_are_in_the_run_page(place: Place) -> None:
    path = f"/ui/dags/{DAG_ID}/dagRuns/{place.run['dag_run_id']}/deadlines"
    answer = place.airflow.rest._client.get(
        path, headers={"Authorization": f"Bearer {place.airflow.rest._token}"}
    )
    found = {each["alert_name"]: each["deadline_time"] for each in answer.json()["deadlines"]}
    assert set(found) == {"acme.stock is late", "acme.stock is missing"}


def test_reading_the_files_again_makes_no_new_version_of_the_dag(place: Place) -> None:
    time.sleep(12)
    assert place.airflow.rest.get(f"/dags/{DAG_ID}/dagVersions")["total_entries"] == 1


def test_a_deadline_that_passes_makes_the_evaluation_due(place: Place) -> None:
    with place.intake.ledger.read() as tx:
        row = expected.find_expected(tx, "acme.stock", place.day)
    assert row is not None
    until(lambda: _is_due(place), seconds=180)
    assert datetime.now(UTC) >= row.late_at


def test_the_run_goes_on_when_the_delivery_comes(place: Place) -> None:
    (place.inbox / f"stock_{place.day.replace('-', '')}.csv").write_text("sku,pieces\na,1\nb,2\n")
    now = datetime.now(UTC)
    feed = load_feed(place.feed_file)
    period = feed.parse_period(place.day)
    expect_one(place.intake.ledger, Project(Path()), feed, period, "", now)
    look_for(place.intake, feed, period, now)
    run_id = place.run["dag_run_id"]
    state = place.airflow.rest.wait_for_run(DAG_ID, run_id, 120)
    assert state == "success", place.airflow.rest.log(DAG_ID, run_id, "audit")
    assert list(place.intake.lake.current("raw.acme_stock")) == [place.day]


def test_the_published_table_is_announced_with_its_batch(place: Place) -> None:
    [event] = place.airflow.rest.get("/assets/events")["asset_events"]
    batch = place.intake.lake.current("raw.acme_stock")[place.day]
    assert event["uri"] == "x-wharf://raw.acme_stock"
    assert event["partition_key"] == place.day
    assert event["extra"] == {"batch_id": batch, "period": place.day}
