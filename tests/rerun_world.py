"""A tick that does nothing but find which products to make again, over a small installation."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
from product_world import COUNTIES, D4, D5, DECIDED, Place, new_place

from wharf.batches import store_dataframe
from wharf.intake import Intake
from wharf.lake import open_landing
from wharf.ledger import decisions, proposals
from wharf.ledger.backfills import Backfill, record_backfill
from wharf.ledger.proposals import Proposal
from wharf.products import Manifest
from wharf.settings import environment_connection
from wharf.watch.promises import PromiseReader
from wharf.watch.reruns import wanted_reruns
from wharf.watch.starts import Wanted

OPEN = DECIDED + timedelta(minutes=15)
CLOSED = datetime.fromisoformat("2026-11-25T12:00:00+00:00")
FACTS = "product__parcel_facts"


@dataclass
class Watched:
    """An installation whose products are watched; runs are noted, not made."""

    place: Place
    started: list[tuple[str, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        ctx = self.place.ctx
        self.reader = PromiseReader(ctx.settings.project)
        self.intake = Intake(
            replace(ctx.settings, rerun_wait=timedelta(seconds=60)),
            ctx.ledger,
            ctx.lake,
            open_landing(ctx.settings),
            ctx.batches,
            environment_connection,
        )

    def wanted(self, now: datetime, running: Set[tuple[str, str]] = frozenset()) -> list[Wanted]:
        return wanted_reruns(self.intake, self.reader.read(self.ledger, now), running, now)

    def tick(self, now: datetime, running: Set[tuple[str, str]] = frozenset()) -> list[str]:
        """Start what is wanted; gives which products and periods."""
        found = self.wanted(now, running)
        for each in found:
            with self.ledger.write() as tx:
                decisions.record_run(tx, each.dag_id, each.key, each.cause, now)
            self.started.append((each.dag_id, each.key, each.cause))
        return [f"{each.dag_id} {each.key}" for each in found]

    @property
    def ledger(self):  # type: ignore[no-untyped-def]
        return self.place.ctx.ledger

    def publish(
        self, county: str, period: str, at: datetime, parcels: int = 9, by: str = "airflow:run"
    ) -> str:
        """A batch of a county as its feed's run would publish it."""
        with_rows = Place.deliver
        stored: list[str] = []

        class At(Place):
            def store(self, table: str, period: str, frame: pa.Table, feed: str) -> str:
                origin = {"feed": feed}
                stored.append(
                    store_dataframe(
                        self.ctx.batches, table, period, frame, now=at, by=by, origin=origin
                    )
                )
                return stored[-1]

        return with_rows(At(self.place.ctx), county, period, parcels=parcels)

    def made(self, now: datetime = DECIDED, period: str = D5) -> Manifest:
        """The product gathers."""
        return self.place.gather("parcel_facts", period, now=now)

    def proposals(self) -> list[Proposal]:
        with self.ledger.read() as tx:
            return proposals.open_proposals(tx)

    def backfill(self, follow: str, periods: tuple[str, ...] = (D5,)) -> Backfill:
        with self.ledger.write() as tx:
            return record_backfill(
                tx,
                Backfill(
                    subject="alder.parcels", dag_id="feed__alder__parcels", first=periods[0],
                    last=periods[-1], periods=periods, reprocess="completed", follow=follow,
                    by="ada", via="cli", reason="a wrong year", at=DECIDED,
                ),
            )  # fmt: skip


def new_watched(folder: Path, counties: tuple[str, ...] = COUNTIES) -> Watched:
    """All counties delivered but those left out, which have an older batch; made once."""
    watched = Watched(new_place(folder))
    early = DECIDED - timedelta(hours=3)
    for county in COUNTIES:
        watched.publish(county, D5 if county in counties else D4, early, parcels=8)
    watched.made()
    assert watched.tick(DECIDED) == []
    return watched
