"""One period's life, task by task, for processes that die: restated, rolled back, reverted.

A task is acknowledged once its line stands in a file, as Airflow notes a task's success; what a
killed process had not acknowledged, the next one does again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

from harbour import CONTRACT, SUITE
from killed_world import Point
from lake_world import die_at

from wharf import intake
from wharf.contracts import Feed, Period
from wharf.contracts.spec import build, parse_yaml
from wharf.errors import PublishRefused
from wharf.intake import Intake, open_intake
from wharf.settings import Connection, Settings, read_settings
from wharf.watch.look import look_for

TABLE = "raw.acme_prices"
ROWS = 30
FEED = CONTRACT.replace("2026-11-16", "2025-01-01")
STEPS = ("land", "stage", "audit", "publish")
TASKS = (
    *(f"{step} 1" for step in STEPS),
    *(f"{step} 2" for step in STEPS),
    "rollback 1",
    "repeat 2",
    *(f"{step} 3" for step in STEPS),
)
READ = {"publish 1": 1, "publish 2": 2, "rollback 1": 1, "publish 3": 3}
"""Which version readers see once a task is done; other tasks change nothing that they see."""


@dataclass(frozen=True)
class Acknowledged:
    """A task that was done, and the batch it gave, as a run keeps it for its later tasks."""

    task: str
    batch_id: str = ""


@dataclass(frozen=True)
class Cycle:
    """An installation in a folder, over the databases it is given."""

    root: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        home = {"WHARF_HOME": str(self.root / "home"), "WHARF_PROJECT": str(self.root / "project")}
        return read_settings({**home, **self.environ})

    @cached_property
    def intake(self) -> Intake:
        return open_intake(self.settings, self._resolve)

    @cached_property
    def feed(self) -> Feed:
        return build(Feed, parse_yaml(FEED, "prices.yaml"), "prices.yaml")

    def prepare(self) -> None:
        """Make the folders and the suite, before any process starts."""
        for folder in ("inbox", "acknowledged", "project/dags", "project/expectations/acme"):
            (self.root / folder).mkdir(parents=True)
        suite = self.root / "project/expectations/acme/prices.json"
        suite.write_text(json.dumps(SUITE))

    def acknowledged(self, day: str) -> list[Acknowledged]:
        """What was acknowledged of a day, in order."""
        file = self.root / "acknowledged" / day
        lines = file.read_text().splitlines() if file.exists() else []
        return [Acknowledged(*line.split("\t")) for line in lines]

    def live(
        self,
        day: str,
        points: tuple[Point, ...],
        tell: Pipe,
        tasks: tuple[str, ...] = TASKS,
    ) -> None:
        """Do what is left of a day; said is each task that begins, and last that all is done."""
        for point in points:
            die_at(*point)
        period = self.feed.parse_period(day)
        for task in tasks[len(self.acknowledged(day)) :]:
            tell.send(task)
            done = Acknowledged(task, self._do(task, period))
            with (self.root / "acknowledged" / day).open("a") as file:
                file.write(f"{done.task}\t{done.batch_id}\n")
        tell.send("end")

    def batch_of(self, day: str, version: int) -> str:
        """The batch of a version, as the run that staged it knows it."""
        found = [each for each in self.acknowledged(day) if each.task == f"stage {version}"]
        return found[0].batch_id if found else ""

    def _do(self, task: str, period: Period) -> str:
        verb, version = task.split()
        now = datetime(2026, 11, 20, 7, tzinfo=UTC) + timedelta(minutes=5 * TASKS.index(task))
        work: dict[str, Callable[[], object]] = {
            "land": partial(self._land, period, int(version), now),
            "stage": lambda: intake.stage_batch(
                self.intake, self.feed, period, now=now, run_id="run"
            ),
            "audit": lambda: intake.audit_batch(
                self.intake, self.feed, self.batch_of(period.key, int(version)), now=now
            ),
            "publish": lambda: self._publish(period, int(version), now),
            "rollback": lambda: self.intake.batches.rollback(
                TABLE,
                period.key,
                to=self.batch_of(period.key, 1),
                by="ann",
                reason="the restatement was wrong",
                now=now,
            ),
            "repeat": lambda: self._repeat(period, now),
        }
        given = work[verb]()
        return str(given) if verb == "stage" else ""

    def _land(self, period: Period, version: int, now: datetime) -> None:
        self.supply(period, version, now)
        look_for(self.intake, self.feed, period, now)
        intake.land_delivery(self.intake, self.feed, period, now=now)

    def supply(self, period: Period, version: int, now: datetime) -> None:
        """Put the file of a version at the source, unless it lies there."""
        file = self.root / "inbox" / f"prices_{period.first:%Y%m%d}.csv"
        text = delivered(period.key, version)
        if file.exists() and file.read_text() == text:
            return
        part = file.with_suffix(".part")
        part.write_text(text)
        os.utime(part, (now.timestamp(), now.timestamp()))
        part.rename(file)

    def _publish(self, period: Period, version: int, now: datetime) -> None:
        batch_id = self.batch_of(period.key, version)
        intake.publish_batch(self.intake, self.feed, batch_id, now=now, by="run")

    def _repeat(self, period: Period, now: datetime) -> None:
        """The run of version 2 is started again after a person rolled it back."""
        batch_id = intake.stage_batch(self.intake, self.feed, period, now=now, run_id="again")
        assert batch_id == self.batch_of(period.key, 2)
        intake.audit_batch(self.intake, self.feed, batch_id, now=now)
        try:
            intake.publish_batch(self.intake, self.feed, batch_id, now=now, by="again")
        except PublishRefused:
            return
        raise SystemExit(5)

    def _resolve(self, connection_id: str) -> Connection:
        return Connection(connection_id, "local", extra={"root": str(self.root / "inbox")})


def delivered(day: str, version: int) -> str:
    """The file of a version; the third is the first again, byte for byte."""
    lines = (f"{day} {n:02d},{price}\n" for n, price in enumerate(prices(version)))
    return "id,price\n" + "".join(lines)


def prices(version: int) -> list[str]:
    """The prices of a version; each row tells it."""
    return [f"{n}.{2 if version == 2 else 1}0" for n in range(ROWS + (version == 2))]


def live(
    root: Path, environ: Mapping[str, str], day: str, points: tuple[Point, ...], tell: Pipe
) -> None:
    """Do what is left of a day, in a process of its own; see `Cycle.live`."""
    Cycle(root, environ).live(day, points, tell)
