"""What a real Airflow must not hide: a paused DAG, a backfill before, a scheduler that was down."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from wharf.demo.airflow_plan import AirflowPlan
from wharf.demo.airflow_processes import AirflowProcesses, start_airflow
from wharf.demo.receivers import WebReceiver

ROOT = Path(__file__).parents[2]
NEVER, BOOKS, LATER = "acme.never", "acme.books", "acme.later"
FEED = """
feed: {feed}
active: {{from: "{since}"}}
table: raw.{table}
supplier: {{id: acme}}
source: {{kind: local, connection: acme_inbox, path: "{name}_{{period:%Y%m%d}}.csv"}}
format: {{kind: csv}}
columns: {{sku: {{type: string, required: true}}}}
period: {{kind: day}}
timeliness: {{tz: UTC, opens: "T+0 00:00", due: "T{due}", cutoff: "T+5d 00:00"}}
"""
SUITE = {
    "expectations": [{"type": "expect_column_values_to_be_unique", "kwargs": {"column": "sku"}}]
}
ROUTING = "channels: [{name: desk, kind: webhook, connection: desk}]\n"
WITHIN = timedelta(seconds=90)

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.timeout(900)]


@dataclass
class Place:
    """An Airflow whose feeds are paused, and the desk that is told."""

    airflow: AirflowProcesses
    project: Path
    inbox: Path
    desk: WebReceiver

    def promise(self, feed: str, since: date, due: datetime) -> datetime:
        """Write a contract for a feed of day periods, and give the instant it is late at."""
        due = due.replace(second=0, microsecond=0) + timedelta(minutes=1)
        offset = f"+{(due.date() - datetime.now(UTC).date()).days}d"
        name = feed.rpartition(".")[2]
        suite = self.project / "expectations" / "acme" / f"{name}.json"
        suite.write_text(json.dumps({"name": feed, **SUITE}))
        text = FEED.format(
            feed=feed, since=since, table=feed.replace(".", "_"), name=name,
            due=f"{offset} {due:%H:%M}",
        )  # fmt: skip
        (self.project / "dags" / "feeds" / "acme" / f"{name}.yaml").write_text(text)
        return due

    def told(self, feed: str) -> list[tuple[datetime, str]]:
        """When the desk heard of a feed by name, and what."""
        return [
            (datetime.fromisoformat(each.at), each.body["action"])
            for each in self.desk.messages
            if feed in json.dumps(each.body)
        ]


def until(condition: Callable[[], object], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.5)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("watching")
    inbox = folder / "inbox"
    for made in (inbox, folder / "dags/feeds/acme", folder / "expectations/acme"):
        made.mkdir(parents=True)
    for loader in ("feeds.py", "watch.py"):
        shutil.copy(ROOT / "dags" / loader, folder / "dags")
    (folder / "dags" / "alerts.yaml").write_text(ROUTING)
    with WebReceiver(folder / "received.jsonl") as desk:
        environment = {
            "WHARF_HOME": str(folder / "wharf"),
            "WHARF_ENV": "demo",
            "WHARF_GROUP_WAIT": "0",
            "WHARF_RERUN_WAIT": "0",
            "AIRFLOW_CONN_ACME_INBOX": _connection("local", extra={"root": str(inbox)}),
            "AIRFLOW_CONN_DESK": _connection("http", host=desk.address, password="secret"),
        }
        plan = AirflowPlan(
            home=folder / "airflow", dags=folder / "dags", environment=environment,
            reread_every=5,
        )  # fmt: skip
        with start_airflow(plan) as airflow:
            yield Place(airflow, folder, inbox, desk)


def _connection(kind: str, **more: object) -> str:
    return json.dumps({"conn_type": kind, **more})


def test_a_feed_that_never_delivered_is_told_of_though_its_dag_is_paused(place: Place) -> None:
    late_at = place.promise(NEVER, datetime.now(UTC).date(), datetime.now(UTC))
    until(lambda: place.told(NEVER), seconds=240)
    [(at, action)] = place.told(NEVER)
    assert action == "open"
    assert at >= late_at
    assert at - late_at < WITHIN
    assert place.airflow.rest.runs("feed__acme__never", ("success", "failed")) == []


def test_after_a_backfill_and_then_unpausing_no_period_is_skipped(place: Place) -> None:
    today = datetime.now(UTC).date()
    open_days = [today - timedelta(days=ago) for ago in (2, 1, 0)]
    for day in open_days:
        (place.inbox / f"books_{day:%Y%m%d}.csv").write_text(f"sku\n{day}\n")
    place.promise(BOOKS, open_days[0], datetime.now(UTC) + timedelta(days=3))
    dag_id = "feed__acme__books"
    until(lambda: dag_id in {dag["dag_id"] for dag in place.airflow.rest.dags()}, seconds=90)
    newest = datetime(today.year, today.month, today.day, tzinfo=UTC)
    place.airflow.rest.backfill(dag_id, newest, newest)
    place.airflow.rest.unpause(dag_id)
    wanted = {str(day) for day in open_days}

    def done() -> bool:
        runs = place.airflow.rest.runs(dag_id, ("success",))
        return wanted <= {run["partition_key"] for run in runs}

    until(done, seconds=300)
    assert place.told(BOOKS) == []


def test_what_was_late_while_the_scheduler_was_down_is_told_once_it_is_back(place: Place) -> None:
    [scheduler] = [place.airflow._children["scheduler"]]
    os.killpg(scheduler.pid, signal.SIGKILL)
    scheduler.wait(10)
    late_at = place.promise(LATER, datetime.now(UTC).date(), datetime.now(UTC))
    time.sleep(max(0.0, (late_at - datetime.now(UTC)).total_seconds()) + 20)
    assert place.told(LATER) == []
    place.airflow.restart("scheduler")
    back = datetime.now(UTC)
    until(lambda: place.told(LATER), seconds=240)
    time.sleep(5)
    [(at, action)] = place.told(LATER)
    assert action in {"open", "summary"}
    assert at - back < WITHIN * 2
