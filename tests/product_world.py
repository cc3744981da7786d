"""A small installation: four counties and a location company delivered, nothing made of it yet."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa

from wharf.batches import Batches, store_dataframe
from wharf.contracts import load_project
from wharf.lake import open_lake
from wharf.ledger import Ledger
from wharf.products import Context, Manifest, gather
from wharf.settings import read_settings

REPOSITORY = Path(__file__).parents[1]
D4, D5 = "2026-11-19", "2026-11-20"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DECIDED = datetime(2026, 11, 20, 23, 45, tzinfo=UTC)
COUNTIES = ("alder", "birch", "cedar", "dune")
ACTIVE = re.compile(r'(active: \{from: )"[^"]+"')
LABELS = ("R1", "R2", "C1", None)


@dataclass(frozen=True)
class Place:
    """An installation in a temporary folder."""

    ctx: Context

    def deliver(self, county: str, period: str, *, parcels: int = 8, twice: bool = False) -> str:
        """Publish a county's parcels for a period, as its feed would; `twice` repeats an id."""
        place = COUNTIES.index(county)
        ids = [f"{county[:3].upper()}-{number:06d}" for number in range(parcels)]
        ids[-1] = ids[0] if twice else ids[-1]
        dollars = pa.decimal128(14, 2)
        frame = pa.table(
            {
                "parcel_id": ids,
                "address": [f"{number} Main St" for number in range(parcels)],
                "land_use": [LABELS[number % 4] for number in range(parcels)],
                "lot_sqft": pa.array(range(5000, 5000 + parcels), pa.int64()),
                "building_sqft": pa.array([1500] * parcels, pa.int64()),
                "stories": pa.array([2] * parcels, pa.int32()),
                "units": pa.array([1] * parcels, pa.int32()),
                "year_built": pa.array([0, *[1990] * (parcels - 1)], pa.int32()),
                "assessed_value": pa.array([Decimal("250000.00")] * parcels, dollars),
                "last_sale_price": pa.array([None] * parcels, dollars),
                "lon": [-90.0 - 10 * place + number / 1000 + 0.0005 for number in range(parcels)],
                "lat": [40.0005] * parcels,
                "_period": [period] * parcels,
                "_batch_id": ["b"] * parcels,
                "_file": ["f.csv"] * parcels,
                "_line": pa.array(range(2, 2 + parcels), pa.int64()),
            }
        )
        return self.store(f"raw.{county}_parcels", period, frame, f"{county}.parcels")

    def deliver_signals(self, period: str, signals: int = 24) -> str:
        """Publish signals, every other one on a parcel of Alder."""
        first = datetime.fromisoformat(f"{period}T00:30:00+00:00")
        frame = pa.table(
            {
                "signal_id": [f"s{number}" for number in range(signals)],
                "observed_at": pa.array(
                    [first.replace(hour=number % 24) for number in range(signals)],
                    pa.timestamp("us", tz="UTC"),
                ),
                "lon": [-90.0 + 0.0005 if number % 2 else 10.0 for number in range(signals)],
                "lat": [40.0005] * signals,
                "accuracy_m": [5.0] * signals,
                "_period": [period] * signals,
                "_batch_id": ["b"] * signals,
                "_file": ["f.csv"] * signals,
                "_line": pa.array(range(2, 2 + signals), pa.int64()),
            }
        )
        return self.store("raw.signalpath_locations", period, frame, "signalpath.locations")

    def store(self, table: str, period: str, frame: pa.Table, feed: str) -> str:
        """Publish a frame as one period of a table."""
        return store_dataframe(
            self.ctx.batches, table, period, frame, now=NOON, by="test", origin={"feed": feed}
        )

    def deliver_all(self, period: str) -> None:
        """Publish all four counties for a period."""
        for county in COUNTIES:
            self.deliver(county, period)

    def gather(self, product: str, period: str = D5, now: datetime = DECIDED) -> Manifest:
        """Gather a product that has all it needs."""
        row = gather(self.ctx, product, period, now=now)
        return Manifest.from_row(row)  # type: ignore[arg-type]

    def change_model(self, file: str, change: Callable[[str], str]) -> None:
        """Edit a dbt model of this installation's own project."""
        path = self.ctx.settings.project / "dbt" / "models" / file
        path.write_text(change(path.read_text()))


def new_place(folder: Path) -> Place:
    """An installation with a project of its own and an empty lake."""
    project = folder / "project"
    for name in ("dags", "dbt", "expectations"):
        shutil.copytree(
            REPOSITORY / name,
            project / name,
            ignore=shutil.ignore_patterns("target", "logs", "__pycache__", "*.py"),
        )
    for file in project.glob("dags/**/*.yaml"):
        first = D5 if file.parent.name == "products" else "2026-11-16"
        file.write_text(ACTIVE.sub(rf'\g<1>"{first}"', file.read_text()))
    _lend_parsed_project(folder / "work" / "parsed")
    settings = read_settings({"WHARF_HOME": str(folder), "WHARF_PROJECT": str(project)})
    ledger = Ledger.open(settings.ledger_url)
    lake = open_lake(settings)
    ctx = Context(settings, load_project(project), ledger, lake, Batches(lake, ledger))
    return Place(ctx)


_parsed_folders: list[Path] = []


def _lend_parsed_project(folder: Path) -> None:
    """Parsing the dbt project takes longer than building it: take over what another test parsed."""
    for earlier in _parsed_folders:
        if earlier.exists() and not folder.exists():
            shutil.copytree(earlier, folder)
    _parsed_folders.append(folder)
