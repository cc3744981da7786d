"""Which contracts become DAGs: all that are valid, or the one a task runs for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wharf.airflow.loading import calendar_for, feeds_to_build, own_file, refuse_invalid
from wharf.contracts import load_feed
from wharf.errors import ContractError

FEED = """
feed: {name}
active: {{from: "2026-11-02"}}
table: raw.{table}
supplier: {{id: {supplier}}}
source: {{kind: local, connection: inbox, path: "{table}_{{period:%Y%m%d}}.csv"}}
format: {{kind: csv}}
columns: {{account: {{type: string}}}}
period: {{kind: business_day, calendar: bank}}
timeliness: {{tz: UTC, opens: "T+0 06:00", due: "T+0 16:00", cutoff: "T+1d 00:00"}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("acme.positions", "acme.trades", "zeta.prices"):
        supplier, feed = name.split(".")
        file = tmp_path / "dags" / "feeds" / supplier / f"{feed}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(FEED.format(name=name, supplier=supplier, table=f"{supplier}_{feed}"))
    calendar = tmp_path / "dags" / "calendars" / "bank.yaml"
    calendar.parent.mkdir()
    calendar.write_text("calendar: bank\nweekmask: mon tue wed thu fri\n")
    return tmp_path


def break_feed(project: Path) -> None:
    file = project / "dags" / "feeds" / "acme" / "trades.yaml"
    file.write_text(file.read_text().replace("kind: local", "kind: ftp"))


def test_feeds_come_sorted(project: Path) -> None:
    names = [feed.feed for feed in feeds_to_build(project)]
    assert names == ["acme.positions", "acme.trades", "zeta.prices"]


def test_a_broken_file_takes_no_other_down(project: Path) -> None:
    break_feed(project)
    assert [feed.feed for feed in feeds_to_build(project)] == ["acme.positions", "zeta.prices"]


def test_a_broken_file_is_named_with_field_value_and_choices(project: Path) -> None:
    break_feed(project)
    with pytest.raises(
        ContractError, match=r"dags/feeds/acme/trades.yaml: source.kind is 'ftp'.*local"
    ):
        refuse_invalid(project)


def test_nothing_is_refused_where_all_is_valid(project: Path) -> None:
    refuse_invalid(project)


def test_a_task_reads_its_own_file_only(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    break_feed(project)
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "feed__zeta__prices")
    assert [feed.feed for feed in feeds_to_build(project)] == ["zeta.prices"]


def test_a_task_of_a_broken_feed_is_told_why(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_feed(project)
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "feed__acme__trades")
    with pytest.raises(ContractError, match=r"trades.yaml: source.kind is 'ftp'"):
        list(feeds_to_build(project))


def test_a_broken_calendar_costs_the_deadlines_not_the_dag(project: Path) -> None:
    feed = load_feed(project / "dags/feeds/acme/trades.yaml")
    assert calendar_for(project, feed) is not None
    calendar = project / "dags" / "calendars" / "bank.yaml"
    calendar.write_text("calendar: [")
    os.utime(calendar, (1, 1))
    assert calendar_for(project, feed) is None


def test_the_ledger_gets_the_very_bytes_of_the_contract(project: Path) -> None:
    path = project / "dags/feeds/acme/trades.yaml"
    file = own_file(project, load_feed(path))
    assert (file.path, file.text) == ("dags/feeds/acme/trades.yaml", path.read_text())
