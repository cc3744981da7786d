"""Building permits of the city of Ember: some two hundred a day."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from wharf.demo.parcels import COUNTIES, PARCELS, generator

PERMITS = 200
_KINDS = ("new", "alteration", "demolition", "sign")
_TYPICAL_COST = np.array([280_000, 24_000, 12_000, 1_800])


def day_permits(day: date) -> pl.DataFrame:
    """The permits published at the start of a day: those issued the day before."""
    random = generator("permits", day)
    letters = [county.letters for county in COUNTIES.values()]
    county = random.integers(0, len(letters), PERMITS)
    parcel = random.integers(1, PARCELS + 1, PERMITS)
    kind = random.choice(len(_KINDS), PERMITS, p=(0.12, 0.68, 0.08, 0.12))
    cents = np.round(_TYPICAL_COST[kind] * random.lognormal(0, 0.7, PERMITS) * 100)
    frame = pl.DataFrame({
        "permit_id": [f"P{day:%Y%m%d}-{number:04d}" for number in range(1, PERMITS + 1)],
        "parcel_id": [f"{letters[c]}-{p:06d}" for c, p in zip(county, parcel, strict=True)],
        "issued_on": [(day - timedelta(days=1)).isoformat()] * PERMITS,
        "kind": [_KINDS[k] for k in kind],
        "cost": cents.astype(np.int64),
    })  # fmt: skip
    cost = pl.col("cost").cast(pl.Decimal(16, 2))
    return frame.with_columns((cost / 100).cast(pl.Decimal(14, 2)))
