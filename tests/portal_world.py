"""Product pages with all that can stand on them: stale inputs, nested ones, every kind of value."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from wharf.contracts.product import Plot
from wharf.portal import InputState, PageContent, TableState

AT = datetime(2026, 11, 21, 6, 30, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>"
ROWS = """
select printf('P-%05d', i) as parcel_id,
       ['alder', 'birch', 'cedar', 'dune'][i % 4 + 1] as county,
       ['home', 'shop', 'farm'][i % 3 + 1] as use,
       1900 + i % 120 as year_built,
       (12345.67 + i)::decimal(14, 2) as value,
       case when i % 7 > 0 then 1 / (i + 1.0) end as score,
       timestamptz '2026-11-20 06:30:00+00' + interval (i) minute as seen_at,
       date '2026-11-20' - (i % 30)::int as sold_on,
       i % 2 = 0 as is_open,
       case i when 0 then '<script>alert(1)</script>'
              when 1 then 'A note that somebody typed in and that is longer than a column likes it'
              end as note
from range(3000) t(i)
"""
COLUMNS = {
    "parcel_id": ("string", "The county's identifier."),
    "county": ("string", "The county."),
    "use": ("string", "What it is used for."),
    "year_built": ("long", "Year the main building was finished."),
    "value": ("decimal(14, 2)", "Assessed value in dollars."),
    "score": ("double", "The model's probability; empty where it gave none."),
    "seen_at": ("timestamptz", "When it was seen, in UTC."),
    "sold_on": ("date", "Day of the last sale."),
    "is_open": ("boolean", "Whether it is open."),
    "note": ("string", "A note."),
}
FRESH = InputState("alder.parcels", "2026-11-20", "b-a", 0, "published", "ON_TIME", "published")
STALE = InputState(
    "dune.parcels (in parcel_facts)",
    "2026-11-18",
    "20261118T120000000Z-abcdef",
    2,
    "last_good",
    "ON_TIME",
    f"2026-11-20 is ON_TIME and QUARANTINED {HOSTILE}",
)
LEFT_OUT = InputState(
    "ember.permits", "", "", 0, "last_good", "LATE", "2026-11-20 is LATE and NONE"
)
FACTS = InputState("parcel_facts", "2026-11-20", "b-f", 0, "published", "RELEASED", "published")
METRICS = {"rows": 3602, "accuracy": 0.9933370349, "confusion": {"true_positive": 2383}}


def parcel_page(folder: Path) -> PageContent:
    """A page with two charts, a model, and inputs of which two are stale."""
    source = folder / "parcel_use.parquet"
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"copy ({ROWS}) to '{source}' (format parquet)")
    by_use = "select county, use, count(*) as parcels from parcel_use group by all order by all"
    by_year = "select year_built, avg(value) as mean_value from parcel_use group by 1 order by 1"
    return PageContent(
        product="parcel_use",
        title="Parcel use",
        about="What land is used for, parcel by parcel.",
        period="2026-11-20",
        built_at=AT,
        manifest_id="20261121T063000000Z-0a1b2c",
        tables=[
            TableState("scores.residential", "b-s", 3000),
            TableState("interpretations.parcel_use", "20261121T063100000Z-3d4e5f", 3000),
        ],
        inputs=[FACTS, FRESH, STALE, LEFT_OUT],
        columns=[{"name": n, "type": t, "about": about} for n, (t, about) in COLUMNS.items()],
        relation=f"read_parquet('{source}')",
        plots=[
            Plot(title="Uses by county", query=by_use, x="county", y="parcels", colour="use"),
            Plot(title="Value by age", query=by_year, mark="line", x="year_built", y="mean_value"),
        ],
        queries=["select parcel_id, value, seen_at, score from parcel_use order by 1 limit 3"],
        model={"name": "residential", "version": 7, "metrics": METRICS},
    )


def quiet_page(folder: Path, **changed: Any) -> PageContent:
    """A page made from the ledger alone: no inputs, no model, no chart."""
    source = folder / "card.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"copy (select 'alder' as supplier, 5 as expected) to '{source}'")
    page = PageContent(
        product="supplier_scorecard",
        title="Supplier scorecard",
        about="How each supplier kept its promises.",
        period="2026-11-20",
        built_at=AT,
        manifest_id="20261121T063000000Z-ffffff",
        tables=[TableState("interpretations.supplier_scorecard", "b-c", 1)],
        inputs=[],
        columns=[{"name": "supplier", "type": "string", "about": "The supplier's id."}],
        relation=f"read_parquet('{source}')",
    )
    return replace(page, **changed)
