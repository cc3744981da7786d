"""Replaying real deliveries: each into an inbox at its instant, and through the whole way."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from replay_data import Delivered, DeliverySet, by_instant

from wharf import intake
from wharf.contracts import Feed
from wharf.errors import AuditFailed, DeliveryMissing, DeliveryRefused, NothingNew, WharfError
from wharf.intake import Intake, open_intake
from wharf.ledger import arrivals, batches, deliveries
from wharf.ledger.rows import BatchRow, Delivery
from wharf.settings import Connection, read_settings
from wharf.watch.expect import expect_one
from wharf.watch.look import look
from wharf.watch.maintain import maintain
from wharf.watch.promises import Promises, read_promises

NIGHTLY = timedelta(days=60)
"""How often the replay does the nightly maintenance; each night would be 2,000 times, and each
looks at all that ever came."""


@dataclass
class Became:
    """What one delivery became on its way."""

    given: Delivered
    end: str
    """loaded, refused, quarantined, duplicate, waiting, withdrawn, ignored; or error."""
    reason: str = ""
    delivery: Delivery | None = None
    batch: BatchRow | None = None
    before: str | None = None
    """The batch that readers saw before it came."""
    after: str | None = None
    """The batch that readers see now."""
    moved: int = 0
    """How often the table's pointer moved while it was taken in."""
    seconds: float = 0.0


@dataclass
class Replay:
    """An installation with an inbox for each set of deliveries and a clock that follows them."""

    root: Path
    project: Path
    became: list[Became] = field(default_factory=list)
    spent: dict[str, float] = field(default_factory=dict)
    """CPU seconds by what they were spent on."""

    def __post_init__(self) -> None:
        home = {"WHARF_HOME": str(self.root / "home"), "WHARF_PROJECT": str(self.project)}
        self.place: Intake = open_intake(read_settings(home), self._resolve)
        self._promises: Promises | None = None
        self._expected: set[tuple[str, str]] = set()
        self._maintained: datetime | None = None

    def play(
        self,
        wanted: Sequence[Delivered],
        payload: Path,
        of: DeliverySet,
        *,
        told: Callable[[Became], None] = lambda _: None,
    ) -> list[Became]:
        """Take in deliveries in the order in which they arrived."""
        done = []
        for group in by_instant(wanted):
            for each in self._arrive(group, payload / of.name, of):
                done.append(each)
                told(each)
        self.became += done
        return done

    def feed(self, given: Delivered) -> Feed:
        """The contract of a delivery's feed."""
        assert self._promises is not None
        return self._promises.feeds[given.feed]

    def _arrive(
        self, group: Sequence[Delivered], payload: Path, of: DeliverySet
    ) -> Iterable[Became]:
        now = group[0].arrived
        promises = self._read_promises(now)
        for each in group:
            self._expect(promises, each, now)
            self._put(each, payload, of)
        self._timed("look", lambda: look(self.place, promises.feeds, now))
        for each in group:
            started = time.perf_counter()
            became = self._take_in(promises, each, now)
            became.seconds = time.perf_counter() - started
            yield became
        self._maintain(now)

    def _take_in(self, promises: Promises, given: Delivered, now: datetime) -> Became:
        """One run of the feed: land, stage, audit, publish, as its tasks do it."""
        ctx, feed = self.place, promises.feeds[given.feed]
        period = feed.parse_period(given.period)
        pointer, before = self._pointer(feed.table), self._current(feed.table, given.period)
        became = Became(given, "loaded", before=before)
        if given.status == "D":
            became.end, became.reason = self._withdrawal(given)
        else:
            try:
                self._timed("land", lambda: intake.land_delivery(ctx, feed, period, now=now))
                batch = self._timed(
                    "stage",
                    lambda: intake.stage_batch(ctx, feed, period, now=now, run_id="replay"),
                )
                self._timed("audit", lambda: intake.audit_batch(ctx, feed, batch, now=now))
                self._same_pointer(became, pointer, feed.table)
                self._timed(
                    "publish",
                    lambda: intake.publish_batch(ctx, feed, batch, now=now, by="replay"),
                )
            except (DeliveryRefused, AuditFailed, NothingNew, DeliveryMissing) as error:
                became.end, became.reason = _end(error), str(error)
            except WharfError as error:
                became.end, became.reason = "error", str(error)
        became.moved += pointer != self._pointer(feed.table)
        became.after = self._current(feed.table, given.period)
        self._look_up(became)
        return became

    def _same_pointer(self, became: Became, pointer: str | None, table: str) -> None:
        if self._pointer(table) != pointer:
            became.end, became.reason = "error", "readers saw another state before the publish"

    def _look_up(self, became: Became) -> None:
        """Find what the ledger wrote down about a delivery."""
        given = became.given
        with self.place.ledger.read() as tx:
            known = deliveries.deliveries_of(tx, given.feed, given.period)
            rows = batches.batches_for(tx, given.feed, given.period)
        if known and given.status != "D" and known[-1].arrived_at == given.arrived:
            became.delivery = known[-1]
        if became.end in {"loaded", "quarantined"}:
            became.batch = rows[-1]

    def _withdrawal(self, given: Delivered) -> tuple[str, str]:
        with self.place.ledger.read() as tx:
            seen = arrivals.arrivals_of(tx, given.feed, given.period)
        if seen and seen[-1].withdrawn and seen[-1].first_seen == given.arrived:
            return "withdrawn", "the file is not at the source any more"
        return "ignored", "the contract gives an absent file no meaning"

    def _pointer(self, table: str) -> str | None:
        """Where the catalog says that a table's current metadata lie."""
        namespace, name = table.split(".")
        query = (
            "SELECT metadata_location FROM iceberg_tables "
            "WHERE table_namespace = ? AND table_name = ?"
        )
        row = self._catalog.execute(query, (namespace, name)).fetchone()
        return row[0] if row else None

    @property
    def _catalog(self) -> sqlite3.Connection:
        if not hasattr(self, "_opened"):
            path = self.place.settings.catalog_url.removeprefix("sqlite:///")
            self._opened = sqlite3.connect(path)
        return self._opened

    def _current(self, table: str, period: str) -> str | None:
        with self.place.ledger.read() as tx:
            return batches.current(tx, table, period, period).get(period)

    def _put(self, each: Delivered, payload: Path, of: DeliverySet) -> None:
        target = self.root / of.connection / each.path
        if each.status == "D":
            target.unlink()
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        arriving = target.with_name(f".{target.name}")
        shutil.copyfile(payload / each.payload, arriving)
        at = each.written.timestamp()
        os.utime(arriving, (at, at))
        arriving.rename(target)

    def _expect(self, promises: Promises, each: Delivered, now: datetime) -> None:
        if (each.feed, each.period) not in self._expected:
            feed, contract = promises.feeds[each.feed], promises.hashes[each.feed]
            period = feed.parse_period(each.period)
            expect_one(self.place.ledger, promises.project, feed, period, contract, now)
            self._expected.add((each.feed, each.period))

    def _maintain(self, now: datetime) -> None:
        if self._maintained is None or now - self._maintained > NIGHTLY:
            self._timed("maintain", lambda: maintain(self.place, now))
            self._maintained = now

    def _read_promises(self, now: datetime) -> Promises:
        if self._promises is None:
            self._promises = read_promises(self.place.ledger, self.project, now)
        return self._promises

    def _resolve(self, connection_id: str) -> Connection:
        folder = self.root / connection_id
        folder.mkdir(parents=True, exist_ok=True)
        return Connection(connection_id, "local", extra={"root": str(folder)})

    def _timed(self, what: str, do: Callable[[], Any]) -> Any:
        started = time.process_time()
        try:
            return do()
        finally:
            taken = time.process_time() - started
            self.spent[what] = self.spent.get(what, 0.0) + taken


def _end(error: Exception) -> str:
    match error:
        case DeliveryRefused():
            return "refused"
        case AuditFailed():
            return "quarantined"
        case NothingNew():
            return "duplicate"
        case _:
            return "waiting"
