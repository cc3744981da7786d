"""What a lost database takes with it comes back by commands, and each says what does not."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from harbour import GOOD, Harbour

from wharf import products
from wharf.cli.main import wharf as command
from wharf.ledger import anchors
from wharf.ledger.anchors import Anchor

TABLE = "raw.acme_prices"


@pytest.fixture
def harbour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Harbour:
    """A delivery restated once; a product is bound to the first version."""
    made = Harbour(tmp_path)
    made.deliver(GOOD)
    made.run()
    made.wait(minutes=5)
    made.deliver(GOOD.replace("1.50", "1.60"))
    made.run()
    first = made.batches()[0].batch_id
    until = made.now + timedelta(days=900)
    with made.place.ledger.write() as tx:
        bound = Anchor("daily", TABLE, "ann", "an inquiry", made.now, until, batch_id=first)
        anchors.record_anchor(tx, bound)
    products.sync_anchor_tags(made.place.lake, made.place.ledger, TABLE, made.now)
    monkeypatch.setenv("WHARF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WHARF_PROJECT", str(tmp_path / "project"))
    return made


def wharf(*arguments: str) -> str:
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == 0, done.output
    return done.output


def lose(harbour: Harbour, name: str) -> None:
    for file in (harbour.root / "home").glob(f"{name}.db*"):
        file.unlink()


def read_again(harbour: Harbour) -> Harbour:
    return Harbour(harbour.root, now=harbour.now)


def test_a_ledger_is_backed_up_and_restored(harbour: Harbour, tmp_path: Path) -> None:
    kept = tmp_path / "kept.db"
    rows = harbour.rows()
    assert "backed up to" in wharf("ledger", "backup", str(kept))
    lose(harbour, "ledger")
    assert "nothing was changed" in wharf("ledger", "restore", "--dry-run", str(kept))
    assert "Next: `wharf ledger rebuild`" in wharf("ledger", "restore", str(kept))
    found = read_again(harbour)
    assert [row.batch_id for row in found.batches()] == [row.batch_id for row in harbour.batches()]
    assert found.rows() == rows
    with found.place.ledger.read() as tx:
        assert [row.by for row in anchors.anchors(tx)] == ["ann"]


def test_a_ledger_is_rebuilt_with_its_anchors_and_names_what_is_lost(harbour: Harbour) -> None:
    batches = [row.batch_id for row in harbour.batches()]
    lose(harbour, "ledger")
    asked = wharf("ledger", "rebuild", "--dry-run")
    assert "missing: 2 deliveries" in asked
    said = wharf("ledger", "rebuild")
    assert "added: 2 deliveries" in said
    assert "added: 2 batches (2 PUBLISHED)" in said
    assert f"added: 1 anchors\n  daily reads {batches[0]} of {TABLE}; set it anew" in said
    assert "not here: decisions, corrections in force, incidents" in said
    again = wharf("ledger", "rebuild")
    assert "added: 0 anchors" in again
    found = read_again(harbour)
    assert [row.batch_id for row in found.batches()] == batches
    with found.place.ledger.read() as tx:
        [row] = anchors.anchors(tx)
    assert (row.consumer, row.batch_id, row.by) == ("daily", batches[0], "")
    place = found.place
    products.sync_anchor_tags(place.lake, place.ledger, TABLE, row.at)
    assert [*place.lake.tags.of(TABLE)] == [f"anchor/{row.seq}/daily"]


def test_a_catalog_is_pointed_at_what_lies_in_the_lake(harbour: Harbour) -> None:
    rows = harbour.rows()
    lose(harbour, "catalog")
    assert "1 tables would be pointed" in wharf("lake", "rebuild-catalog", "--dry-run")
    assert "1 tables pointed at their newest" in wharf("lake", "rebuild-catalog")
    assert "0 tables pointed" in wharf("lake", "rebuild-catalog")
    assert read_again(harbour).rows() == rows
