"""`wharf product`: releases are listed, an earlier one is read again, and who reads it is told."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from product_world import D5, DECIDED, Place, new_place

from wharf.alerts import Notice
from wharf.cli.main import wharf
from wharf.errors import ProductError
from wharf.ledger import outbox
from wharf.ledger.products import releases_of
from wharf.products import current_release, release, run_step

CARD = "supplier_scorecard"
READER = """
product: suppliers_of_the_day
tier: 2
active: {from: "2026-11-16"}
period: {kind: day}
timeliness: {tz: UTC, decide_at: "T+1d 07:30", due: "T+1d 08:00", cutoff: "T+3d 18:00"}
inputs: {supplier_scorecard: {read: same, on_missing: [wait, fail]}}
steps: [{dbt: "tag:x"}]
"""
CHANNELS = "channels: [{name: desk, kind: webhook, connection: desk, min_level: L1}]\n"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A product that was released twice, and another one that reads it."""
    place = new_place(tmp_path)
    for later in (timedelta(), timedelta(minutes=5)):
        manifest = place.gather(CARD, now=DECIDED + later).manifest_id
        for index, _ in enumerate(place.ctx.product(CARD).steps):
            run_step(place.ctx, CARD, manifest, index, now=DECIDED + later, run_id="r")
        release(place.ctx, CARD, manifest, now=DECIDED + later, by="r")
    project = place.ctx.settings.project / "dags"
    (project / "products/suppliers_of_the_day.yaml").write_text(READER)
    (project / "alerts.yaml").write_text(CHANNELS)
    monkeypatch.setenv("WHARF_HOME", str(place.ctx.settings.home))
    monkeypatch.setenv("WHARF_PROJECT", str(place.ctx.settings.project))
    monkeypatch.setenv("LOGNAME", "ada")
    monkeypatch.setenv("COLUMNS", "300")
    return place


def call(*arguments: str) -> Result:
    return CliRunner().invoke(wharf, ["product", *arguments])


def test_releases_are_listed_and_an_earlier_one_is_read_again(place: Place) -> None:
    listed = call("releases", CARD, D5).output
    last = current_release(place.ctx, CARD)
    assert last is not None
    with place.ctx.ledger.read() as tx:
        first = releases_of(tx, CARD, D5)[0].manifest_id
    assert listed.index(first) < listed.index(last.manifest_id)
    done = call("rollback", CARD, "--to", first, "--reason", "the later one counted twice")
    assert done.exit_code == 0, done.output
    assert "told of it: suppliers_of_the_day" in done.output
    row = current_release(place.ctx, CARD)
    assert row is not None
    assert (row.manifest_id, row.action, row.by) == (first, "rollback", "cli:ada")
    with place.ctx.ledger.read() as tx:
        [message] = outbox.messages(tx)
    notice = Notice.from_json(message.notice)
    assert (message.channel, notice.kind) == ("desk", "rollback")
    assert f"reads {first} again" in notice.what
    assert [(each.product, each.policy) for each in notice.consumers] == [
        ("suppliers_of_the_day", "will be made again of it")
    ]


def test_what_was_never_released_cannot_be_read_again(place: Place) -> None:
    failed = call("rollback", CARD, "--to", "nothing", "--reason", "a slip")
    assert isinstance(failed.exception, ProductError)
    assert call("releases", "nothing").exception is not None
