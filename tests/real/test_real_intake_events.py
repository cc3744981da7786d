"""Daily, monthly and single files of events, with all their rows, through the whole way."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import replay_data
import zstandard
from replay_data import Delivered, DeliverySet
from replay_world import Became, Replay

from wharf import quality
from wharf.contracts import Period, load_project

PROJECT = replay_data.ROOT / "tests" / "real" / "events"
EVENTS = DeliverySet("events", "", "", "events_inbox")
DATA = replay_data.data_folder()
pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(DATA is None, reason="no real events; WHARF_REAL_DATA says where they lie"),
]


class Events:
    """An installation into which files are put, each for a feed and a period."""

    def __init__(self, root: Path) -> None:
        self.payload = root / "payload"
        (self.payload / EVENTS.name).mkdir(parents=True)
        self.replay = Replay(root, PROJECT)
        self.feeds = load_project(PROJECT).feeds
        self.number = 0

    def put(self, source: Path, name: str) -> None:
        shutil.copyfile(source, self.payload / EVENTS.name / name)

    def take_in(self, feed: str, period: Period, *names: str) -> Became:
        """Deliver the files of one period and take them in; what the last one became."""
        self.number += 1
        # The day after the period's last: later than 35 days after its cut-off nobody looks.
        ended = datetime.combine(period.last, time(1), UTC) + timedelta(days=1)
        at = ended + timedelta(minutes=self.number)
        given = [
            Delivered(feed, period.key, name, 1, "A", None, at, name, name, {}) for name in names
        ]
        # All parts stand in the inbox before the first of them is taken in.
        return self.replay.play(given, self.payload, EVENTS)[-1]

    def periods(self, feed: str) -> Iterator[Period]:
        terms = self.feeds[feed]
        period = terms.parse_period(terms.active.from_)
        while terms.is_active(period):
            yield period
            period = period.next()

    def ask(self, feed: str, query: str) -> Any:
        """The first cell of a query in which `{table}` is what readers of a feed see."""
        lake = self.replay.place.lake
        with duckdb.connect() as connection:
            lake.prepare(connection)
            sql = query.format(table=lake.scan_sql(self.feeds[feed].table))
            row = connection.execute(sql).fetchone()
        assert row is not None
        return row[0]


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Events:
    return Events(tmp_path_factory.mktemp("events"))


def test_the_contracts_of_the_events_are_sound() -> None:
    found = load_project(PROJECT)
    assert found.invalid == ()
    assert len(found.feeds) == 8
    for name, feed in found.feeds.items():
        assert quality.check_suite(quality.suite_path(PROJECT, name), feed.columns) == []


def daily(events: Events, feed: str, stem: str) -> tuple[int, int, dict[str, int]]:
    """Staged and quarantined rows of thirty days, and the reasons of the latter."""
    assert DATA is not None
    staged = quarantined = 0
    reasons: dict[str, int] = {}
    for period in events.periods(feed):
        name = f"{stem}_{period.first:%Y%m%d}.gz"
        events.put(DATA / "events" / "woodworking_daily" / name, name)
        became = events.take_in(feed, period, name)
        assert became.end == "loaded", became.reason
        assert became.batch is not None
        staged += became.batch.rows_staged
        quarantined += became.batch.rows_quarantined
        for reason, count in became.batch.origin["read"]["reasons"].items():
            reasons[reason] = reasons.get(reason, 0) + count
    return staged, quarantined, reasons


def test_articles_without_a_number_are_in_quarantine(events: Events) -> None:
    staged, quarantined, reasons = daily(events, "woodworking.browse", "browse")
    assert (staged, quarantined) == (299_725 - 6_047, 6_047)
    assert sum(reasons.values()) == 6_047
    assert len(reasons) == 1
    assert events.ask("woodworking.browse", "SELECT count(*) FROM {table}") == staged


def test_articles_are_kept_as_they_are_written_where_the_contract_says_text(
    events: Events,
) -> None:
    staged, quarantined, _ = daily(events, "woodworking.browse_as_text", "browse")
    assert (staged, quarantined) == (299_725, 0)
    unknown = "SELECT count(*) FROM {table} WHERE article_id = 'TBD'"
    assert events.ask("woodworking.browse_as_text", unknown) == 6_047


def test_all_purchases_of_a_month_are_staged(events: Events) -> None:
    staged, quarantined, _ = daily(events, "woodworking.purchase", "purchase")
    assert (staged, quarantined) == (41_031, 0)


def test_thirty_six_months_of_trips_are_staged_whatever_ends_their_lines(events: Events) -> None:
    assert DATA is not None
    archive = next((DATA / "events" / "nyc_taxi_monthly").glob("*.tar.zst"))
    with (
        archive.open("rb") as file,
        zstandard.ZstdDecompressor().stream_reader(file) as plain,
        tarfile.open(fileobj=plain, mode="r|") as members,
    ):
        for member in members:
            if (content := members.extractfile(member)) is not None:
                target = events.payload / EVENTS.name / Path(member.name).name
                target.write_bytes(content.read())
    periods = list(events.periods("taxi.trips"))
    assert len(periods) == 36
    for period in periods:
        became = events.take_in("taxi.trips", period, f"yellow_tripdata_sample_{period.key}.csv")
        assert became.end == "loaded", became.reason
        assert became.batch is not None
        assert (became.batch.rows_staged, became.batch.rows_quarantined) == (10_000, 0)
    wrong = "SELECT count(*) FROM {table} WHERE strftime(pickup_datetime, '%Y-%m') <> _period"
    assert events.ask("taxi.trips", wrong) == 10


def test_lines_of_invoices_in_a_workbook_are_all_there_also_those_that_stand_twice(
    events: Events,
) -> None:
    assert DATA is not None
    [workbook] = (DATA / "events" / "online_retail").glob("*.xlsx")
    events.put(workbook, "online_retail_2010.xlsx")
    [period] = events.periods("retail.invoices")
    became = events.take_in("retail.invoices", period, "online_retail_2010.xlsx")
    assert became.end == "loaded", became.reason
    assert became.batch is not None
    assert (became.batch.rows_staged, became.batch.rows_quarantined) == (70_051, 0)
    cells = "invoice_no, stock_code, description, quantity, invoice_date, unit_price, customer_id"
    for query, count in (
        (f"SELECT 70051 - count(*) FROM (SELECT DISTINCT {cells}, country FROM {{table}})", 666),
        ("SELECT count(*) FROM {table} WHERE quantity < 0", 1_287),
        ("SELECT count(*) FROM {table} WHERE unit_price <= 0", 342),
        ("SELECT count(DISTINCT invoice_date::DATE) FROM {table}", 39),
    ):
        assert events.ask("retail.invoices", query) == count


def test_clicks_of_two_parts_make_one_batch(events: Events) -> None:
    assert DATA is not None
    folder = DATA / "events" / "rsc15_clicks_100k"
    names = {"train_full": "clicks_2014_train.txt.zst", "test": "clicks_2014_test.txt.zst"}
    for name, target in names.items():
        events.put(folder / f"{name}.txt.zst", target)
    [period] = events.periods("recsys.clicks")
    became = events.take_in("recsys.clicks", period, *names.values())
    assert became.batch is not None
    assert (became.batch.rows_staged, became.batch.rows_quarantined) == (70_278 + 13_568, 0)


@pytest.mark.parametrize(
    ("feed", "as_text", "missing"),
    [("diginetica.views", 7_681, 0), ("diginetica.views_with_nulls", 0, 7_681)],
    ids=["text", "null"],
)
def test_a_literal_na_is_text_unless_the_contract_says_null(
    events: Events, feed: str, as_text: int, missing: int
) -> None:
    assert DATA is not None
    source = DATA / "events" / "misc" / "diginetica_sample_item_views.csv.zst"
    events.put(source, "item_views_2016.csv.zst")
    [period] = events.periods(feed)
    became = events.take_in(feed, period, "item_views_2016.csv.zst")
    assert became.end == "loaded", became.reason
    assert became.batch is not None
    assert (became.batch.rows_staged, became.batch.rows_quarantined) == (12_391, 0)
    assert events.ask(feed, "SELECT count(*) FROM {table} WHERE user_id = 'NA'") == as_text
    assert events.ask(feed, "SELECT count(*) FROM {table} WHERE user_id IS NULL") == missing
