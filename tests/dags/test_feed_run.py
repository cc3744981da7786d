"""A feed's run through Airflow's own task runner: each way it can end."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from wharf.contracts import Feed, load_feed
from wharf.intake import Intake, open_intake
from wharf.settings import parse_connection, read_settings

if TYPE_CHECKING:
    from airflow.models import DagRun

ROOT = Path(__file__).parents[2]
TODAY = datetime.now(UTC).date()
DAYS = [str(TODAY - timedelta(days=back)) for back in range(6, -1, -1)]
LAST_YEAR = "2025-03-03"
FEED = f"""
feed: acme.stock
about: What Acme has on its shelves.
active: {{from: "{DAYS[0]}"}}
table: raw.acme_stock
key: [sku]
supplier: {{id: acme}}
source: {{kind: local, connection: acme_inbox, path: "stock_{{period:%Y%m%d}}.csv"}}
format: {{kind: csv}}
columns: {{sku: {{type: string, required: true}}, pieces: {{type: long}}}}
period: {{kind: day}}
timeliness:
  tz: UTC
  judge_by: submission
  opens: "T+0 00:00"
  due: "T+0 22:00"
  cutoff: "T+2d 00:00"
"""
SUITE = {
    "name": "acme.stock",
    "expectations": [
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "pieces", "min_value": 0},
            "severity": "critical",
        }
    ],
}

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.slow,
    # Airflow itself, run in this process, warns of much that is not ours.
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def project(airflow_database: Path) -> Iterator[Path]:
    folder = airflow_database / "project"
    feed = folder / "dags" / "feeds" / "acme" / "stock.yaml"
    feed.parent.mkdir(parents=True)
    feed.write_text(FEED)
    shutil.copy(ROOT / "dags" / "feeds.py", folder / "dags")
    suite = folder / "expectations" / "acme" / "stock.json"
    suite.parent.mkdir(parents=True)
    suite.write_text(json.dumps(SUITE))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def inbox(airflow_database: Path) -> Path:
    folder = airflow_database / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture(autouse=True)
def _environment(airflow_database: Path, inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHARF_HOME", str(airflow_database / "wharf"))
    monkeypatch.setenv("WHARF_LOOK_EVERY", "0.2")
    connection = {"conn_type": "local", "extra": {"root": str(inbox)}}
    monkeypatch.setenv("AIRFLOW_CONN_ACME_INBOX", json.dumps(connection))


@pytest.fixture
def feed(project: Path) -> Feed:
    return load_feed(project / "dags" / "feeds" / "acme" / "stock.yaml")


@pytest.fixture
def place(inbox: Path) -> Intake:
    connection = json.dumps({"conn_type": "local", "extra": {"root": str(inbox)}})
    return open_intake(read_settings(), lambda name: parse_connection(name, connection))


def deliver(inbox: Path, day: str, *rows: str) -> None:
    text = "sku,pieces\n" + "\n".join(rows) + "\n"
    (inbox / f"stock_{day.replace('-', '')}.csv").write_text(text)


def look_and_expect(place: Intake, feed: Feed, day: str) -> None:
    from wharf.contracts import Project
    from wharf.watch.expect import expect_one
    from wharf.watch.look import look_for

    now = datetime.now(UTC)
    period = feed.parse_period(day)
    expect_one(place.ledger, Project(Path()), feed, period, "", now)
    look_for(place, feed, period, now)


def states(run: DagRun) -> dict[str, str]:
    return {task.task_id: str(task.state) for task in run.get_task_instances()}


def published(place: Intake) -> dict[str, str]:
    return dict(place.lake.current("raw.acme_stock")) if place.lake.has("raw.acme_stock") else {}


def test_a_delivery_is_published(
    run_dag: Any, project: Path, inbox: Path, place: Intake, feed: Feed
) -> None:
    deliver(inbox, DAYS[1], "a,1", "b,2")
    look_and_expect(place, feed, DAYS[1])
    run = run_dag("feed__acme__stock", DAYS[1])
    assert states(run) == dict.fromkeys(["await_delivery", "stage", "audit", "publish"], "success")
    assert list(published(place)) == [DAYS[1]]


def test_a_second_run_for_the_same_delivery_publishes_nothing_new(
    run_dag: Any, project: Path, place: Intake
) -> None:
    before = place.lake.snapshot_id("raw.acme_stock")
    run = run_dag("feed__acme__stock", DAYS[1])
    assert run.state == "success"
    assert place.lake.snapshot_id("raw.acme_stock") == before


@pytest.mark.parametrize("run_type", ["scheduled", "manual", "backfill"])
def test_a_failed_audit_leaves_readers_where_they_were(
    run_type: str, run_dag: Any, project: Path, inbox: Path, place: Intake, feed: Feed
) -> None:
    day = {"scheduled": DAYS[2], "manual": DAYS[3], "backfill": DAYS[4]}[run_type]
    before = place.lake.snapshot_id("raw.acme_stock")
    deliver(inbox, day, "a,1", "b,-2")
    look_and_expect(place, feed, day)
    run = run_dag("feed__acme__stock", day, run_type=run_type)
    assert run.state == "failed"
    assert states(run) == {
        "await_delivery": "success",
        "stage": "success",
        "audit": "failed",
        "publish": "upstream_failed",
    }
    assert place.lake.snapshot_id("raw.acme_stock") == before
    assert day not in published(place)


def test_a_run_without_a_period_fails_at_once(run_dag: Any, project: Path) -> None:
    run = run_dag("feed__acme__stock", None)
    assert run.state == "failed"
    assert states(run)["await_delivery"] == "failed"


def test_a_person_may_give_the_period_in_the_configuration(
    run_dag: Any, project: Path, inbox: Path, place: Intake, feed: Feed
) -> None:
    deliver(inbox, DAYS[5], "a,5")
    look_and_expect(place, feed, DAYS[5])
    run = run_dag("feed__acme__stock", None, conf={"period": DAYS[5]})
    assert run.state == "success"
    assert DAYS[5] in published(place)


def test_a_period_past_its_cut_off_with_nothing_there_ends_skipped(
    run_dag: Any, project: Path
) -> None:
    run = run_dag("feed__acme__stock", DAYS[0])
    assert run.state == "success"
    assert set(states(run).values()) == {"skipped"}


def test_a_period_of_last_year_is_looked_for_and_published(
    run_dag: Any, project: Path, inbox: Path, place: Intake
) -> None:
    deliver(inbox, LAST_YEAR, "a,9")
    run = run_dag("feed__acme__stock", LAST_YEAR, run_type="backfill")
    assert run.state == "success"
    assert LAST_YEAR in published(place)


def test_a_period_of_last_year_that_never_came_ends_skipped(run_dag: Any, project: Path) -> None:
    run = run_dag("feed__acme__stock", "2025-03-04", run_type="backfill")
    assert run.state == "success"
    assert states(run)["publish"] == "skipped"


def test_a_scheduled_run_outside_the_active_periods_ends_skipped(
    run_dag: Any, project: Path
) -> None:
    run = run_dag("feed__acme__stock", "2025-03-05", run_type="scheduled")
    assert states(run)["await_delivery"] == "skipped"


def test_a_run_is_known_to_the_ledger_so_that_no_second_one_is_started(
    run_dag: Any, project: Path, place: Intake
) -> None:
    from wharf.ledger import decisions

    run_dag("feed__acme__stock", DAYS[1])
    with place.ledger.read() as tx:
        known = {(run.dag_id, run.key) for run in decisions.runs_known(tx)}
    assert ("feed__acme__stock", DAYS[1]) in known


def test_a_waiting_run_goes_on_when_the_delivery_arrives(
    run_dag: Any, project: Path, inbox: Path, place: Intake, feed: Feed
) -> None:
    import threading

    def supplier() -> None:
        import time

        time.sleep(3)
        deliver(inbox, DAYS[6], "a,6")
        look_and_expect(place, feed, DAYS[6])

    thread = threading.Thread(target=supplier)
    thread.start()
    run = run_dag("feed__acme__stock", DAYS[6])
    thread.join()
    assert run.state == "success"
    assert DAYS[6] in published(place)
