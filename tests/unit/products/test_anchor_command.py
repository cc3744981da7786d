"""`wharf anchor`: set, listed and removed by number."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from product_world import D5, Place

from wharf.cli.main import wharf
from wharf.errors import DecisionRefused, ProductError
from wharf.ledger import anchors
from wharf.products import sync_anchor_tags

NOW = datetime.now(UTC)


@pytest.fixture
def batch(place: Place, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("WHARF_HOME", str(place.ctx.settings.home))
    monkeypatch.setenv("WHARF_PROJECT", str(place.ctx.settings.project))
    monkeypatch.setenv("LOGNAME", "ada")
    return place.deliver("alder", D5)


def does(*arguments: str) -> str:
    result = CliRunner().invoke(wharf, ["anchor", *arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def anchored(batch: str, *more: str) -> str:
    given = ("set", "parcel_facts", "alder.parcels", "--batch", batch, "--until", "9d")
    return does(*given, "--reason", "signed off", *more)


def test_an_anchor_is_set_listed_and_removed(place: Place, batch: str) -> None:
    assert f"parcel_facts reads {batch} of alder.parcels until" in anchored(batch)
    assert "cli:ada: signed off" in does("list")
    [row] = [json.loads(line) for line in does("list", "--json").splitlines()]
    assert (row["consumer"], row["table"]) == ("parcel_facts", "raw.alder_parcels")
    assert "removed" in does("remove", str(row["seq"]))
    assert does("list") == "no anchors\n"
    assert "removed by cli:ada" in does("list", "--all")
    with pytest.raises(ProductError, match="removed by cli:ada already"):
        does("remove", str(row["seq"]))
    with pytest.raises(ProductError, match="there is no anchor 77"):
        does("remove", "77")


def test_a_newer_anchor_of_the_same_edge_takes_the_place_of_the_older(
    place: Place, batch: str
) -> None:
    anchored(batch)
    anchored(batch, "--period", D5)
    anchored(batch)
    with place.ctx.ledger.read() as tx:
        found = anchors.anchors(tx, NOW + timedelta(minutes=1))
    assert [(row.seq, row.period) for row in found] == [(2, D5), (3, None)]


def test_an_anchor_has_an_end_a_reason_and_something_to_bind(place: Place, batch: str) -> None:
    with pytest.raises(DecisionRefused, match="is no time"):
        anchored(batch, "--until", "for ever")
    with pytest.raises(ProductError, match="reason is missing"):
        anchored(batch, "--reason", " ")
    with pytest.raises(ProductError, match="name a batch of it"):
        does("set", "parcel_facts", "alder.parcels", "--until", "1d", "--reason", "x")
    with pytest.raises(ProductError, match="name a release of it"):
        does("set", "parcel_use", "parcel_facts", "--until", "1d", "--reason", "x")
    given = ("--release", "5", "--until", "1d", "--reason", "x")
    with pytest.raises(ProductError, match="has no release 5"):
        does("set", "parcel_use", "parcel_facts", *given)


def test_plain_engines_see_an_anchor_as_a_tag_while_it_is_in_force(
    place: Place, batch: str
) -> None:
    lake, table = place.ctx.lake, "raw.alder_parcels"
    anchored(batch)
    [tag] = lake.tags.of(table)
    assert tag == "anchor/1/parcel_facts"
    assert lake.current(table, lake.snapshot_at(table, tag))[D5] == batch
    lake.tags.set(table, "anchor/model-7", lake.tags.of(table)[tag])
    assert "lasts until" in does("renew", "1", "--until", "30d", "--reason", "not yet done")
    assert set(lake.tags.of(table)) == {"anchor/2/parcel_facts", "anchor/model-7"}
    does("remove", "2")
    assert set(lake.tags.of(table)) == {"anchor/model-7"}


def test_an_anchor_that_has_ended_is_not_renewed_and_its_tag_goes(place: Place, batch: str) -> None:
    anchored(batch)
    lake, later = place.ctx.lake, datetime.now(UTC) + timedelta(days=10)
    said = sync_anchor_tags(lake, place.ctx.ledger, "raw.alder_parcels", later)
    assert said == ["raw.alder_parcels: tag anchor/1/parcel_facts is removed, its anchor has ended"]
    assert sync_anchor_tags(lake, place.ctx.ledger, "raw.alder_parcels", later) == []
    does("remove", "1")
    with pytest.raises(ProductError, match="anchor 1 has ended; set a new one"):
        does("renew", "1", "--until", "30d", "--reason", "again")
    with pytest.raises(ProductError, match="there is no anchor 77"):
        does("renew", "77", "--until", "30d", "--reason", "again")
