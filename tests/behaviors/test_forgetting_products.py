"""A person's rows leave the tables that products made of a feed, and releases follow."""

from __future__ import annotations

from pathlib import Path

import pytest
from product_world import D5, DECIDED, Place, new_place

from wharf.batches.erase import Cause
from wharf.intake import Intake
from wharf.lake import open_landing
from wharf.ledger import products as product_rows
from wharf.products import load_product, release, run_step
from wharf.settings import Connection
from wharf.watch.forgetting import forget, traces
from wharf.watch.promises import read_promises

PARCEL = "ALD-000003"


def intake_of(place: Place) -> Intake:
    ctx = place.ctx
    landing = open_landing(ctx.settings)
    return Intake(
        ctx.settings, ctx.ledger, ctx.lake, landing, ctx.batches, lambda name: Connection(name, "x")
    )


@pytest.mark.slow
def test_derived_tables_lose_the_rows_and_the_release_names_what_is_left(tmp_path: Path) -> None:
    place = new_place(tmp_path)
    place.deliver_all(D5)
    ctx = place.ctx
    manifest = place.gather("parcel_facts")
    run_step(ctx, "parcel_facts", manifest.manifest_id, 0, now=DECIDED, run_id="r")
    before = release(ctx, "parcel_facts", manifest.manifest_id, now=DECIDED, by="r")
    there = load_product(ctx, "parcel_facts", "facts.parcels", D5)
    assert PARCEL in set(there["parcel_id"])

    intake = intake_of(place)
    promises = read_promises(ctx.ledger, ctx.settings.project, DECIDED)
    feed, key = promises.feeds["alder.parcels"], {"parcel_id": PARCEL}
    seen = traces(intake, promises, feed, key)
    assert {each.row.table for each in seen.found} == {
        "raw.alder_parcels", "staging.alder_parcels", "facts.parcels",
    }  # fmt: skip
    done = forget(intake, promises, feed, key, Cause("forget", "me", "request 17", DECIDED))

    left = load_product(ctx, "parcel_facts", "facts.parcels", D5)
    assert set(there["parcel_id"]) - set(left["parcel_id"]) == {PARCEL}
    assert len(left) == len(there) - 1
    with ctx.ledger.read() as tx:
        after = product_rows.current_releases(tx, "parcel_facts")[D5]
    assert [each.product for each in done.releases] == ["parcel_facts"]
    assert after.action == "forget"
    assert after.manifest_id == before.manifest_id
    old = str(before.tables["facts.parcels"]["batch_id"])
    assert after.tables["facts.parcels"]["batch_id"] == done.successors[old]
    assert traces(intake, promises, feed, key).found == ()
