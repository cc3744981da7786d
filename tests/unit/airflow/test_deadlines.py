"""Deadlines are computed from what the DAG stores: no file and no ledger is read for them."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from wharf.airflow.deadlines import (
    PeriodDeadline,
    feed_deadlines,
    make_evaluation_due,
    product_deadlines,
    promise_of,
)
from wharf.contracts import Calendar, Feed, Product
from wharf.contracts.spec import build, parse_yaml
from wharf.ledger import Ledger, expected, horizon
from wharf.ledger.rows import ExpectedDelivery

FEED = """
feed: acme.positions
active: {from: "2026-11-02"}
table: raw.acme_positions
supplier: {id: acme}
source: {kind: local, connection: acme_inbox, path: "pos_{period:%Y%m%d}.csv"}
format: {kind: csv}
columns: {account: {type: string}}
period: {kind: business_day, calendar: bank}
timeliness:
  - tz: Europe/Amsterdam
    opens: "T+0 22:00"
    due: "T+1bd 06:30"
    grace: 20m
    cutoff: "T+3bd 18:00"
  - from: "2026-12-01"
    tz: Europe/London
    opens: "T+0 22:00"
    due: "T+1bd 07:00"
    cutoff: "T+2bd 18:00"
"""
PRODUCT = """
product: risk
active: {from: "2026-11-02"}
period: {kind: day}
timeliness: {tz: UTC, decide_at: "T+1d 07:30", due: "T+1d 08:00", cutoff: "T+3d 18:00"}
steps: [{dbt: "tag:risk"}]
"""
BANK = Calendar(
    calendar="bank",
    weekmask=("mon", "tue", "wed", "thu", "fri"),
    holidays=(date(2026, 11, 26),),
)


def feed() -> Feed:
    return build(Feed, parse_yaml(FEED, "positions.yaml"), "positions.yaml")


@pytest.mark.parametrize(
    ("point", "key", "wanted"),
    [
        ("late_at", "2026-11-20", datetime(2026, 11, 23, 5, 50, tzinfo=UTC)),
        ("cutoff_at", "2026-11-20", datetime(2026, 11, 25, 17, tzinfo=UTC)),
        ("late_at", "2026-11-25", datetime(2026, 11, 27, 5, 50, tzinfo=UTC)),
        ("late_at", "2026-12-01", datetime(2026, 12, 2, 7, tzinfo=UTC)),
    ],
    ids=["over the weekend", "cut-off", "over a holiday", "under the later terms"],
)
def test_a_feeds_deadline_follows_terms_and_calendar(
    point: str, key: str, wanted: datetime
) -> None:
    stored = PeriodDeadline(point, promise_of(feed(), BANK)).serialize_reference()  # type: ignore[arg-type]
    again = PeriodDeadline.deserialize_reference(json.loads(json.dumps(stored)))
    assert again.instant(key) == wanted


def test_a_products_deadline_is_when_it_is_due() -> None:
    product = build(Product, parse_yaml(PRODUCT, "risk.yaml"), "risk.yaml")
    [alert] = product_deadlines(product, None)
    assert isinstance(alert.reference, PeriodDeadline)
    assert alert.reference.instant("2026-11-20") == datetime(2026, 11, 21, 8, tzinfo=UTC)


def test_a_feed_has_a_deadline_for_late_and_one_for_missing() -> None:
    names = [alert.name for alert in feed_deadlines(feed(), BANK)]
    assert names == ["acme.positions is late", "acme.positions is missing"]


def test_the_same_contract_gives_the_same_deadline() -> None:
    first, second = feed_deadlines(feed(), BANK), feed_deadlines(feed(), BANK)
    assert [hash(each.reference) for each in first] == [hash(each.reference) for each in second]
    assert first == second


def test_a_passed_deadline_makes_the_row_due_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHARF_HOME", str(tmp_path))
    at = datetime(2026, 11, 20, 12, tzinfo=UTC)
    row = ExpectedDelivery(
        feed="acme.positions",
        period="2026-11-20",
        period_first="2026-11-20",
        contract="",
        expected=True,
        notifies=True,
        judge_by="arrival",
        opens_at=at,
        warn_at=at,
        due_at=at,
        late_at=at,
        cutoff_at=at,
    )
    ledger = Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    with ledger.write() as tx:
        horizon.ensure_expected(tx, [row], at)
        [found] = expected.expected_of(tx, "acme.positions")
        state = {name: getattr(found, name) for name in expected.STATE}
        expected.record_state(tx, found, state, at, None)
    run = {"dag_run": {"partition_key": "2026-11-20"}}
    asyncio.run(make_evaluation_due("acme.positions", run))
    with ledger.read() as tx:
        [due] = expected.due_for_evaluation(tx, datetime.now(UTC))
    assert due.period == "2026-11-20"


def test_half_days_and_combined_calendars_come_along_in_what_the_dag_stores() -> None:
    text = FEED.replace("    grace: 20m\n", '    on_half_day: {due: "T+1bd 05:00", grace: 10m}\n')
    special = build(Feed, parse_yaml(text, "positions.yaml"), "positions.yaml")
    both = Calendar(calendar="both", intersection=(BANK,), half_days=(date(2026, 11, 27),))
    deadline = PeriodDeadline("late_at", promise_of(special, both))
    assert deadline.instant("2026-11-25") == datetime(2026, 11, 27, 4, 10, tzinfo=UTC)
    assert deadline.instant("2026-11-24") == datetime(2026, 11, 25, 5, 30, tzinfo=UTC)
