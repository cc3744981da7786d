"""A run's period is what the run says, and the message helps where it says nothing useful."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from wharf.airflow.run_period import RunFacts, period_of
from wharf.contracts import ClockPoint, Feed
from wharf.contracts.spec import build, parse_yaml
from wharf.errors import PeriodError

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def weekly_feed() -> Feed:
    text = """
feed: acme.stock
active: {from: "2026-W01"}
table: raw.acme_stock
supplier: {id: acme}
source: {kind: local, connection: acme_inbox, path: "stock_{period:%Y%m%d}.csv"}
format: {kind: csv}
columns: {sku: {type: string}}
period: {kind: week}
timeliness: {tz: UTC, opens: "T+0 20:00", due: "E+1d 08:00", cutoff: "E+9d 00:00"}
"""
    return build(Feed, parse_yaml(text, "stock.yaml"), "stock.yaml")


def test_the_partition_key_is_the_period() -> None:
    run = RunFacts("r", partition_key="2026-W47", conf={"period": "2026-W40"})
    assert str(period_of(run, weekly_feed(), NOW)) == "2026-W47"


def test_conf_names_the_period_of_a_run_without_key() -> None:
    run = RunFacts("r", conf={"period": "2026-W46"})
    assert str(period_of(run, weekly_feed(), NOW)) == "2026-W46"


def test_a_person_may_name_any_date_inside_the_period() -> None:
    run = RunFacts("r", conf={"period": "2026-11-18"})
    assert str(period_of(run, weekly_feed(), NOW)) == "2026-W47"


@pytest.mark.parametrize("conf", [None, {}, {"period": None}, {"period": " "}])
def test_a_run_that_names_no_period_is_told_the_open_ones(conf: dict[str, object] | None) -> None:
    with pytest.raises(PeriodError, match=r"Open now: 2026-W46, 2026-W47$"):
        period_of(RunFacts("r", conf=conf), weekly_feed(), NOW)


def test_where_no_period_is_open_the_nearest_are_offered() -> None:
    between = datetime(2026, 11, 16, 12, tzinfo=UTC)
    text = weekly_feed().model_copy(
        update={
            "timeliness": tuple(
                terms.model_copy(update={"cutoff": ClockPoint.parse("E+0 00:00")})
                for terms in weekly_feed().timeliness
            )
        }
    )
    with pytest.raises(PeriodError, match="Open now: none; near are 2026-W46, 2026-W47"):
        period_of(RunFacts("r"), text, between)


def test_a_key_of_another_kind_is_refused_with_the_nearest_periods() -> None:
    with pytest.raises(PeriodError, match=r"'2026-10' is not a week.*Nearest periods: 2026-W46"):
        period_of(RunFacts("r", partition_key="2026-10"), weekly_feed(), NOW)


def test_the_nearest_periods_are_those_around_the_date_in_the_key() -> None:
    with pytest.raises(PeriodError, match="2026-W22, 2026-W23, 2026-W24"):
        period_of(RunFacts("r", partition_key="2026-06-01T00"), weekly_feed(), NOW)


def test_a_period_far_ahead_is_refused() -> None:
    with pytest.raises(PeriodError, match="begins on 2027-01-04, too far ahead"):
        period_of(RunFacts("r", partition_key="2027-W01"), weekly_feed(), NOW)


def test_a_period_long_before_the_contract_began_may_be_run() -> None:
    assert str(period_of(RunFacts("r", partition_key="2019-W01"), weekly_feed(), NOW)) == "2019-W01"
