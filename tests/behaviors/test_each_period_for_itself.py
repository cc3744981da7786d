"""An arrival satisfies the row of its own period, whoever fetched it, and no other's."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from harbour import CONTRACT, DAY, GOOD, Harbour

from wharf import intake
from wharf.batches import Batches
from wharf.contracts import Period
from wharf.ledger import Ledger, batches, deliveries, expected, history, incidents
from wharf.ledger.rows import BatchRow
from wharf.watch.expect import expect_one
from wharf.watch.look import look, look_for

A, B = "id,price\na,1.50\n", "id,price\na,9.00\n"


@pytest.fixture
def harbour(tmp_path: Path) -> Harbour:
    """Noon is due; it is seven in the morning, and nothing came yet."""
    made = Harbour(tmp_path)
    ledger = Ledger.open(made.settings.ledger_url, throw_away=True)
    made.place = replace(made.place, ledger=ledger, batches=Batches(made.place.lake, ledger))
    return made


def look_at_all(harbour: Harbour) -> None:
    """A look as the watch does it, for every open row."""
    look(harbour.place, {harbour.feed.feed: harbour.feed}, harbour.now)


def timeliness(harbour: Harbour, day: str) -> str:
    with harbour.place.ledger.read() as tx:
        row = expected.find_expected(tx, "acme.prices", day)
    assert row is not None
    return row.timeliness


def test_yesterdays_file_today_does_not_clear_today(harbour: Harbour) -> None:
    harbour.tick()
    harbour.wait(hours=1)
    harbour.deliver(GOOD, "prices_20261119.csv")
    look_at_all(harbour)
    harbour.now = DAY + timedelta(hours=12, minutes=1)
    harbour.tick()
    assert timeliness(harbour, "2026-11-19") == "LATE_ARRIVED"
    assert timeliness(harbour, "2026-11-20") == "LATE"


def test_an_early_file_with_todays_key_clears_today(harbour: Harbour) -> None:
    harbour.now = DAY - timedelta(hours=3)
    harbour.tick()
    harbour.deliver(GOOD)
    look_at_all(harbour)
    harbour.tick()
    harbour.now = DAY + timedelta(hours=13)
    harbour.tick()
    assert timeliness(harbour, "2026-11-20") == "ON_TIME"
    assert harbour.incidents() == []


def test_a_b_a_publishes_a(harbour: Harbour) -> None:
    for text in (A, B, A):
        harbour.deliver(text)
        harbour.run()
        harbour.wait(minutes=5)
    assert harbour.rows() == [("a", "1.50")]
    assert [row.reverts_to for row in harbour.deliveries()] == [None, None, 1]
    assert [row.status for row in harbour.batches()] == ["SUPERSEDED", "SUPERSEDED", "PUBLISHED"]


def touch(harbour: Harbour, period: Period) -> None:
    """What a backfill's run of one period does first: its row, and a targeted look for its key."""
    project = harbour.promises.project
    expect_one(harbour.place.ledger, project, harbour.feed, period, "c", harbour.now)
    look_for(harbour.place, harbour.feed, period, harbour.now)


def publish_in_the_ledger(harbour: Harbour, period: Period) -> None:
    """What the ledger hears of a publication, without the work of one."""
    with harbour.place.ledger.write() as tx:
        batches.record_batch(
            tx,
            BatchRow(
                batch_id=f"of-{period}",
                table="raw.acme_prices",
                period=period.key,
                subject="acme.prices",
                status="PUBLISHED",
                staged_at=harbour.now,
                status_at=harbour.now,
            ),
        )
        expected.make_due(tx, "acme.prices", [period.key], harbour.now)


@pytest.mark.slow
def test_a_backfill_of_a_year_tells_nobody_and_touches_no_incident(tmp_path: Path) -> None:
    """Three periods by real intake, the other 362 as their ledger rows; every tenth brings nothing.

    Today is late meanwhile, and its incident stays what it is.
    """
    late = Harbour(tmp_path, contract=CONTRACT.replace("2026-11-16", "2026-11-20"))
    ledger = Ledger.open(late.settings.ledger_url, throw_away=True)
    late.place = replace(late.place, ledger=ledger, batches=Batches(late.place.lake, ledger))
    (late.root / "project/dags/alerts.yaml").write_text(
        "channels: [{name: desk, kind: webhook, connection: desk, min_level: L0}]\n"
    )
    late.tick()
    late.now = DAY + timedelta(hours=12)
    late.tick()
    [before] = late.incidents()
    told = len(late.messages())

    period = late.period
    for number in range(365):
        period = period.previous()
        if number % 10:
            late.deliver(GOOD, f"prices_{period.first:%Y%m%d}.csv")
        touch(late, period)
        if number in {1, 181, 364}:
            run_whole(late, period)
        elif number % 10:
            publish_in_the_ledger(late, period)
        if number % 50 == 0:
            late.tick()
    late.tick()

    with ledger.read() as tx:
        rows = expected.expected_of(tx, "acme.prices")
        lives = list(history.incident_steps(tx))
        landed = deliveries.deliveries_by_period(tx, "acme.prices")
        assert incidents.incidents_of(tx, "acme.prices", late.day) == [before]
    assert sum(row.period < late.day for row in rows) == 365
    assert {row.timeliness for row in rows if row.period < late.day} == {"LATE_ARRIVED", "MISSING"}
    assert len(landed) == 3
    assert {(incident.period, step.kind) for incident, step in lives} == {(late.day, "open")}
    assert len(late.messages()) == told


def run_whole(harbour: Harbour, period: Period) -> None:
    """One whole run of a period, with Great Expectations and an Iceberg commit."""
    place, feed = harbour.place, harbour.feed
    intake.land_delivery(place, feed, period, now=harbour.now)
    batch_id = intake.stage_batch(place, feed, period, now=harbour.now, run_id="backfill")
    intake.audit_batch(place, feed, batch_id, now=harbour.now)
    intake.publish_batch(place, feed, batch_id, now=harbour.now, by="backfill")
