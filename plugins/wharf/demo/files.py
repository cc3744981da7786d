"""The suppliers' files: the same facts in each one's own form and spelling, whole or broken."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from datetime import date

import polars as pl

from wharf.demo.parcels import PARCELS, county_parcels, generator
from wharf.demo.permits import day_permits
from wharf.demo.signals import day_signals, part_of
from wharf.spreadsheet import Cell, workbook

BROKEN_ROWS, NEGATIVE_ROWS, LEFT_OUT = 40, 312, 20
_ALDER = {
    "parcel_id": "Parcel ID", "address": "Site Address", "land_use": "Land Use",
    "lot_sqft": "Lot Sq Ft", "building_sqft": "Building Sq Ft", "stories": "Stories",
    "units": "Units", "year_built": "Year Built", "assessed_value": "Assessed Value",
    "last_sale_price": "Last Sale Price", "lon": "Longitude", "lat": "Latitude",
}  # fmt: skip
_BIRCH = {
    "parcel_id": "PARCEL NO", "address": "SITUS ADDRESS", "land_use": "USE CODE",
    "lot_sqft": "LOT SQ FT", "building_sqft": "BLDG SQ FT", "stories": "STORIES",
    "units": "UNITS", "year_built": "YEAR BUILT", "assessed_value": "TOTAL ASSESSED VALUE",
    "last_sale_price": "LAST SALE", "lon": "LON", "lat": "LAT",
}  # fmt: skip
_CEDAR = {
    "parcel_id": "parcelId", "land_use": "landUse", "lot_sqft": "lotSqft",
    "building_sqft": "buildingSqft", "year_built": "yearBuilt",
    "assessed_value": "assessedValue", "last_sale_price": "lastSalePrice",
}  # fmt: skip
_MONEY = pl.col("assessed_value", "last_sale_price")


def content(recipe: str, day: date, start: date) -> bytes:
    """Write one file.

    Args:
        recipe: A feed's name, and after a colon what is special about the file.
        day: The period.
        start: First day of this world.
    """
    feed, _, special = recipe.partition(":")
    return _WRITERS[feed](special, day, start)


def _alder(special: str, day: date, start: date) -> bytes:
    parcels = county_parcels("alder", day, start)
    if special == "restated":
        changed = generator("restated", day).choice(PARCELS, 300, replace=False)
        raised = (pl.col("assessed_value").cast(pl.Float64) * 1.1).round(0)
        parcels = parcels.with_row_index().with_columns(
            pl.when(pl.col("index").is_in(changed.tolist()))
            .then(raised.cast(pl.Decimal(14, 2)))
            .otherwise("assessed_value")
            .alias("assessed_value")
        ).drop("index").head(PARCELS - LEFT_OUT)  # fmt: skip
    return parcels.rename(_ALDER).write_csv(line_terminator="\r\n").encode()


def _birch(special: str, day: date, start: date) -> bytes:
    parcels = county_parcels("birch", day, start).with_columns(_MONEY.cast(pl.Float64))
    rows: list[list[Cell]] = [list(row) for row in parcels.iter_rows()]
    header = list(_BIRCH.values())
    random = generator("birch", special, day)
    if special == "broken_rows":
        for number, row in enumerate(random.choice(PARCELS, BROKEN_ROWS, replace=False)):
            column, text = [(3, "pending survey"), (8, "see note"), (0, None)][number % 3]
            rows[row][column] = text
    if special == "new_column":
        header = [*header, "FLOOD ZONE"]
        zones = random.choice(["X", "AE", "A"], PARCELS, p=(0.86, 0.1, 0.04)).tolist()
        rows = [[*row, zone] for row, zone in zip(rows, zones, strict=True)]
    preamble: list[list[Cell]] = [
        ["Birch County Assessor"],
        [f"Parcel roll as of {day:%B %-d, %Y}"],
        ["Values are unaudited. Questions: data@birch.example"],
        [],
    ]
    return workbook("Parcel roll", [*preamble, list(header), *rows])


def _cedar(special: str, day: date, start: date) -> bytes:
    parcels = county_parcels("cedar", day, start).with_columns(_MONEY.cast(pl.Float64))
    lines = io.BytesIO()
    parcels.rename(_CEDAR).write_ndjson(lines)
    packed = gzip.compress(lines.getvalue(), compresslevel=5, mtime=0)
    return packed[: len(packed) * 2 // 3] if special == "cut" else packed


def _dune(special: str, day: date, start: date) -> bytes:
    parcels = county_parcels("dune", day, start)
    if special == "negative":
        rows = generator("negative", day).choice(PARCELS, NEGATIVE_ROWS, replace=False)
        value = pl.col("assessed_value")
        parcels = parcels.with_row_index().with_columns(
            pl.when(pl.col("index").is_in(rows.tolist())).then(-value).otherwise(value)
        ).drop("index")  # fmt: skip
        parcels = parcels.with_columns(value.cast(pl.Decimal(14, 2)))
    target = io.BytesIO()
    parcels.write_parquet(target, compression="zstd")
    return target.getvalue()


def _signalpath(special: str, day: date, start: date) -> bytes:
    if special == "flag":
        return b"complete\n"
    rows = part_of(day_signals(day), special)
    return gzip.compress(rows.write_csv().encode(), compresslevel=3, mtime=0)


def _ember(special: str, day: date, start: date) -> bytes:
    return day_permits(day).write_csv().encode()


_WRITERS: dict[str, Callable[[str, date, date], bytes]] = {
    "alder.parcels": _alder,
    "birch.parcels": _birch,
    "cedar.parcels": _cedar,
    "dune.parcels": _dune,
    "signalpath.locations": _signalpath,
    "ember.permits": _ember,
}
