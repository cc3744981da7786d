"""`make real`: the workbooks of two eras through Airflow, from the inboxes to the pages.

Everything lies in a folder of its own, and everything that is started is stopped at the end.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

import real_world
from real_world import ABSENT, BOROUGHS, YEARS, Taken

from wharf.demo.airflow_rest import AirflowRest
from wharf.demo.place import Place, open_place
from wharf.demo.progress import Progress
from wharf.errors import DemoError, WharfError
from wharf.intake import Intake, open_intake
from wharf.ledger import expected
from wharf.settings import Connection, Settings, read_settings

FEEDS = {f"{borough}.sales": f"feed__{borough}__sales" for borough in BOROUGHS}
FACTS, USE, MODEL = "product__sales_facts", "product__sales_use", "model__residential_sales"
LONGEST = timedelta(minutes=20)
MISSING = re.compile(r"<strong>\s*missing", re.IGNORECASE)


class City:
    """Runs of the city's feeds, products and model, started by hand or by backfill."""

    def __init__(self, place: Place, progress: Progress) -> None:
        self.place = place
        self.rest: AirflowRest = place.airflow.rest
        self.progress = progress
        self.until = time.monotonic() + LONGEST.total_seconds()

    def wait_for_dags(self) -> None:
        """Wait until Airflow has read every contract.

        Raises:
            DemoError: A DAG file is broken, or it takes too long.
        """
        wanted = {*FEEDS.values(), FACTS, USE, MODEL}
        while missing := wanted - {str(dag["dag_id"]) for dag in self.rest.dags()}:
            for file, text in self.rest.import_errors().items():
                raise DemoError(f"{file}: {text.splitlines()[-1]}")
            self._wait(f"Airflow has yet to read {len(missing)} contracts")
        for dag_id in sorted(wanted):
            self.rest.unpause(dag_id)

    def by_hand(self, dags: Iterable[str], year: str) -> None:
        """Start a run of each DAG with the year as its partition key, and wait for all."""
        started = [(dag, self.rest.trigger(dag, partition_key=year)) for dag in dags]
        for dag, run in started:
            self._finish(dag, year, run)

    def by_backfill(self, dags: Sequence[str], year: str) -> None:
        """Backfill the year of each DAG, and wait for all."""
        first = datetime(int(year), 1, 1, tzinfo=UTC)
        for dag in dags:
            self.rest.backfill(dag, first, first)
        for dag in dags:
            while not (runs := self._backfilled(dag, year)):
                self._wait(f"the backfill of {dag} {year} has yet to make its run")
            self._finish(dag, year, runs[-1])

    def train(self, year: str) -> None:
        """Train the model on one year's release."""
        self._finish(MODEL, year, self.rest.trigger(MODEL, conf={"period": year}))

    def wait_for_states(self) -> None:
        """Wait until the tick has judged every delivery: products write down what it found."""
        while open_rows := [row for row in self._rows() if row not in self._judged()]:
            self._wait(f"{len(open_rows)} deliveries are not judged yet")

    def board(self) -> list[str]:
        """Absent boroughs that the board does not show as missing."""
        told = []
        login = {"username": self.place.airflow.user, "password": self.place.airflow.password}
        with httpx.Client(base_url=self.place.airflow.url, trust_env=False, timeout=60) as client:
            token = client.post("/auth/token", json=login).json()["access_token"]
            for borough, year in ABSENT:
                path = f"/wharf/feeds/{borough}.sales/{year}"
                page = client.get(path, headers={"Authorization": f"Bearer {token}"})
                if not MISSING.search(page.text):
                    told.append(f"the board does not show {borough}.sales {year} as missing")
        return told

    def _backfilled(self, dag: str, year: str) -> list[str]:
        return [
            str(run["dag_run_id"])
            for run in self.rest.runs(dag)
            if run["partition_key"] == year and run["run_type"] == "backfill"
        ]

    def _finish(self, dag: str, year: str, run: str) -> None:
        while (state := self._state(dag, run)) not in {"success", "failed"}:
            self._wait(f"{dag} {year} is {state}")
        self.progress.say(f"{dag} {year}: {state}{self._skipped(dag, run)}")
        if state == "failed":
            raise DemoError(f"{dag} {year} failed: {self._why(dag, run)}")

    def _state(self, dag: str, run: str) -> str:
        return str(self.rest.get(f"/dags/{dag}/dagRuns/{run}")["state"])

    def _skipped(self, dag: str, run: str) -> str:
        tasks = [task["task_id"] for task in self.rest.tasks(dag, run) if _is(task, "skipped")]
        return f" ({', '.join(sorted(tasks))} skipped)" if tasks else ""

    def _why(self, dag: str, run: str) -> str:
        for task in self.rest.tasks(dag, run):
            if _is(task, "failed"):
                lines = self.rest.log(dag, run, task["task_id"], task["try_number"]).splitlines()
                return f"{task['task_id']}: {' | '.join(lines[-3:])}"
        return "no task says why"

    def _rows(self) -> list[tuple[str, str]]:
        return [(feed, year) for feed in FEEDS for year in YEARS]

    def _judged(self) -> set[tuple[str, str]]:
        with self.place.ledger.read() as tx:
            rows = [expected.find_expected(tx, feed, year) for feed, year in self._rows()]
        wanted = {"ON_TIME", "MISSING"}
        return {(row.feed, row.period) for row in rows if row and row.timeliness in wanted}

    def _wait(self, what: str) -> None:
        if time.monotonic() > self.until:
            raise DemoError(f"not done after {LONGEST}: {what}")
        for problem in self.place.airflow.problems():
            self.progress.show(problem)
        self.progress.show(what)
        time.sleep(1)


def _is(task: dict[str, object], state: str) -> bool:
    return task["state"] == state


def play(city: City) -> None:
    """Both eras: 2013 by hand, 2020 by backfill; the model learns from 2013 in between."""
    feeds = list(FEEDS.values())
    city.wait_for_dags()
    city.by_hand(feeds, "2013")
    city.by_backfill(feeds, "2020")
    city.wait_for_states()
    city.by_hand([FACTS], "2013")
    city.by_backfill([FACTS], "2020")
    city.train("2013")
    city.by_hand([USE], "2013")
    city.by_backfill([USE], "2020")


def show(taken: Iterable[Taken], place: Intake) -> None:
    """Print what became of each workbook, and how good the scores are."""
    table = Table("workbook", "year", "rows in", "staged", "quarantined", "state")
    for each in taken:
        counts = (each.rows, each.staged, each.quarantined)
        book = each.workbook
        table.add_row(book.feed, book.year, *(f"{n:,}" for n in counts), each.status)
    for borough, year in ABSENT:
        table.add_row(f"{borough}.sales", year, "", "", "", "MISSING")
    console = Console()
    console.print(table)
    scores = Table("year", "sales the model", "sales", "AUC", "accuracy", "commoner answer")
    for one in real_world.metrics(place):
        numbers = (one.auc, one.accuracy, one.majority_accuracy)
        scores.add_row(one.year, one.part, f"{one.sales:,}", *(f"{n:.4f}" for n in numbers))
    console.print(scores)


def run(data: Path, home: Path, progress: Progress, *, stays: bool) -> int:
    """Take the workbooks through Airflow; 0 when every claim holds."""
    project = real_world.copy_project(home / "project")
    environment = {"WHARF_HOME": str(home), "WHARF_PROJECT": str(project), "WHARF_ENV": "demo"}
    settings = read_settings(environment)
    books = real_world.workbooks(data)
    real_world.deliver(books, home / "inboxes")
    progress.say(f"{len(books)} workbooks stand in the inboxes; everything lies in {home}")
    with ExitStack() as stack:
        place = open_place(
            stack, settings, _connections(home), progress.say,
            postgres=False, port=0, look_every=60, tick_every=10,
        )  # fmt: skip
        progress.say(f"Airflow is up after {place.airflow.started_in:.0f} s")
        city = City(place, progress)
        try:
            play(city)
            told = city.board()
        except WharfError as error:
            told = [str(error)]
        told += _judge(settings, books)
        for line in told:
            progress.warn(line)
        progress.say(f"{len(told)} claims do not hold" if told else "every claim holds")
        if stays:
            _stay(place, progress)
        progress.say("stopping Airflow")
    progress.say(f"done after {progress.elapsed():.0f} s")
    return 1 if told else 0


def _judge(settings: Settings, books: Sequence[real_world.Workbook]) -> list[str]:
    place = open_intake(settings, _no_connection)
    taken = real_world.taken(place, books)
    told = real_world.shortfalls(place, taken)
    try:
        show(taken, place)
    except WharfError as error:
        told.append(f"no table: {error}")
    return told


def _connections(home: Path) -> dict[str, str]:
    given = real_world.connections(home / "inboxes")
    given["wharf_spark"] = {"conn_type": "spark", "host": "local[*]"}
    return {name: json.dumps(value) for name, value in given.items()}


def _no_connection(connection_id: str) -> Connection:
    raise WharfError(f"nothing is fetched here, not even by {connection_id!r}")


def _stay(place: Place, progress: Progress) -> None:
    login = f"login {place.airflow.user}, password {place.airflow.password}"
    progress.say(f"Airflow  {place.airflow.url}  ({login})")
    for borough, year in ABSENT:
        progress.say(f"board    {place.airflow.url}/wharf/feeds/{borough}.sales/{year}")
    progress.say(f"portal   {place.portal.url}")
    progress.say("Ctrl-C stops everything that was started")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        pass


def main() -> int:
    """Read the arguments, run, and clean up what went well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="keep everything here; a new folder")
    parser.add_argument("--stay", action="store_true", help="stay up until Ctrl-C")
    given = parser.parse_args()
    data = real_world.data_folder()
    if data is None:
        print("skipped: no real data; WHARF_REAL_DATA says where it lies")
        return 0
    if given.home and given.home.exists() and any(given.home.iterdir()):
        print(f"{given.home} is not empty; name a new folder", file=sys.stderr)
        return 2
    home = given.home or Path(tempfile.mkdtemp(prefix="wharf-real-"))
    progress = Progress(datetime.now(UTC))
    try:
        code = run(data, home.absolute(), progress, stays=given.stay)
    except KeyboardInterrupt:
        code = 130
    if code == 0 and not given.home:
        shutil.rmtree(home)
    else:
        progress.say(f"logs and state: {home}")
    return code


if __name__ == "__main__":
    sys.exit(main())
