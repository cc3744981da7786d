"""Products the whole way on a real lake: gather, dbt, score, python, export, release, rollback."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from product_world import D4, D5, DECIDED, Place, new_place

from wharf.batches import Batches
from wharf.errors import AuditFailed, ModelError, ProductError, PublishRefused
from wharf.ledger import batches as batch_rows
from wharf.ledger import products as product_rows
from wharf.products import (
    current_release,
    finish_score_step,
    gather,
    load_product,
    prepare_score_step,
    release,
    reruns,
    rollback_release,
    run_step,
)
from wharf.scoring import ScoreContext, run_here, train_on_release

pytestmark = pytest.mark.slow
LATER = DECIDED + timedelta(minutes=5)


def make(place: Place, product: str, now: datetime = DECIDED) -> str:
    """Take one product all the way; gives the manifest id."""
    ctx = place.ctx
    manifest = place.gather(product, now=now)
    for index, step in enumerate(ctx.product(product).steps):
        if step.score:
            score(place, manifest.manifest_id, now)
        else:
            run_step(ctx, product, manifest.manifest_id, index, now=now, run_id="r")
    release(ctx, product, manifest.manifest_id, now=now, by="r")
    return manifest.manifest_id


def score(place: Place, manifest_id: str, now: datetime = LATER) -> None:
    """Run the score step of parcel_use in this process."""
    job = prepare_score_step(place.ctx, "parcel_use", manifest_id, 0, now=now, run_id="r")
    run_here(job, s3={}, workers=1)
    finish_score_step(place.ctx, job, now=now, run_id="r")


def page_of(place: Place, product: str) -> dict[str, Any]:
    path = place.ctx.settings.portal / "products" / product / "page.json"
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Facts released and a model trained on them."""
    place = new_place(tmp_path_factory.mktemp("trained"))
    for county in ("alder", "birch", "cedar"):
        place.deliver(county, D5, parcels=400)
    place.deliver("dune", D4, parcels=400)
    place.deliver_signals(D5)
    make(place, "parcel_facts")
    ctx = place.ctx
    scoring = ScoreContext(ctx.settings, ctx.ledger, ctx.lake, ctx.batches)
    train_on_release(scoring, ctx.project.models["residential"], now=DECIDED, by="test")
    return place


def test_every_parcel_is_scored_and_released_with_its_model_and_batches(trained: Place) -> None:
    manifest_id = make(trained, "parcel_use")
    found = current_release(trained.ctx, "parcel_use")
    assert found is not None
    assert list(found.tables) == ["scores.residential", "interpretations.parcel_use"]
    scores = load_product(trained.ctx, "parcel_use", "scores.residential")
    assert len(scores) == 1600
    assert set(scores["_model_version"]) == {"1"}
    use = load_product(trained.ctx, "parcel_use", "interpretations.parcel_use", kind="arrow")
    origins = set(use.column("use_from").to_pylist())
    assert origins == {"delivered", "scored"}
    with trained.ctx.ledger.read() as tx:
        facts = product_rows.current_releases(tx, "parcel_facts")[D5]
    batch_id = facts.tables["facts.parcels"]["batch_id"]
    assert all(batch_id in each for each in set(scores["_input_batch_ids"]))
    page = page_of(trained, "parcel_use")
    assert page["manifest_id"] == manifest_id
    assert page["model"]["version"] == 1
    assert [each["table"] for each in page["tables"]] == list(found.tables)
    assert all(each["about"] for each in page["columns"])


def test_signals_are_joined_to_the_parcel_they_lie_on(trained: Place) -> None:
    make(trained, "signals_by_use")
    facts = load_product(trained.ctx, "signals_by_use", "facts.signals")
    assert facts["parcel_id"].notna().sum() == 12
    counted = load_product(
        trained.ctx, "signals_by_use", "interpretations.signals_by_use", period=D5
    )
    assert counted["signals"].sum() == 24
    assert set(counted["use"]) == {"no parcel", "single family"}
    page = page_of(trained, "signals_by_use")
    own, inner = (page["inputs"][:2], page["inputs"][2:])
    assert [each["name"] for each in own] == ["signalpath.locations", "parcel_facts"]
    assert {each["name"] for each in inner} == {
        f"{county}.parcels (in parcel_facts)" for county in ("alder", "birch", "cedar", "dune")
    }


def test_a_page_says_which_input_is_old_and_by_which_policy(trained: Place) -> None:
    with trained.ctx.ledger.read() as tx:
        release_row = product_rows.current_releases(tx, "parcel_facts")[D5]
        manifest = product_rows.find_manifest(tx, release_row.manifest_id)
    assert manifest is not None
    dune = next(each for each in manifest.body["inputs"] if each["name"] == "dune.parcels")
    assert (dune["policy"], dune["age_days"], dune["period"]) == ("last_good", 1, D4)
    staged = trained.ctx.lake.read_batch(
        "facts.parcels", D5, release_row.tables["facts.parcels"]["batch_id"]
    )
    assert staged.origin["inputs"]["raw.dune_parcels"] == [dune["pins"][0]["batch_id"]]


def test_scores_that_fail_the_suite_are_quarantined_and_not_released(trained: Place) -> None:
    ctx = trained.ctx
    suite = ctx.settings.project / "expectations" / "products" / "parcel_use.json"
    whole = suite.read_text()
    before = current_release(ctx, "parcel_use")
    suite.write_text(whole.replace('"min_value": 1000', '"min_value": 1000000'))
    manifest = trained.gather("parcel_use", now=LATER)
    try:
        job = prepare_score_step(ctx, "parcel_use", manifest.manifest_id, 0, now=LATER, run_id="r")
        run_here(job, s3={}, workers=1)
        with pytest.raises(AuditFailed):
            finish_score_step(ctx, job, now=LATER, run_id="r")
        with pytest.raises(ProductError, match="score: residential"):
            run_step(ctx, "parcel_use", manifest.manifest_id, 1, now=LATER, run_id="r")
    finally:
        suite.write_text(whole)
    assert current_release(ctx, "parcel_use") == before


def test_a_score_step_that_was_never_launched_stays_undone(trained: Place) -> None:
    ctx = trained.ctx
    manifest = trained.gather("parcel_use", now=LATER)
    job = prepare_score_step(ctx, "parcel_use", manifest.manifest_id, 0, now=LATER, run_id="r")
    with pytest.raises(ModelError):
        finish_score_step(ctx, job, now=LATER, run_id="r")
    with pytest.raises(ProductError, match="was begun and did not end"):
        run_step(ctx, "parcel_use", manifest.manifest_id, 1, now=LATER, run_id="r")


def test_without_a_champion_the_score_step_names_the_command(tmp_path: Path) -> None:
    place = new_place(tmp_path)
    place.deliver_all(D5)
    make(place, "parcel_facts")
    manifest = place.gather("parcel_use")
    with pytest.raises(ModelError, match="wharf model train residential"):
        prepare_score_step(
            place.ctx, "parcel_use", manifest.manifest_id, 0, now=DECIDED, run_id="r"
        )


def test_the_scorecard_is_made_from_the_ledger_alone_and_has_a_page(tmp_path: Path) -> None:
    place = new_place(tmp_path)
    make(place, "supplier_scorecard")
    frame = load_product(place.ctx, "supplier_scorecard", "interpretations.supplier_scorecard")
    assert len(frame) == 0
    page = page_of(place, "supplier_scorecard")
    assert page["inputs"] == []
    assert {"supplier", "on_time_rate"} <= {each["name"] for each in page["columns"]}


def test_a_rollback_moves_all_tables_of_a_product_back_together(tmp_path: Path) -> None:
    place = new_place(tmp_path)
    place.deliver_all(D5)
    first = make(place, "parcel_facts")
    place.deliver("alder", D5, parcels=20)
    (found,) = reruns(place.ctx, LATER)
    second = make(place, found.product, LATER)
    assert len(load_product(place.ctx, "parcel_facts", "facts.parcels")) == 44
    rollback_release(
        place.ctx, "parcel_facts", first, now=LATER, by="ann", reason="wrong restatement"
    )
    row = current_release(place.ctx, "parcel_facts")
    assert row is not None
    assert (row.manifest_id, row.action) == (first, "rollback")
    assert len(load_product(place.ctx, "parcel_facts", "facts.parcels")) == 32
    live = place.ctx.lake.current("facts.parcels")
    assert live == {D5: row.tables["facts.parcels"]["batch_id"]}
    with pytest.raises(PublishRefused, match="rolled back"):
        release(place.ctx, "parcel_facts", second, now=LATER, by="retry")
    assert current_release(place.ctx, "parcel_facts") == row
    assert reruns(place.ctx, LATER) == []


def test_a_period_past_its_cut_off_is_made_and_released_again_when_somebody_accepts(
    tmp_path: Path,
) -> None:
    place = new_place(tmp_path)
    place.deliver_all(D5)
    make(place, "parcel_facts")
    place.deliver("alder", D5, parcels=20)
    long_after = DECIDED + timedelta(days=40)
    second = make(place, "parcel_facts", long_after)
    row = current_release(place.ctx, "parcel_facts")
    assert row is not None
    assert row.manifest_id == second
    assert len(load_product(place.ctx, "parcel_facts", "facts.parcels")) == 44


def test_a_rollback_to_what_was_never_released_names_what_was(tmp_path: Path) -> None:
    place = new_place(tmp_path)
    place.deliver_all(D5)
    first = make(place, "parcel_facts")
    other = place.gather("parcel_facts", now=LATER)
    with pytest.raises(ProductError, match=f"released manifests: {first}"):
        rollback_release(
            place.ctx, "parcel_facts", other.manifest_id, now=LATER, by="ann", reason="x"
        )


def test_a_rollback_of_a_product_audits_every_table_before_the_first_one_moves(
    tmp_path: Path,
) -> None:
    place = new_place(tmp_path)
    place.deliver_all(D5)
    first = make(place, "parcel_facts")
    place.deliver("alder", D5, parcels=20)
    (found,) = reruns(place.ctx, LATER)
    make(place, found.product, LATER)
    before = current_release(place.ctx, "parcel_facts")
    with place.ctx.ledger.read() as tx:
        released = product_rows.releases_of(tx, "parcel_facts", D5)[0].tables["facts.parcels"]
    batch = place.ctx.lake.read_batch("facts.parcels", D5, str(released["batch_id"]))
    file = Path(batch.files[0].uri.removeprefix("file://"))
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(PublishRefused, match=r"audit of today: facts.parcels: .*checksum"):
        rollback_release(place.ctx, "parcel_facts", first, now=LATER, by="ann", reason="wrong")
    assert current_release(place.ctx, "parcel_facts") == before


class Stopped(Exception):
    """The process ended here."""


class StoppingBatches(Batches):
    """Ends the process after some publishes."""

    def __init__(self, inner: Batches, after: int) -> None:
        super().__init__(inner.lake, inner.ledger)
        self.left = after

    def publish(self, *args: Any, **named: Any) -> int:
        """Publish, until the end."""
        if self.left == 0:
            raise Stopped
        self.left -= 1
        return super().publish(*args, **named)


def test_a_release_that_stopped_at_any_table_is_finished_by_the_retry(tmp_path: Path) -> None:
    place = new_place(tmp_path)
    place.deliver_all(D5)
    first = make(place, "parcel_facts")
    place.deliver("alder", D5, parcels=20)
    manifest = place.gather("parcel_facts", now=LATER)
    run_step(place.ctx, "parcel_facts", manifest.manifest_id, 0, now=LATER, run_id="r")
    for after in range(5):
        dying = replace(place.ctx, batches=StoppingBatches(place.ctx.batches, after))
        with pytest.raises(Stopped):
            release(dying, "parcel_facts", manifest.manifest_id, now=LATER, by="r")
        row = current_release(place.ctx, "parcel_facts")
        assert row is not None
        assert row.manifest_id == first
        assert len(load_product(place.ctx, "parcel_facts", "facts.parcels")) == 32
    release(place.ctx, "parcel_facts", manifest.manifest_id, now=LATER, by="r")
    assert len(load_product(place.ctx, "parcel_facts", "facts.parcels")) == 44
    with place.ctx.ledger.read() as tx:
        assert len(product_rows.releases_of(tx, "parcel_facts")) == 2
        statuses = {row.status for row in batch_rows.batches_for(tx, "parcel_facts")}
    assert statuses == {"PUBLISHED", "SUPERSEDED"}


def test_a_step_that_read_a_replaced_batch_must_run_again(trained: Place) -> None:
    ctx = trained.ctx
    manifest_id = trained.gather("parcel_use", now=LATER).manifest_id
    score(trained, manifest_id)
    run_step(ctx, "parcel_use", manifest_id, 1, now=LATER, run_id="r")
    score(trained, manifest_id)
    with pytest.raises(ProductError, match="replaced since; run it again"):
        run_step(ctx, "parcel_use", manifest_id, 2, now=LATER, run_id="r")


def test_the_same_manifest_makes_the_same_rows_again(tmp_path: Path) -> None:
    place = new_place(tmp_path)
    place.deliver_all(D5)
    first = make(place, "parcel_facts")
    before = load_product(place.ctx, "parcel_facts", "facts.parcels", kind="arrow")
    place.deliver("alder", D5, parcels=20)
    row = gather(place.ctx, "parcel_facts", D5, now=LATER, manifest_id=first)
    manifest_id = row.manifest_id  # type: ignore[union-attr]
    run_step(place.ctx, "parcel_facts", manifest_id, 0, now=LATER, run_id="r")
    release(place.ctx, "parcel_facts", manifest_id, now=LATER, by="r")
    after = load_product(place.ctx, "parcel_facts", "facts.parcels", kind="arrow")
    assert after.drop(["_manifest_id"]) == before.drop(["_manifest_id"])
