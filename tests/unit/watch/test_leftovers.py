"""What is left lying about in the lake is reported, and stays where it is."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from harbour import GOOD, Harbour

from wharf import intake
from wharf.cli.main import wharf
from wharf.lake import new_batch_id
from wharf.watch.leftovers import leftovers
from wharf.watch.maintain import maintain

TABLE = "raw.acme_prices"


@pytest.fixture
def harbour(tmp_path: Path) -> Harbour:
    harbour = Harbour(tmp_path)
    harbour.deliver(GOOD)
    harbour.run()
    return harbour


def told(harbour: Harbour) -> list[str]:
    return list(leftovers(harbour.place, TABLE, harbour.now))


def test_a_lake_in_order_leaves_nothing(harbour: Harbour) -> None:
    harbour.wait(days=2)
    assert told(harbour) == []


def test_a_folder_without_its_record_is_named_after_a_day_and_stays(harbour: Harbour) -> None:
    lake = harbour.place.lake
    home = lake.batch_dir(TABLE, harbour.day, cut_off := new_batch_id(harbour.now))
    lake.storage.write(f"{home}/part-0.parquet", b"half of it")
    assert told(harbour) == []
    harbour.wait(days=2)
    [line] = told(harbour)
    assert cut_off in line
    assert "has no _batch.json: staging was cut off at 2026-11-20" in line
    assert line in maintain(harbour.place, harbour.now)
    assert lake.storage.size(f"{home}/part-0.parquet") == 10


def test_a_batch_staged_and_never_published_is_named(harbour: Harbour) -> None:
    harbour.wait(minutes=5)
    harbour.deliver("id,price\nc,7\n")
    harbour.look()
    intake.land_delivery(harbour.place, harbour.feed, harbour.period, now=harbour.now)
    staged = intake.stage_batch(
        harbour.place, harbour.feed, harbour.period, now=harbour.now, run_id="r"
    )
    harbour.wait(days=2)
    [line] = told(harbour)
    assert f"batch {staged} is staged since" in line


def test_a_batch_that_the_ledger_does_not_know_is_named(harbour: Harbour) -> None:
    lake = harbour.place.lake
    [known] = harbour.batches()
    batch = lake.read_batch(TABLE, harbour.day, known.batch_id)
    other = new_batch_id(harbour.now - timedelta(days=3))
    home = lake.batch_dir(TABLE, harbour.day, other)
    lake.storage.write(f"{home}/_batch.json", batch.to_json().encode())
    [line] = told(harbour)
    assert f"folder {other} is a batch that the ledger does not know" in line


def test_manifests_that_no_snapshot_names_are_counted(
    harbour: Harbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    for price in range(3):
        harbour.wait(minutes=5)
        harbour.deliver(f"id,price\na,{price}\n")
        harbour.run()
    assert maintain(harbour.place, harbour.now, keep=1)[0] == f"{TABLE}: 3 old snapshots forgotten"
    [line] = told(harbour)
    assert "6 manifests (0.0 MB) are named by no snapshot any more" in line
    assert harbour.rows() == [("a", "2.00")]
    monkeypatch.setenv("WHARF_HOME", str(harbour.settings.home))
    monkeypatch.setenv("WHARF_PROJECT", str(harbour.settings.project))
    output = CliRunner().invoke(wharf, ["lake", "report"]).output
    assert output.splitlines() == [line, "1 left over in 1 tables"]
