from __future__ import annotations

from datetime import timedelta

import pytest
from product_world import D5, DECIDED, Place

from wharf.errors import ProductError, PublishRefused
from wharf.ledger import batches as batch_rows
from wharf.ledger import products as product_rows
from wharf.products import current_release, load_product, release, run_step

FACTS = [
    "staging.alder_parcels",
    "staging.birch_parcels",
    "staging.cedar_parcels",
    "staging.dune_parcels",
    "facts.parcels",
]


def make(place: Place, product: str, run: str = "r1", minutes: int = 0) -> str:
    """Gather, run the dbt step and release; gives the manifest id."""
    now = DECIDED + timedelta(minutes=minutes)
    manifest = place.gather(product, now=now)
    run_step(place.ctx, product, manifest.manifest_id, 0, now=now, run_id=run)
    release(place.ctx, product, manifest.manifest_id, now=now, by=run)
    return manifest.manifest_id


def break_model(place: Place) -> None:
    place.change_model(
        "facts/parcels.sql", lambda sql: sql.replace("from counties", "from nowhere")
    )


def mend_model(place: Place) -> None:
    place.change_model(
        "facts/parcels.sql", lambda sql: sql.replace("from nowhere", "from counties")
    )


def test_a_dbt_step_stages_every_model_under_no_readers_eyes(place: Place) -> None:
    place.deliver_all(D5)
    manifest = place.gather("parcel_facts")
    done = run_step(place.ctx, "parcel_facts", manifest.manifest_id, 0, now=DECIDED, run_id="r1")
    with place.ctx.ledger.read() as tx:
        rows = batch_rows.batches_for(tx, "parcel_facts")
        nodes = product_rows.steps_of(tx, manifest.manifest_id)
    assert [row.table for row in rows] == FACTS
    assert {row.status for row in rows} == {"AUDITED"}
    assert len(done.batches) == 5
    assert not any(place.ctx.lake.has(table) for table in FACTS)
    parcels = rows[-1]
    assert parcels.rows_staged == 32
    assert parcels.origin["inputs"] == manifest.batch_ids()
    assert parcels.origin["about"]["cell_x"].startswith("Longitude cell")
    assert {"model:parcels", "test:unique_parcels_parcel_id"} <= {row.node for row in nodes}
    assert {row.node.split(":")[0] for row in nodes} == {"step", "model", "test", "unit_test"}


def test_a_release_publishes_all_tables_and_commits_once(place: Place) -> None:
    place.deliver_all(D5)
    manifest_id = make(place, "parcel_facts")
    found = current_release(place.ctx, "parcel_facts")
    assert found is not None
    assert (found.manifest_id, list(found.tables)) == (manifest_id, FACTS)
    frame = load_product(place.ctx, "parcel_facts", "facts.parcels")
    assert len(frame) == 32
    assert set(frame["_period"]) == {D5}
    assert set(frame["_manifest_id"]) == {manifest_id}
    by_id = frame.set_index("parcel_id")
    assert bool(by_id.loc["ALD-000000", "is_residential"])
    assert by_id["is_residential"].isna().sum() == 8
    assert place.ctx.settings.home.joinpath("releases/parcel_facts/release.json").exists()


def test_releasing_twice_changes_nothing(place: Place) -> None:
    place.deliver_all(D5)
    manifest_id = make(place, "parcel_facts")
    first = current_release(place.ctx, "parcel_facts")
    again = release(place.ctx, "parcel_facts", manifest_id, now=DECIDED, by="r1")
    assert again == first
    with place.ctx.ledger.read() as tx:
        assert len(product_rows.releases_of(tx, "parcel_facts")) == 1
    assert len(place.ctx.lake.history("facts.parcels")) == 1


def test_a_failing_dbt_test_names_the_node_and_publishes_nothing(place: Place) -> None:
    place.deliver_all(D5)
    first = make(place, "parcel_facts")
    place.deliver("dune", D5, twice=True)
    manifest = place.gather("parcel_facts", now=DECIDED + timedelta(minutes=1))
    with pytest.raises(ProductError, match="unique_dune_parcels_parcel_id") as caught:
        run_step(place.ctx, "parcel_facts", manifest.manifest_id, 0, now=DECIDED, run_id="r2")
    assert "quarantine" in str(caught.value)
    with pytest.raises(ProductError, match="failed; run it again"):
        release(place.ctx, "parcel_facts", manifest.manifest_id, now=DECIDED, by="r2")
    with place.ctx.ledger.read() as tx:
        rows = batch_rows.batches_for(tx, "parcel_facts")
    assert {row.status for row in rows if row.run_id == "r2"} == {"QUARANTINED"}
    found = current_release(place.ctx, "parcel_facts")
    assert found is not None
    assert found.manifest_id == first
    assert len(load_product(place.ctx, "parcel_facts", "facts.parcels")) == 32


def test_a_retry_of_a_failed_step_is_red_until_the_work_is_done(place: Place) -> None:
    place.deliver_all(D5)
    manifest = place.gather("parcel_facts")
    place.change_model(
        "facts/parcels.sql", lambda sql: sql.replace("from counties", "from nowhere")
    )
    for run in ("r1", "r2"):
        with pytest.raises(ProductError, match="nowhere"):
            run_step(place.ctx, "parcel_facts", manifest.manifest_id, 0, now=DECIDED, run_id=run)
    place.change_model(
        "facts/parcels.sql", lambda sql: sql.replace("from nowhere", "from counties")
    )
    run_step(place.ctx, "parcel_facts", manifest.manifest_id, 0, now=DECIDED, run_id="r3")
    row = release(place.ctx, "parcel_facts", manifest.manifest_id, now=DECIDED, by="r3")
    assert list(row.tables) == FACTS


def test_a_model_that_vanished_from_a_green_retry_is_not_released(place: Place) -> None:
    place.deliver_all(D5)
    manifest = place.gather("parcel_facts")
    run_step(place.ctx, "parcel_facts", manifest.manifest_id, 0, now=DECIDED, run_id="r1")
    place.change_model(
        "facts/parcels.sql", lambda sql: sql.replace("from counties", "from nowhere")
    )
    with pytest.raises(ProductError):
        run_step(place.ctx, "parcel_facts", manifest.manifest_id, 0, now=DECIDED, run_id="r2")
    with pytest.raises(ProductError, match="run it again first"):
        release(place.ctx, "parcel_facts", manifest.manifest_id, now=DECIDED, by="r2")


def test_a_retry_of_a_green_step_replaces_its_own_staged_batches(place: Place) -> None:
    place.deliver_all(D5)
    manifest = place.gather("parcel_facts")
    run_step(place.ctx, "parcel_facts", manifest.manifest_id, 0, now=DECIDED, run_id="r1")
    done = run_step(place.ctx, "parcel_facts", manifest.manifest_id, 0, now=DECIDED, run_id="r2")
    row = release(place.ctx, "parcel_facts", manifest.manifest_id, now=DECIDED, by="r2")
    assert [stands["batch_id"] for stands in row.tables.values()] == list(done.batches)


def test_an_older_manifest_does_not_replace_a_newer_release(place: Place) -> None:
    place.deliver_all(D5)
    old = place.gather("parcel_facts")
    run_step(place.ctx, "parcel_facts", old.manifest_id, 0, now=DECIDED, run_id="r1")
    newer = make(place, "parcel_facts", "r2", minutes=1)
    with pytest.raises(PublishRefused):
        release(place.ctx, "parcel_facts", old.manifest_id, now=DECIDED, by="r1")
    found = current_release(place.ctx, "parcel_facts")
    assert found is not None
    assert found.manifest_id == newer


def test_a_step_number_that_is_not_there_is_refused(place: Place) -> None:
    place.deliver_all(D5)
    manifest = place.gather("parcel_facts")
    with pytest.raises(ProductError, match="steps 0 to 0, not 3"):
        run_step(place.ctx, "parcel_facts", manifest.manifest_id, 3, now=DECIDED, run_id="r")


def test_a_column_type_that_the_lake_does_not_keep_is_refused_by_name(place: Place) -> None:
    place.deliver_all(D5)
    place.change_model(
        "facts/parcels.sql", lambda sql: sql.replace("*,", "*, sum(lot_sqft) over () as all_sqft,")
    )
    manifest = place.gather("parcel_facts")
    with pytest.raises(ProductError, match=r"facts\.parcels\.all_sqft is a HUGEINT.*cast it"):
        run_step(place.ctx, "parcel_facts", manifest.manifest_id, 0, now=DECIDED, run_id="r")
