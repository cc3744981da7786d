"""A small believable world for scoring tests: parcels, their model, a lake and a ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from wharf.batches import Batches
from wharf.contracts import Model
from wharf.lake import Batch, new_batch_id, open_lake
from wharf.ledger import Ledger
from wharf.scoring import ScoreContext, TableRef, Trained, train
from wharf.settings import read_settings

NOW = datetime(2026, 11, 20, 6, 4, 12, tzinfo=UTC)
COLUMNS = {
    "parcel_id": "string",
    "county": "string",
    "lot_sqft": "long",
    "building_sqft": "long",
    "stories": "int",
    "year_built": "int",
    "assessed_value": "decimal(14, 2)",
    "lon": "double",
    "is_residential": "boolean",
    "_period": "string",
}
FEATURES = [name for name in COLUMNS if name not in ("parcel_id", "is_residential", "_period")]


@dataclass(frozen=True)
class Pins:
    """The part of a manifest that scoring reads."""

    manifest_id: str = "parcel_use-2026-11-20-1"
    models: Mapping[str, int | None] = field(default_factory=dict)


def a_model(**changes: Any) -> Model:
    """The residential model's contract."""
    spec: dict[str, Any] = {
        "model": "residential",
        "target": "is_residential",
        "positive": "true",
        "features": {"table": "facts.parcels", "columns": FEATURES, "key": ["parcel_id"]},
        "train": {"product": "parcel_facts"},
        "table": "scores.residential",
    }
    return Model.model_validate(spec | changes)


def parcels(rows: int = 3000, *, seed: int = 7, noise: float = 0.05) -> pa.Table:
    """Parcels with missing values, unknown years, missing labels, and a use that can be learned."""
    random = np.random.default_rng(seed)
    lot = random.integers(900, 40_000, rows)
    building = random.integers(400, 9_000, rows)
    stories = random.integers(1, 12, rows)
    year = np.where(random.random(rows) < 0.08, 0, random.integers(1880, 2025, rows))
    county = random.choice(["alder", "birch", "cedar", "dune"], rows)
    residential = (stories < 4) & (building < 5000) | (county == "dune") & (lot > 30_000)
    residential ^= random.random(rows) < noise
    value = building * 97.5 + lot * 3.25 + 0.01
    return pa.table(
        {
            "parcel_id": [f"ALD-{at:06d}" for at in range(rows)],
            "county": pa.array(county, mask=random.random(rows) < 0.02),
            "lot_sqft": pa.array(lot, pa.int64()),
            "building_sqft": pa.array(building, pa.int64(), mask=random.random(rows) < 0.05),
            "stories": pa.array(stories, pa.int32()),
            "year_built": pa.array(year, pa.int32()),
            "assessed_value": pa.array(
                [Decimal(f"{one:.2f}") for one in value], pa.decimal128(14, 2)
            ),
            "lon": pa.array(-93.26 + random.normal(0, 0.02, rows)),
            "is_residential": pa.array(residential, mask=random.random(rows) < 0.12),
        }
    )


def train_on(model: Model, rows: pa.Table, *, now: datetime = NOW) -> Trained:
    """Train on an Arrow table."""
    with duckdb.connect() as connection:
        connection.register("rows", rows)
        tables = [TableRef("facts.parcels", 4711, ("20261120T060412345Z-7f3a9c",))]
        return train(model, connection, "rows", tables=tables, now=now)


def open_context(home: Path, **environment: str) -> ScoreContext:
    """A fresh installation under a folder."""
    settings = read_settings({"WHARF_HOME": str(home), **environment})
    ledger, lake = Ledger.open(settings.ledger_url), open_lake(settings)
    return ScoreContext(settings, ledger, lake, Batches(lake, ledger))


def stage_parcels(
    ctx: ScoreContext, parts: Sequence[pa.Table], *, period: str = "2026-11-20"
) -> Batch:
    """Stage parcels as a batch of facts.parcels, one file for each part."""
    names = [name for name in COLUMNS if name == "_period" or name in parts[0].column_names]
    batch = Batch(
        batch_id=new_batch_id(NOW),
        table="facts.parcels",
        period=period,
        files=(),
        rows=0,
        columns=ctx.lake.columns_for("facts.parcels", {name: COLUMNS[name] for name in names}),
    )
    for at, part in enumerate(parts):
        rows = part.append_column("_period", pa.repeat(period, part.num_rows))
        batch = ctx.lake.stage_rows(batch, rows, f"part-{at}.parquet")
    return ctx.batches.stage(batch, now=NOW, subject="parcel_facts")
