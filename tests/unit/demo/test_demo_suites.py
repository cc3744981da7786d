"""The shipped suites fit the demo's world: plain days hold in all, dune's last breaks one."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from wharf.contracts import load_feeds
from wharf.demo.files import content
from wharf.demo.parcels import COUNTIES, county_parcels
from wharf.quality import Audit, audit, check_suite

PROJECT = Path(__file__).parents[3]
START, DAY = date(2026, 11, 16), date(2026, 11, 20)
FEEDS = load_feeds(PROJECT).feeds
RunSuite = Callable[[str, pl.DataFrame], Audit]


@pytest.fixture
def run_suite(tmp_path: Path) -> RunSuite:
    def run(feed: str, rows: pl.DataFrame) -> Audit:
        path = tmp_path / "staged.parquet"
        rows.with_row_index("_line", 2).with_columns(_file=pl.lit("f")).write_parquet(path)
        return audit(
            [path],
            suite=PROJECT / "expectations" / f"{feed.replace('.', '/')}.json",
            batch_id="20261120T060412345Z-7f3a9c",
            table="raw." + feed.replace(".", "_"),
            period="2026-11-20",
            results=tmp_path / "results",
            rows=rows.height,
            now=datetime(2026, 11, 21, tzinfo=UTC),
        )

    return run


@pytest.mark.parametrize("feed", sorted(FEEDS))
def test_every_feed_has_a_suite_that_names_only_its_columns(feed: str) -> None:
    suite = PROJECT / "expectations" / f"{feed.replace('.', '/')}.json"
    assert check_suite(suite, FEEDS[feed].columns) == []


@pytest.mark.parametrize("county", sorted(COUNTIES))
@pytest.mark.parametrize("day", [START, DAY], ids=["first day", "fifth day"])
def test_a_plain_days_parcels_hold_in_everything(
    run_suite: RunSuite, county: str, day: date
) -> None:
    outcome = run_suite(f"{county}.parcels", county_parcels(county, day, START))
    assert outcome.failed_critical == outcome.failed_warnings == ()


def test_a_county_without_its_forty_broken_rows_is_still_noted_as_nothing(
    run_suite: RunSuite,
) -> None:
    outcome = run_suite("birch.parcels", county_parcels("birch", DAY, START).head(5_160))
    assert outcome.failed_critical == outcome.failed_warnings == ()


def test_dunes_broken_day_breaks_one_critical_expectation(run_suite: RunSuite) -> None:
    rows = pl.read_parquet(io.BytesIO(content("dune.parcels:negative", DAY, START)))
    outcome = run_suite("dune.parcels", rows)
    assert outcome.failed_critical == (
        "assessed_value is between 0 and 500,000,000: 312 of 5,200 rows (6 %) break it",
    )
    assert outcome.failed_warnings == ()


def test_a_days_signals_hold_in_everything(run_suite: RunSuite) -> None:
    parts = [content(f"signalpath.locations:{part}", DAY, START) for part in "abc"]
    rows = pl.concat([pl.read_csv(gzip.decompress(part)) for part in parts])
    at = pl.col("observed_at").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC")
    outcome = run_suite("signalpath.locations", rows.with_columns(at))
    assert outcome.failed_critical == outcome.failed_warnings == ()


def test_a_days_permits_hold_in_everything(run_suite: RunSuite) -> None:
    rows = pl.read_csv(content("ember.permits", DAY, START), try_parse_dates=True)
    outcome = run_suite("ember.permits", rows)
    assert outcome.failed_critical == outcome.failed_warnings == ()
