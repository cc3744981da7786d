"""The suppliers' files: believable, the same each time, and broken exactly as told."""

from __future__ import annotations

import gzip
import io
from datetime import date

import fastexcel
import numpy as np
import polars as pl
import pytest

from wharf.demo.files import content
from wharf.demo.parcels import COUNTIES, USES, county_parcels, places
from wharf.demo.signals import SIGNALS, day_signals, part_of

START, DAY = date(2026, 11, 16), date(2026, 11, 18)


@pytest.fixture(scope="module")
def parcels() -> pl.DataFrame:
    return pl.concat([county_parcels(name, DAY, START) for name in COUNTIES])


def birch_rows(recipe: str) -> list[tuple[str | None, ...]]:
    reader = fastexcel.read_excel(content(recipe, DAY, START))
    return reader.load_sheet(0, header_row=None, dtypes="string").to_polars().rows()


def test_four_counties_hold_twenty_thousand_parcels(parcels: pl.DataFrame) -> None:
    assert parcels.height >= 20_000
    assert parcels["parcel_id"].n_unique() == parcels.height


def test_every_parcel_owns_a_cell_of_its_own(parcels: pl.DataFrame) -> None:
    cells = parcels.select((pl.col("lon", "lat") * 1000).floor())
    assert cells.n_unique() == parcels.height
    for name, county in COUNTIES.items():
        x, y, _, _ = places(name)
        own = parcels.filter(pl.col("parcel_id").str.starts_with(county.letters))
        assert (np.floor(own["lon"].to_numpy() * 1000) == x).all()
        assert (np.floor(own["lat"].to_numpy() * 1000) == y).all()


def test_labels_and_years_are_missing_as_in_life(parcels: pl.DataFrame) -> None:
    assert 0.1 < parcels["land_use"].null_count() / parcels.height < 0.14
    assert 0.08 < (parcels["year_built"] == 0).mean() < 0.18  # type: ignore[operator]
    assert set(parcels["land_use"].drop_nulls()) == set(USES)


def test_uses_differ_as_a_classifier_needs_and_overlap_as_in_life(parcels: pl.DataFrame) -> None:
    typical = dict(parcels.group_by("land_use").agg(pl.col("building_sqft").median()).rows())
    assert typical["R1"] < typical["C1"] < typical["C2"]
    assert typical["V0"] == 0
    homes = parcels.filter(pl.col("land_use").is_in(["R1", "R2"])).height
    assert 0.4 < homes / parcels["land_use"].drop_nulls().len() < 0.75


def test_a_day_changes_a_few_hundred_values_and_no_parcel() -> None:
    before, after = (county_parcels("alder", date(2026, 11, day), START) for day in (17, 18))
    assert before["parcel_id"].equals(after["parcel_id"])
    for fixed in ("address", "lon", "lat", "lot_sqft"):
        assert before[fixed].equals(after[fixed])
    changed = sum(
        before[name].ne_missing(after[name]).sum()
        for name in ("assessed_value", "last_sale_price", "land_use")
    )
    assert 200 < changed < 600


def test_alder_spells_its_columns_its_own_way() -> None:
    text = content("alder.parcels", DAY, START).decode()
    assert text.startswith("Parcel ID,Site Address,Land Use,Lot Sq Ft,")
    assert text.count("\r\n") == 5_201


def test_birch_has_four_rows_above_its_header() -> None:
    rows = birch_rows("birch.parcels")
    assert rows[0][0] == "Birch County Assessor"
    assert rows[1][0] == "Parcel roll as of November 18, 2026"
    assert rows[4][:3] == ("PARCEL NO", "SITUS ADDRESS", "USE CODE")
    assert len(rows) == 5 + 5_200


def test_birch_breaks_exactly_forty_rows() -> None:
    whole, broken = birch_rows("birch.parcels"), birch_rows("birch.parcels:broken_rows")
    differing = [row for row, other in zip(broken, whole, strict=True) if row != other]
    assert len(differing) == 40
    assert all(
        row[0] is None or row[3] == "pending survey" or row[8] == "see note" for row in differing
    )


def test_birch_adds_one_column() -> None:
    assert birch_rows("birch.parcels:new_column")[4][-1] == "FLOOD ZONE"


def test_cedar_cut_cannot_be_unpacked() -> None:
    whole = content("cedar.parcels", DAY, START)
    assert gzip.decompress(whole).count(b"\n") == 5_200
    with pytest.raises(EOFError):
        gzip.decompress(content("cedar.parcels:cut", DAY, START))


def test_dune_holds_exact_amounts_and_some_below_zero_when_broken() -> None:
    frame = pl.read_parquet(io.BytesIO(content("dune.parcels:negative", DAY, START)))
    assert frame.schema["assessed_value"] == pl.Decimal(14, 2)
    assert (frame["assessed_value"].cast(pl.Float64) < 0).sum() == 312


def test_a_day_has_a_hundred_thousand_signals_in_three_parts() -> None:
    signals = day_signals(DAY)
    assert signals.height == SIGNALS
    assert signals["signal_id"].n_unique() == SIGNALS
    parts = [part_of(signals, part) for part in "abc"]
    assert pl.concat(parts).equals(signals)
    assert signals["observed_at"].min() >= "2026-11-17T18:00:00Z"  # type: ignore[operator]
    assert signals["observed_at"].max() < "2026-11-18T18:00:00Z"  # type: ignore[operator]


def test_people_are_at_work_by_day_and_at_home_by_night() -> None:
    signals = day_signals(DAY)
    x, y, use, _ = places("alder")
    homes = {(int(a), int(b)) for a, b, c in zip(x, y, use, strict=True) if c in (0, 1)}
    near = signals.filter(pl.col("lon").is_between(-88.5, -88.4))
    cells = near.select((pl.col("lon", "lat") * 1000).floor().cast(pl.Int64)).rows()
    at_home = np.array([cell in homes for cell in cells])
    hour = near["observed_at"].str.slice(11, 2).cast(pl.Int64).to_numpy()
    night, day = (
        at_home[(hour >= 6) & (hour < 12)].mean(),
        at_home[(hour >= 16) & (hour < 22)].mean(),
    )
    assert night > 0.6 > 0.45 > day
