"""A small installation in a folder: one feed, its inbox, and the steps of a run without Airflow."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from wharf import intake
from wharf.contracts import Feed, Period
from wharf.intake import Intake, open_intake
from wharf.ledger import batches, deliveries, incidents
from wharf.ledger.rows import BatchRow, Delivery, Incident, Outgoing
from wharf.settings import Connection, Settings, read_settings
from wharf.timeliness.facts import State
from wharf.watch.evaluate import settle
from wharf.watch.expect import expect_one
from wharf.watch.look import look
from wharf.watch.promises import Promises, read_promises
from wharf.watch.tick import Ticked, tick

CONTRACT = """
feed: acme.prices
active: {from: "2026-11-16"}
table: raw.acme_prices
key: [id]
supplier: {id: acme}
source: {kind: local, connection: acme_inbox, path: "prices_{period:%Y%m%d}*.csv"}
format: {kind: csv}
columns:
  id: {type: string, required: true}
  price: {type: "decimal(12,2)"}
period: {kind: day}
timeliness:
  {tz: UTC, judge_by: arrival, opens: "T+0 06:00", due: "T+0 12:00", cutoff: "T+1d 00:00"}
"""
SUITE = {
    "name": "acme.prices",
    "expectations": [
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "price", "min_value": 0},
            "severity": "critical",
        }
    ],
    "meta": {},
}
DAY = datetime(2026, 11, 20, tzinfo=UTC)
GOOD = "id,price\na,1.50\nb,2.25\n"


@dataclass
class Harbour:
    """An installation that a test plays with; the clock moves by hand."""

    root: Path
    now: datetime = DAY + timedelta(hours=7)
    started: list[tuple[str, str, str]] = field(default_factory=list)
    contract: str = CONTRACT
    day: str = "2026-11-20"

    def __post_init__(self) -> None:
        self.inbox.mkdir(parents=True, exist_ok=True)
        (self.root / "project/dags/feeds/acme").mkdir(parents=True, exist_ok=True)
        (self.root / "project/expectations/acme").mkdir(parents=True, exist_ok=True)
        self.write_contract(self.contract)
        self.write_suite(SUITE)
        self.place: Intake = open_intake(self.settings, self.resolve)

    @property
    def inbox(self) -> Path:
        return self.root / "inbox"

    @property
    def settings(self) -> Settings:
        return read_settings(
            {"WHARF_HOME": str(self.root / "home"), "WHARF_PROJECT": str(self.root / "project")}
        )

    def resolve(self, connection_id: str) -> Connection:
        return Connection(connection_id, "local", extra={"root": str(self.inbox)})

    def write_contract(self, text: str) -> None:
        (self.root / "project/dags/feeds/acme/prices.yaml").write_text(text)

    def write_suite(self, suite: object) -> None:
        (self.root / "project/expectations/acme/prices.json").write_text(json.dumps(suite))

    @property
    def promises(self) -> Promises:
        return read_promises(self.place.ledger, self.root / "project", self.now)

    @property
    def feed(self) -> Feed:
        return self.promises.feeds["acme.prices"]

    @property
    def period(self) -> Period:
        return self.feed.parse_period(self.day)

    def deliver(self, text: str | bytes, name: str = "prices_20261120.csv") -> None:
        file = self.inbox / name
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        at = self.now.timestamp()
        os.utime(file, (at, at))

    def look(self) -> None:
        feed, period = self.feed, self.period
        expect_one(self.place.ledger, self.promises.project, feed, period, "c", self.now)
        look(self.place, {feed.feed: feed}, self.now)

    def tick(self) -> Ticked:
        def start(dag_id: str, key: str, cause: str) -> bool:
            self.started.append((dag_id, key, cause))
            return True

        return tick(self.place, self.promises, self.now, start_run=start, running_keys=set)

    def wait(self, **span: float) -> None:
        self.now += timedelta(**span)

    def steps(self) -> list[tuple[str, Callable[[], object]]]:
        """The steps of a run, each by its name, to be called in order."""
        made: dict[str, str] = {}

        def stage() -> None:
            made["id"] = intake.stage_batch(
                self.place, self.feed, self.period, now=self.now, run_id="test"
            )

        return [
            ("land", lambda: intake.land_delivery(
                self.place, self.feed, self.period, now=self.now)),
            ("stage", stage),
            ("audit", lambda: intake.audit_batch(self.place, self.feed, made["id"], now=self.now)),
            ("publish", lambda: intake.publish_batch(
                self.place, self.feed, made["id"], now=self.now, by="test")),
        ]  # fmt: skip

    def run(self) -> None:
        """One whole run: look first, then land, stage, audit, publish."""
        self.look()
        for _, step in self.steps():
            step()

    def state(self) -> State:
        return settle(self.place, self.promises, self.feed, self.period, self.now)

    def rows(self) -> list[tuple[str, str]]:
        """What a reader of the table sees: (id, price as text)."""
        import duckdb

        if not self.place.lake.has("raw.acme_prices"):
            return []
        sql = self.place.lake.scan_sql("raw.acme_prices")
        return duckdb.sql(f"select id, price::varchar from {sql} order by id").fetchall()

    def snapshot(self) -> int | None:
        lake = self.place.lake
        return lake.snapshot_id("raw.acme_prices") if lake.has("raw.acme_prices") else None

    def deliveries(self) -> list[Delivery]:
        with self.place.ledger.read() as tx:
            return deliveries.deliveries_of(tx, "acme.prices", self.day)

    def batches(self) -> list[BatchRow]:
        with self.place.ledger.read() as tx:
            return batches.batches_for(tx, "acme.prices", self.day)

    def incidents(self) -> list[Incident]:
        with self.place.ledger.read() as tx:
            return incidents.incidents_of(tx, "acme.prices", self.day)

    def messages(self) -> list[Outgoing]:
        with self.place.ledger.read() as tx:
            return incidents.messages(tx)
