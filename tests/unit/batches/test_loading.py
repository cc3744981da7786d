"""`wharf.load_dataframe`: a table of the installation, with no more than its name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from harbour import GOOD, Harbour

from wharf import load_dataframe
from wharf.errors import LakeError
from wharf.ledger import anchors
from wharf.ledger import products as product_rows
from wharf.ledger.anchors import Anchor
from wharf.ledger.rows import ReleaseRow

TABLE = "raw.acme_prices"
DAY = "2026-11-20"


@pytest.fixture
def harbour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Harbour:
    """Two batches of one day, two rows and then one."""
    harbour = Harbour(tmp_path)
    monkeypatch.setenv("WHARF_HOME", str(harbour.settings.home))
    monkeypatch.setenv("WHARF_PROJECT", str(harbour.settings.project))
    harbour.deliver(GOOD)
    harbour.run()
    harbour.wait(minutes=5)
    harbour.deliver("id,price\nz,9\n")
    harbour.run()
    return harbour


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow", "duckdb"])
def test_what_readers_see_comes_in_each_kind(harbour: Harbour, kind: str) -> None:
    found = load_dataframe(TABLE, DAY, kind=kind)
    ids = found.fetchall() if kind == "duckdb" else found["id"]
    values = [row[4] for row in ids] if kind == "duckdb" else [str(each) for each in ids]
    assert values == ["z"]


def test_a_duckdb_relation_is_queried_further(harbour: Harbour) -> None:
    relation = load_dataframe(TABLE, kind="duckdb")
    assert relation.aggregate("count(*) AS n, max(price)::INT AS top").fetchall() == [(1, 9)]


def test_a_batch_is_read_by_its_id_alone(harbour: Harbour) -> None:
    first = harbour.batches()[0].batch_id
    assert list(load_dataframe(TABLE, batch=first)["id"]) == ["a", "b"]
    with pytest.raises(LakeError, match=f"see `wharf batch list {TABLE}`"):
        load_dataframe(TABLE, batch="20261120T060412345Z-7f3a9c")


def test_a_state_of_before_is_read_by_time_snapshot_and_tag(harbour: Harbour) -> None:
    first = harbour.place.lake.history(TABLE)[0]
    harbour.place.lake.tag(TABLE, "anchor/model-7", first.snapshot_id)
    ways = [{"as_of": first.at}, {"as_of": first.snapshot_id}, {"anchor": "model-7"}]
    for how in ways:
        assert len(load_dataframe(TABLE, DAY, **how)) == 2
    with pytest.raises(LakeError, match=r"tags: .*anchor/model-7"):
        load_dataframe(TABLE, anchor="model-8")


def test_an_anchor_is_read_by_its_number(harbour: Harbour) -> None:
    first, now = harbour.batches()[0].batch_id, datetime.now(UTC)
    until = now + timedelta(days=1)
    with harbour.place.ledger.write() as tx:
        made = anchors.record_anchor(
            tx, Anchor("list", TABLE, "ann", "signed", now, until, batch_id=first)
        )
    assert len(load_dataframe(TABLE, anchor=made.seq)) == 2
    with pytest.raises(LakeError, match=r"no anchor 77 is in force; those that are: 1"):
        load_dataframe(TABLE, anchor=77)
    with pytest.raises(LakeError, match=f"is about {TABLE}, not raw.other"):
        load_dataframe("raw.other", anchor=made.seq)


def test_a_product_is_read_as_it_was_released(harbour: Harbour) -> None:
    first, now = harbour.batches()[0].batch_id, datetime.now(UTC)
    tables = {TABLE: {"snapshot_id": 1, "batch_id": first}}
    with harbour.place.ledger.write() as tx:
        product_rows.record_release(tx, ReleaseRow("list", DAY, "m1", tables, now, "ann"))
    assert len(load_dataframe(TABLE, product="list")) == 2
    with pytest.raises(LakeError, match=f"its tables: {TABLE}"):
        load_dataframe("raw.other", product="list")
    with pytest.raises(LakeError, match="run its DAG product__other"):
        load_dataframe(TABLE, product="other")


def test_two_ways_at_once_are_refused(harbour: Harbour) -> None:
    with pytest.raises(LakeError, match="give only one of batch, as_of, anchor and product"):
        load_dataframe(TABLE, batch="x", anchor=1)


def test_an_absent_period_names_those_there_are(harbour: Harbour) -> None:
    with pytest.raises(LakeError, match=r"its last periods: 2026-11-20\. See `wharf batch list"):
        load_dataframe(TABLE, "2026-11-21")
