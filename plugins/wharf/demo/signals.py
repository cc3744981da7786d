"""Points with a time: people at work by day and at home by night, on the counties' parcels."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import numpy as np
import polars as pl

from wharf.demo.parcels import CELLS_X, CELLS_Y, COUNTIES, Floats, Ints, generator, places

SIGNALS = 100_000
PARTS = ("a", "b", "c")
# The supplier closes its day at 18:00 UTC, so that the files can be there by 20:00.
CLOSES = timedelta(hours=18)
OFF_PARCELS = 0.08
_COUNTIES = tuple(COUNTIES)
_SHARE = (0.3, 0.3, 0.22, 0.18)
# By use (R1 R2 C1 C2 I1 A1 V0): how often someone is there by night, by day, in the evening.
_PRESENCE = np.array([[3, 6, 0.5, 0.4, 0.4, 0.3, 0.1], [1, 2, 6, 9, 4, 0.4, 0.2],
                      [2.5, 5, 4, 1.5, 0.6, 0.3, 0.1]])  # fmt: skip
# Activity by local hour: quiet nights, two peaks.
_BUSY = np.array([2, 1, 1, 1, 1, 2, 4, 7, 9, 8, 7, 7, 8, 8, 7, 7, 8, 10, 10, 9, 7, 6, 4, 3.0])


@lru_cache(maxsize=2)
def day_signals(day: date) -> pl.DataFrame:
    """The signals of one period: those of the 24 hours that end at 18:00 UTC of its day."""
    random = generator("signals", day)
    county = random.choice(len(_COUNTIES), SIGNALS, p=_SHARE)
    second = _seconds(county, random)
    hour = _local_hour(second, county)
    time_of_day = np.select([(hour >= 8) & (hour < 18), (hour >= 18) & (hour < 23)], [1, 2], 0)
    x, y = _cells(county, time_of_day, random)
    within = random.uniform(0.02, 0.98, (2, SIGNALS))
    order = np.argsort(second, kind="stable")
    began = datetime(day.year, day.month, day.day, tzinfo=UTC) + CLOSES - timedelta(days=1)
    frame = pl.DataFrame({
        "number": np.arange(1, SIGNALS + 1),
        "observed_at": second[order] + int(began.timestamp()),
        "lon": np.round((x + within[0]) / 1000, 6)[order],
        "lat": np.round((y + within[1]) / 1000, 6)[order],
        "accuracy_m": np.round(random.gamma(3.0, 4.0, SIGNALS), 1),
    })  # fmt: skip
    number = pl.col("number").cast(pl.String).str.zfill(6)
    return frame.select(
        pl.format("s{}-{}", pl.lit(f"{day:%Y%m%d}"), number).alias("signal_id"),
        pl.from_epoch("observed_at").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "lon",
        "lat",
        "accuracy_m",
    )


def part_of(signals: pl.DataFrame, part: str) -> pl.DataFrame:
    """One of the three parts of a day's signals, in the order of time."""
    size = -(-signals.height // len(PARTS))
    return signals.slice(PARTS.index(part) * size, size)


def _seconds(county: Ints, random: np.random.Generator) -> Ints:
    """Seconds since the supplier's day began, busy as the county's local hours are."""
    hours = np.empty(len(county), dtype=np.int64)
    for number in range(len(_COUNTIES)):
        chosen = county == number
        local = _local_hour(np.arange(24) * 3600, np.full(24, number))
        share = _BUSY[local] / _BUSY.sum()
        hours[chosen] = random.choice(24, int(chosen.sum()), p=share)
    return hours * 3600 + random.integers(0, 3600, len(county))


def _local_hour(second: Ints, county: Ints) -> Ints:
    """The hour by the sun: a degree of longitude is four minutes."""
    lon = np.array([place.cell_x / 1000 for place in COUNTIES.values()])[county]
    utc = (CLOSES.total_seconds() + second) / 3600
    return np.asarray(np.floor(utc + lon / 15) % 24, dtype=np.int64)


def _cells(county: Ints, time_of_day: Ints, random: np.random.Generator) -> tuple[Floats, Floats]:
    x, y = np.empty(len(county)), np.empty(len(county))
    for number, name in enumerate(_COUNTIES):
        cell_x, cell_y, use, building = places(name)
        for time in range(len(_PRESENCE)):
            chosen = (county == number) & (time_of_day == time)
            weight = _PRESENCE[time][use] * np.sqrt(building + 300)
            parcel = random.choice(len(use), int(chosen.sum()), p=weight / weight.sum())
            x[chosen], y[chosen] = cell_x[parcel], cell_y[parcel]
        away = (county == number) & (random.random(len(county)) < OFF_PARCELS)
        x[away] = COUNTIES[name].cell_x + random.integers(0, CELLS_X, int(away.sum()))
        y[away] = COUNTIES[name].cell_y + random.integers(0, CELLS_Y, int(away.sum()))
    return x, y
