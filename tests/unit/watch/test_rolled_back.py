"""A rollback is audited with the suite of today, and told to whom it concerns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from harbour import GOOD, SUITE, Harbour

from wharf.alerts import Notice
from wharf.cli.main import wharf
from wharf.errors import PublishRefused

TABLE = "raw.acme_prices"
PRODUCT = """
product: price_list
tier: 1
active: {from: "2026-11-16"}
period: {kind: day}
timeliness: {tz: UTC, decide_at: "T+1d 07:30", due: "T+1d 08:00", cutoff: "T+3d 18:00"}
inputs: {acme.prices: {read: same, on_missing: [wait, fail]}}
steps: [{dbt: "tag:x"}]
"""
LENIENT = {
    **SUITE,
    "expectations": [{**SUITE["expectations"][0], "kwargs": {"column": "price", "min_value": -9}}],
}
CHANNELS = "channels: [{name: desk, kind: webhook, connection: desk, min_level: L1}]\n"


@pytest.fixture
def harbour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Harbour:
    """Two batches of one day: negative in the first, which the suite of then let pass."""
    harbour = Harbour(tmp_path)
    harbour.write_suite(LENIENT)
    harbour.deliver("id,price\na,-1.50\n")
    harbour.run()
    harbour.wait(minutes=5)
    harbour.deliver(GOOD)
    harbour.run()
    harbour.write_suite(SUITE)
    monkeypatch.setenv("WHARF_HOME", str(harbour.settings.home))
    monkeypatch.setenv("WHARF_PROJECT", str(harbour.settings.project))
    monkeypatch.setenv("LOGNAME", "ada")
    return harbour


def roll_back(*more: str) -> Result:
    arguments = ["batch", "rollback", TABLE, "2026-11-20", "--reason", "it was right", *more]
    return CliRunner().invoke(wharf, arguments)


def test_a_batch_that_fails_the_suite_of_today_is_not_read_again(harbour: Harbour) -> None:
    before = harbour.rows()
    result = roll_back()
    assert isinstance(result.exception, PublishRefused)
    assert "does not pass its audit of today" in str(result.exception)
    assert "--force" in str(result.exception)
    assert harbour.rows() == before
    assert list((harbour.settings.results / "again").rglob("*.html"))


def test_a_person_may_read_it_again_all_the_same_and_that_is_kept(harbour: Harbour) -> None:
    result = roll_back("--force")
    assert result.exit_code == 0, result.output
    assert harbour.rows() == [("a", "-1.50")]
    last = harbour.place.lake.history(TABLE)[-1]
    assert last.action == "rollback"
    assert "price" in last.properties["failed_audit"]


def test_products_that_read_it_are_told_by_the_channels_of_its_supplier(harbour: Harbour) -> None:
    project = harbour.root / "project/dags"
    (project / "products").mkdir()
    (project / "products/price_list.yaml").write_text(PRODUCT)
    (project / "alerts.yaml").write_text(CHANNELS)
    harbour.write_suite(LENIENT)
    result = roll_back()
    assert result.exit_code == 0, result.output
    assert "told of it: price_list" in result.output
    [message] = [m for m in harbour.messages() if m.notice["kind"] == "rollback"]
    notice: Any = Notice.from_json(message.notice)
    assert message.channel == "desk"
    assert "was rolled back: it reads" in notice.what
    assert [(each.product, each.policy) for each in notice.consumers] == [
        ("price_list", "will be made again of it")
    ]
    assert notice.lines == ("by cli:ada: it was right",)


def test_an_old_batch_is_audited_under_the_names_of_today(harbour: Harbour) -> None:
    old, new = '  price: {type: "decimal(12,2)"}', "  cost: {type: 'decimal(12,2)', "
    harbour.write_contract(harbour.contract.replace(old, new + "formerly: [price]}"))
    suite: Any = {**SUITE["expectations"][0], "kwargs": {"column": "cost", "max_value": 2.0}}
    harbour.write_suite({**SUITE, "expectations": [suite]})
    harbour.wait(minutes=5)
    harbour.deliver("id,cost\na,1.75\n")
    harbour.run()
    assert [c.name for c in harbour.place.lake.schema(TABLE)][-2:] == ["id", "cost"]
    result = roll_back()
    assert "does not pass its audit of today" in str(result.exception)
    assert "cost" in str(result.exception)
    first = harbour.batches()[0].batch_id
    result = roll_back("--to", first)
    assert result.exit_code == 0, result.output
