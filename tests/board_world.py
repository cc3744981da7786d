"""A ledger with three weeks of many suppliers in it, in every state that a cell can have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zlib import crc32

from wharf.contracts import Feed
from wharf.ledger import (
    Ledger,
    Transaction,
    arrivals,
    batches,
    decisions,
    deliveries,
    expected,
    incidents,
    products,
)
from wharf.ledger.rows import (
    Arrival,
    BatchRow,
    Decision,
    Delivery,
    ExpectedDelivery,
    ManifestRow,
    Outgoing,
    Poll,
    PublishEvent,
    ReleaseRow,
    Tick,
)
from wharf.settings import Settings, read_settings
from wharf.watch.evaluate import evaluate_due
from wharf.watch.expect import expect_horizon
from wharf.watch.promises import Promises, read_promises

NOW = datetime(2026, 11, 20, 14, 35, tzinfo=UTC)
HOSTILE = "<script>alert('wharf')</script>"
CALENDAR = """
calendar: office_days
weekmask: mon tue wed thu fri
holidays: ["2026-11-11"]
"""
FEED = """
feed: {name}
about: {about}
active: {{from: "{first}"}}
table: raw.{table}
supplier: {{id: {id}, name: "{supplier}"}}
source: {source}
format: {{kind: csv}}
columns: {{id: {{type: string}}}}
period: {period}
timeliness: {{tz: {tz}, opens: "{opens}", warn: "{warn}", due: "{due}", cutoff: "{cutoff}"}}
"""
DAILY = {
    "about": "Prices of everything.",
    "first": "2026-11-05",
    "period": "{kind: day}",
    "tz": "UTC",
    "opens": "T+0 06:00",
    "warn": "T+0 11:00",
    "due": "T+0 12:00",
    "cutoff": "T+1d 00:00",
}
PRODUCT = """
product: {name}
tier: {tier}
active: {{from: "2026-11-01"}}
period: {{kind: day}}
timeliness: {{tz: UTC, decide_at: "T+0 16:00", due: "T+0 17:00", cutoff: "T+2d 00:00"}}
inputs: {inputs}
steps: [{{dbt: "tag:x"}}]
"""


@dataclass
class BoardWorld:
    """An installation whose ledger is written by hand; nothing is fetched or staged."""

    root: Path
    now: datetime = NOW

    def __post_init__(self) -> None:
        self.settings: Settings = read_settings(
            {"WHARF_HOME": str(self.root / "home"), "WHARF_PROJECT": str(self.root / "project")}
        )
        self.ledger = Ledger.open(self.settings.ledger_url)
        self._tx: Transaction | None = None
        self._write("dags/calendars/office_days.yaml", CALENDAR)

    def feed(self, name: str, supplier: str = "", **terms: str) -> None:
        """Write a daily feed's contract; `terms` replace what is said in `DAILY`."""
        id_, _, rest = name.partition(".")
        source = f'{{kind: local, connection: {id_}_inbox, path: "{rest}_{{period:%Y%m%d}}.csv"}}'
        given = {"source": source, **DAILY, **terms}
        text = FEED.format(
            name=name, id=id_, supplier=supplier, table=name.replace(".", "_"), **given
        )
        self._write(f"dags/feeds/{id_}/{rest}.yaml", text)

    def product(self, name: str, inputs: str, tier: int = 1) -> None:
        """Write a product's contract."""
        text = PRODUCT.format(name=name, inputs=inputs, tier=tier)
        self._write(f"dags/products/{name}.yaml", text)

    def promise(self) -> Promises:
        """Read the contracts and make the rows they ask for."""
        promises = read_promises(self.ledger, self.settings.project, self.now)
        expect_horizon(self.ledger, promises, self.now)
        return promises

    def watch(self) -> None:
        """Look everywhere with success, evaluate, and leave both heartbeats."""
        promises = self.promise()
        with self.ledger.write() as tx:
            for connection in {feed.source.connection for feed in promises.feeds.values()}:
                known = arrivals.polls_of(tx, connection)
                if not known or known[-1].ok:
                    arrivals.append_poll(tx, Poll(connection, self.now, ok=True, listed=3))
        evaluate_due(self.ledger, promises, self.settings, self.now)
        with self.ledger.write() as tx:
            decisions.record_tick(tx, Tick("look", self.now - timedelta(seconds=25)))
            decisions.record_tick(tx, Tick("tick", self.now - timedelta(seconds=20)))

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Let what comes within the block be one transaction, which is much faster."""
        with self.ledger.write() as self._tx:
            yield
        self._tx = None

    @contextmanager
    def _writing(self) -> Iterator[Transaction]:
        if self._tx is not None:
            yield self._tx
            return
        with self.ledger.write() as tx:
            yield tx

    def rows(self, feed: str) -> list[ExpectedDelivery]:
        """Rows of a feed that have opened by now."""
        with self.ledger.read() as tx:
            return [row for row in expected.expected_of(tx, feed) if row.opens_at <= self.now]

    def came(
        self,
        feed: str,
        period: str,
        at: datetime,
        *,
        status: str = "PUBLISHED",
        parts: Sequence[str] = ("",),
        path: str = "",
        refused: str = "",
        rows_quarantined: int = 0,
        findings: Sequence[object] = (),
    ) -> str:
        """Let a delivery arrive; with a status it is staged as well. Gives the batch id."""
        batch_id = f"{at:%Y%m%dT%H%M%S000Z}-{crc32(f'{feed} {period}'.encode()) % 16**6:06x}"
        with self._writing() as tx:
            for part in parts:
                name = path or f"{feed}_{period}_{part or 'all'}.csv"
                self._land(tx, feed, period, part, name, at, refused)
            if status:
                row = BatchRow(
                    batch_id=batch_id,
                    table="raw." + feed.replace(".", "_"),
                    period=period,
                    subject=feed,
                    status=status,
                    staged_at=at + timedelta(minutes=2),
                    status_at=at + timedelta(minutes=4),
                    rows_in_file=125_000,
                    rows_staged=125_000 - rows_quarantined,
                    rows_quarantined=rows_quarantined,
                    findings=findings,
                )
                batches.record_batch(tx, row)
                if status == "PUBLISHED":
                    event = PublishEvent(
                        row.table, period, batch_id, "publish", 7, row.status_at, "run"
                    )
                    batches.record_publish(tx, event)
        return batch_id

    def _land(
        self,
        tx: Transaction,
        feed: str,
        period: str,
        part: str,
        name: str,
        at: datetime,
        refused: str,
    ) -> None:
        seen = Arrival(
            feed=feed,
            period=period,
            part=part,
            path=name,
            size=12_345_678,
            source_ts=at - timedelta(minutes=3),
            first_seen=at,
            fingerprint=at.isoformat(),
        )
        [arrival] = arrivals.append_arrivals(tx, [seen])
        expected.make_due(tx, feed, [period], self.now)
        known = [each for each in deliveries.deliveries_of(tx, feed, period) if each.part == part]
        row = Delivery(
            feed=feed,
            period=period,
            part=part,
            version=len(known) + 1,
            verdict="RESTATEMENT" if known else "NEW",
            arrival_seq=arrival.seq,
            path=name,
            uri="file:///landing",
            size=seen.size,
            sha256=f"{arrival.seq:064x}",
            submitted_at=seen.source_ts,
            arrived_at=at,
            landed_at=at + timedelta(minutes=1),
            outcome="refused" if refused else "loaded",
            reason=refused,
        )
        deliveries.record_delivery(tx, row)

    def decide(self, feed: str, period: str | None, kind: str, reason: str, **more: object) -> None:
        """Record what a person decided."""
        until = more.get("until")
        assert until is None or isinstance(until, datetime)
        at = self.now - timedelta(hours=3)
        with self.ledger.write() as tx:
            row = Decision(feed, period, kind, until, "jo@example.org", reason, at)
            decisions.record_decision(tx, row)

    def messages(self, feed: str, period: str, sent: Sequence[Outgoing]) -> None:
        """Queue messages about the incident that is open for a delivery."""
        with self.ledger.write() as tx:
            [opened, *_] = incidents.incidents_of(tx, feed, period)
            for number, each in enumerate(sent, start=1):
                values = {**vars(each), "incident_id": opened.id, "key": f"{feed}-{number}"}
                incidents.queue_message(tx, Outgoing(**values))

    def release(self, product: str, period: str, batch_id: str, manifest_id: str) -> None:
        """Release a product whose manifest names a batch."""
        body = {"inputs": [{"name": "x", "pins": [{"batch_id": batch_id}]}]}
        with self.ledger.write() as tx:
            products.record_manifest(tx, ManifestRow(manifest_id, product, period, body, self.now))
            products.record_release(
                tx, ReleaseRow(product, period, manifest_id, {}, self.now, "run")
            )

    def feeds(self) -> dict[str, Feed]:
        """Contracts in force."""
        return dict(read_promises(self.ledger, self.settings.project, self.now).feeds)

    def remove(self, file: str) -> None:
        """Delete a file of the project."""
        (self.settings.project / file).unlink()

    def _write(self, file: str, text: str) -> None:
        path = self.settings.project / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
