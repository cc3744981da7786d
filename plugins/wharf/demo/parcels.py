"""Four counties of land parcels: seeded, the same parcels each day, a few hundred changes a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

SEED = 20_261_120
PARCELS = 5_200
USES = ("R1", "R2", "C1", "C2", "I1", "A1", "V0")
# One parcel owns one cell of 0.001 degree; some cells are roads and parks.
CELLS_X, CELLS_Y = 100, 80
NO_LABEL, NO_YEAR, NO_SALE, ODD_ONES = 0.12, 0.08, 0.38, 0.03
REASSESSED, SOLD, LABELLED, UNLABELLED = 250, 60, 25, 20

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class County:
    """One county: its box of cells, and the names of its streets."""

    name: str
    letters: str
    cell_x: int
    cell_y: int
    streets: tuple[str, ...]


_TREES = ("Oak St", "Maple Ave", "Cherry Ln", "Walnut St", "Linden Blvd", "Pine Ct", "Willow Way")
_NAMES = ("Main St", "Church St", "Mill Rd", "River Rd", "Station Rd", "School St", "Market St")
_FAMES = ("Lincoln Ave", "Grant St", "Douglass Blvd", "Tubman Ave", "Franklin St", "Adams St")
_VIEWS = ("Mesa Dr", "Canyon Rd", "Juniper St", "Sage Ln", "Prairie Ave", "Ridge Rd", "Creek Ct")
COUNTIES = {
    county.name: county
    for county in (
        County("alder", "ALD", -88_500, 41_500, _TREES + _NAMES),
        County("birch", "BIR", -74_500, 41_200, _NAMES + _FAMES),
        County("cedar", "CED", -93_600, 41_900, _TREES + _FAMES),
        County("dune", "DUN", -105_300, 39_900, _VIEWS + _NAMES),
    )
}
# By use: median and spread of lot and building area, floors, people's or firms' units by area.
_LOT = np.array([[8_500, 0.35], [15_000, 0.5], [20_000, 0.6], [25_000, 0.6], [90_000, 0.6],
                 [1_500_000, 0.8], [10_000, 0.7]])  # fmt: skip
_BUILDING = np.array([[2_000, 0.3], [11_000, 0.6], [9_000, 0.6], [40_000, 0.8], [35_000, 0.7],
                      [2_200, 0.3], [0, 0]])  # fmt: skip
_FLOORS = np.array([[1, 2], [2, 5], [1, 2], [2, 18], [1, 2], [1, 2], [0, 0]])
_AREA_PER_UNIT = np.array([1e9, 950, 4_000, 3_500, 20_000, 1e9, 1e9])
_LAND_RATE = np.array([12.0, 18.0, 26.0, 48.0, 6.0, 0.35, 7.0])
_BUILDING_RATE = np.array([150.0, 130.0, 165.0, 230.0, 75.0, 60.0, 0.0])


@dataclass
class _Roll:
    """A county's parcels on one day; money in cents."""

    use: Ints
    labelled: NDArray[np.bool_]
    lot: Ints
    building: Ints
    floors: Ints
    units: Ints
    year: Ints
    value: Ints
    sale: Ints
    """-1 where none is known."""
    x: Ints
    y: Ints
    at: Floats
    address: list[str]


def county_parcels(name: str, day: date, start: date) -> pl.DataFrame:
    """The parcels of a county on one day, by their canonical names.

    Args:
        name: The county.
        day: The day.
        start: First day of this world; changes accumulate from there.
    """
    county, roll = COUNTIES[name], _on_day(name, day, start)
    ids = [f"{county.letters}-{number:06d}" for number in range(1, PARCELS + 1)]
    uses = np.array(USES, dtype=object)[roll.use]
    uses[~roll.labelled] = None
    frame = pl.DataFrame({
        "parcel_id": ids,
        "address": roll.address,
        "land_use": pl.Series(uses.tolist(), dtype=pl.String),
        "lot_sqft": roll.lot,
        "building_sqft": roll.building,
        "stories": roll.floors,
        "units": roll.units,
        "year_built": roll.year,
        "assessed_value": roll.value,
        "last_sale_price": roll.sale,
        "lon": np.round((roll.x + roll.at[0]) / 1000, 6),
        "lat": np.round((roll.y + roll.at[1]) / 1000, 6),
    })  # fmt: skip
    money = pl.col("assessed_value", "last_sale_price")
    return frame.with_columns(
        pl.col("stories", "units", "year_built").cast(pl.Int32),
        pl.when(money >= 0).then((money.cast(pl.Decimal(16, 2)) / 100).cast(pl.Decimal(14, 2))),
    )


@lru_cache(maxsize=8)
def places(name: str) -> tuple[Ints, Ints, Ints, Ints]:
    """Cells, use and floor area of a county's parcels; they stay the same from day to day."""
    roll = _first(name)
    return roll.x, roll.y, roll.use, roll.building


def generator(*of: object) -> np.random.Generator:
    """The random numbers of one thing in this world, always the same."""
    words = [SEED, *(int.from_bytes(str(word).encode(), "big") % 2**31 for word in of)]
    return np.random.default_rng(words)


def _on_day(name: str, day: date, start: date) -> _Roll:
    base = _first(name)
    roll = _Roll(**{**vars(base), "use": base.use.copy(), "labelled": base.labelled.copy(),
                    "value": base.value.copy(), "sale": base.sale.copy()})  # fmt: skip
    for number in range(1, (day - start).days + 1):
        _change(roll, generator(name, start + timedelta(days=number)))
    return roll


def _change(roll: _Roll, random: np.random.Generator) -> None:
    some = random.choice(PARCELS, REASSESSED, replace=False)
    roll.value[some] = _whole_dollars(roll.value[some] * (1.01 + 0.05 * random.random(len(some))))
    some = random.choice(PARCELS, SOLD, replace=False)
    roll.sale[some] = _sale(roll.value[some], random)
    roll.labelled[random.choice(PARCELS, LABELLED, replace=False)] = True
    roll.labelled[random.choice(PARCELS, UNLABELLED, replace=False)] = False


@lru_cache(maxsize=4)
def _first(name: str) -> _Roll:
    county, random = COUNTIES[name], generator(name)
    cells = np.sort(random.choice(CELLS_X * CELLS_Y, PARCELS, replace=False))
    x, y = cells % CELLS_X, cells // CELLS_X
    use, far = _zoning(x / CELLS_X, y / CELLS_Y, random)
    lot = _areas(_LOT, use, random)
    building = np.where(random.random(PARCELS) < 0.2, 0, 1) * (use == 5) + (use != 5)
    building = building * np.minimum(_areas(_BUILDING, use, random), lot * 6)
    built = building > 0
    low, high = _FLOORS[use].T
    units = np.maximum(building // _AREA_PER_UNIT[use].astype(np.int64), 1)
    units = np.where(use == 1, np.maximum(units, 2), units)
    year = np.clip(random.normal(1938 + 70 * far, 21), 1871, 2024).astype(np.int64)
    known = built & (random.random(PARCELS) >= NO_YEAR)
    worth = (_LAND_RATE[use] * lot * (1.6 - 0.8 * np.minimum(far, 1))
             + _BUILDING_RATE[use] * building * (0.6 + 0.4 * (year - 1871) / 153))  # fmt: skip
    value = _whole_dollars(worth * random.lognormal(0, 0.18, PARCELS) * 85)
    sale = np.where(random.random(PARCELS) < NO_SALE, -1, _sale(value, random))
    numbers = random.integers(1, 990, PARCELS)
    streets = random.integers(0, len(county.streets), PARCELS)
    return _Roll(
        use=use,
        labelled=random.random(PARCELS) >= NO_LABEL,
        lot=lot,
        building=building,
        floors=np.where(built, random.integers(low, high + 1), 0),
        units=np.where(built, units, 0),
        year=np.where(known, year, 0),
        value=value,
        sale=sale,
        x=county.cell_x + x,
        y=county.cell_y + y,
        at=random.uniform(0.1, 0.9, (2, PARCELS)),
        address=[f"{n} {county.streets[s]}" for n, s in zip(numbers, streets, strict=True)],
    )


def _zoning(u: Floats, v: Floats, random: np.random.Generator) -> tuple[Ints, Floats]:
    """Uses that lie as in a town: offices inside, houses around, works at the railway, farms."""
    centre = 0.35 + 0.3 * random.random(2)
    far = np.hypot(u - centre[0], v - centre[1]) / 0.6
    railway = centre[0] + 0.3 + 0.1 * np.sin(v * 5)
    weight = np.column_stack([
        1.7 * np.exp(-(((far - 0.5) / 0.35) ** 2)),
        1.1 * np.exp(-(((far - 0.25) / 0.18) ** 2)),
        1.2 * np.exp(-((far / 0.25) ** 2)) + 0.09,
        2.4 * np.exp(-((far / 0.13) ** 2)) + 0.01,
        1.1 * np.exp(-(((u - railway) / 0.05) ** 2)),
        np.maximum(far - 0.6, 0) * 0.9,
        np.full_like(far, 0.04),
    ])  # fmt: skip
    use = np.argmax(np.log(weight + 1e-9) + random.gumbel(size=weight.shape), axis=1)
    odd = random.random(len(use)) < ODD_ONES
    return np.where(odd, random.integers(0, len(USES), len(use)), use), far


def _areas(table: Floats, use: Ints, random: np.random.Generator) -> Ints:
    median, spread = table[use].T
    areas = median * np.exp(spread * random.standard_normal(len(use)))
    return np.asarray(np.round(areas / 10) * 10, dtype=np.int64)


def _sale(value: Ints, random: np.random.Generator) -> Ints:
    price = value * random.lognormal(0.1, 0.25, len(value))
    return np.asarray(np.round(price / 50_000) * 50_000, dtype=np.int64)


def _whole_dollars(cents: Floats) -> Ints:
    return np.asarray(np.round(cents / 100) * 100, dtype=np.int64)
