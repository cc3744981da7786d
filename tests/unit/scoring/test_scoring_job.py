"""A table scored without Spark: exact batches in, one sound batch out, or nothing."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from scoring_world import FEATURES, NOW, Pins, a_model, parcels, stage_parcels

from wharf.errors import LakeError, ModelError
from wharf.lake import Batch
from wharf.scoring import (
    ScoreContext,
    ScoreJob,
    Scorer,
    Trained,
    finish_score,
    prepare_score,
    read_job,
    read_result,
    registry,
    run_here,
    unpack,
)

PERIOD = "2026-11-20"


@pytest.fixture
def staged(ctx: ScoreContext, trained: Trained, rows: pa.Table) -> Batch:
    registry.register(ctx.ledger, ctx.settings.models, trained, now=NOW, actor="test")
    return stage_parcels(ctx, [rows.slice(0, 1000), rows.slice(1000)])


def prepare(ctx: ScoreContext, *inputs: Batch, pins: Pins | None = None) -> ScoreJob:
    return prepare_score(
        ctx,
        a_model(),
        product="parcel_use",
        period=PERIOD,
        manifest=pins or Pins(models={"residential": 1}),
        inputs=inputs,
        now=NOW,
    )


def run(ctx: ScoreContext, job: ScoreJob) -> Batch:
    run_here(job, s3=ctx.settings.s3)
    batch_id = finish_score(ctx, job, now=NOW)
    return ctx.lake.read_batch("scores.residential", PERIOD, batch_id)


def read(ctx: ScoreContext, batch: Batch) -> pa.Table:
    with duckdb.connect() as connection:
        relation = ctx.lake.scan_batches_sql([batch])
        return connection.execute(f"SELECT * FROM {relation} ORDER BY parcel_id").to_arrow_table()


def test_every_row_of_the_input_gets_the_models_score(
    ctx: ScoreContext, staged: Batch, trained: Trained, rows: pa.Table
) -> None:
    found = read(ctx, run(ctx, prepare(ctx, staged)))
    scorer = Scorer(unpack(trained.pack(1)))
    expected = scorer.score({name: rows.column(name) for name in FEATURES})
    assert found.column("parcel_id").to_pylist() == rows.column("parcel_id").to_pylist()
    assert np.array_equal(found.column("score").to_numpy(), expected.astype(np.float64))
    assert found.column("label").to_pylist() == (expected >= 0.5).tolist()


def test_every_score_says_which_model_and_which_batch_it_comes_from(
    ctx: ScoreContext, staged: Batch
) -> None:
    found = read(ctx, run(ctx, prepare(ctx, staged)))
    assert found.column_names == [
        "parcel_id", "score", "label",
        "_model_version", "_input_batch_ids", "_period", "_manifest_id",
    ]  # fmt: skip
    for column, value in {
        "_model_version": "1",
        "_input_batch_ids": staged.batch_id,
        "_period": PERIOD,
        "_manifest_id": Pins().manifest_id,
    }.items():
        assert set(found.column(column).to_pylist()) == {value}


def test_scores_of_several_batches_name_each_rows_own_batch(
    ctx: ScoreContext, staged: Batch
) -> None:
    other = stage_parcels(ctx, [parcels(50, seed=2)], period="2026-11-19")
    found = read(ctx, run(ctx, prepare(ctx, staged, other)))
    named = found.column("_input_batch_ids").value_counts().to_pylist()
    assert {one["values"]: one["counts"] for one in named} == {
        staged.batch_id: 3000,
        other.batch_id: 50,
    }


def test_result_is_a_sound_batch_that_can_be_published(ctx: ScoreContext, staged: Batch) -> None:
    batch = run(ctx, prepare(ctx, staged))
    assert ctx.lake.check(batch) == []
    assert batch.origin["inputs"] == {"facts.parcels": [staged.batch_id]}
    assert batch.origin["model"]["version"] == 1  # type: ignore[index]
    ctx.batches.audited(batch.batch_id, passed=True, now=NOW)
    ctx.batches.publish(batch.batch_id, now=NOW, by="test")
    assert ctx.lake.current("scores.residential") == {PERIOD: batch.batch_id}


def test_caller_may_say_more_about_the_origin(ctx: ScoreContext, staged: Batch) -> None:
    job = prepare_score(
        ctx,
        a_model(),
        product="parcel_use",
        period=PERIOD,
        manifest=Pins(),
        inputs=[staged],
        now=NOW,
        origin={"attempt": "a1", "step": 0},
    )
    assert run(ctx, job).origin["attempt"] == "a1"


def test_one_file_is_one_split_and_splits_are_told_apart(ctx: ScoreContext, staged: Batch) -> None:
    job = prepare(ctx, staged)
    assert [split.rows for split in job.splits] == [1000, 2000]
    result = run_here(job, s3={}, workers=2)
    assert [one.rows for one in result.files] == [1000, 2000]


def test_finishing_twice_changes_nothing(ctx: ScoreContext, staged: Batch) -> None:
    job = prepare(ctx, staged)
    first = run(ctx, job)
    run_here(job, s3={})
    assert finish_score(ctx, job, now=NOW) == first.batch_id
    assert ctx.lake.read_batch(job.table, PERIOD, first.batch_id) == first


def test_files_of_a_repeated_launch_stand_beside_the_first_and_are_not_staged(
    ctx: ScoreContext, staged: Batch
) -> None:
    job = prepare(ctx, staged)
    run_here(job, s3={})
    batch = run(ctx, job)
    assert batch.rows == 3000
    folder = Path(job.task.output.removeprefix("file://"))
    assert len(list(folder.glob("part-*.parquet"))) == 4
    assert len(batch.files) == 2


def test_job_file_says_all_that_a_runner_needs(ctx: ScoreContext, staged: Batch) -> None:
    job = prepare(ctx, staged)
    assert read_job(job.path) == job
    assert json.loads(Path(job.path).read_text())["resources"]["executor_memory"] == "2g"


def test_unfinished_job_stages_nothing(ctx: ScoreContext, staged: Batch) -> None:
    job = prepare(ctx, staged)
    with pytest.raises(ModelError, match="has not finished"):
        finish_score(ctx, job, now=NOW)
    assert ctx.lake.list_batches(job.table, PERIOD) == []


def test_result_with_too_few_rows_stages_nothing(ctx: ScoreContext, staged: Batch) -> None:
    job = prepare(ctx, staged)
    run_here(job, s3={})
    raw = json.loads(job.result_path.read_text())
    job.result_path.write_text(json.dumps({**raw, "rows": 2000, "files": raw["files"][1:]}))
    with pytest.raises(ModelError, match="2000 of 3000 rows were scored"):
        finish_score(ctx, job, now=NOW)


def test_result_of_another_job_is_refused(ctx: ScoreContext, staged: Batch) -> None:
    one, other = prepare(ctx, staged), prepare(ctx, staged)
    run_here(other, s3={})
    one.result_path.write_text(other.result_path.read_text())
    with pytest.raises(ModelError, match="is the result of"):
        read_result(one)


def test_without_a_champion_the_step_says_how_to_train(ctx: ScoreContext, rows: pa.Table) -> None:
    batch = stage_parcels(ctx, [rows])
    with pytest.raises(ModelError, match="wharf model train residential"):
        prepare(ctx, batch, pins=Pins(models={"residential": None}))


def test_manifest_pins_the_version_whoever_is_champion(
    ctx: ScoreContext, staged: Batch, trained: Trained
) -> None:
    registry.register(ctx.ledger, ctx.settings.models, trained, now=NOW, actor="test")
    registry.promote(ctx.ledger, "residential", 2, reason="trial", actor="ada", now=NOW)
    assert prepare(ctx, staged).version == 1
    assert prepare(ctx, staged, pins=Pins()).version == 2


def test_damaged_artifact_is_noticed_before_spark_starts(ctx: ScoreContext, staged: Batch) -> None:
    row = registry.require_version(ctx.ledger, "residential")
    path = ctx.settings.models / row.uri
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ModelError, match="is damaged"):
        prepare(ctx, staged)


def test_artifact_damaged_after_planning_is_noticed_by_the_task(
    ctx: ScoreContext, staged: Batch
) -> None:
    job = prepare(ctx, staged)
    path = Path(job.artifact)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    from wharf.scoring import scorer

    scorer._opened.clear()
    with pytest.raises(ModelError, match="is damaged"):
        run_here(job, s3={})
    assert not job.result_path.exists()


def test_missing_feature_column_is_named(ctx: ScoreContext, staged: Batch, rows: pa.Table) -> None:
    narrow = stage_parcels(ctx, [rows.drop_columns(["lon"])], period="2026-11-18")
    with pytest.raises(ModelError, match="has no feature column lon"):
        prepare(ctx, narrow)


def test_column_younger_than_a_batch_is_missing_there(
    ctx: ScoreContext, staged: Batch, rows: pa.Table
) -> None:
    old = stage_parcels(ctx, [rows.slice(0, 10).drop_columns(["is_residential"])])
    assert old.rows == 10
    columns = [one for one in staged.columns if one.name != "lon"]
    young = dataclasses.replace(
        staged, columns=(*columns, dataclasses.replace(staged.columns[-3], field_id=99, name="lon"))
    )
    job = prepare(ctx, young)
    lon = next(one for one in job.task.reads if one.name == "lon")
    assert lon.field_id == 99
    assert run(ctx, job).rows == 3000


def test_input_file_that_vanished_is_named(ctx: ScoreContext, staged: Batch) -> None:
    job = prepare(ctx, staged)
    Path(job.splits[0].uri.removeprefix("file://")).unlink()
    with pytest.raises(LakeError, match=r"part-0.parquet cannot be read"):
        run_here(job, s3={})


def test_nothing_to_score_is_an_empty_batch(ctx: ScoreContext, staged: Batch) -> None:
    empty = stage_parcels(ctx, [parcels(5).slice(0, 0)], period="2026-11-17")
    batch = run(ctx, prepare(ctx, empty))
    assert batch.rows == 0
    assert ctx.lake.check(batch) == []


def test_scores_without_a_key_are_refused(ctx: ScoreContext, staged: Batch) -> None:
    model = a_model(features={"table": "facts.parcels", "columns": FEATURES})
    with pytest.raises(ModelError, match=r"name features\.key"):
        prepare_score(
            ctx,
            model,
            product="parcel_use",
            period=PERIOD,
            manifest=Pins(),
            inputs=[staged],
            now=NOW,
        )


def test_key_column_named_like_a_result_is_refused(ctx: ScoreContext, staged: Batch) -> None:
    columns = (*staged.columns, dataclasses.replace(staged.columns[0], name="score", field_id=50))
    features = {"table": "facts.parcels", "columns": FEATURES, "key": ["score"]}
    with pytest.raises(ModelError, match="key column score is a name of the result"):
        prepare_score(
            ctx,
            a_model(features=features),
            product="parcel_use",
            period=PERIOD,
            manifest=Pins(),
            inputs=[dataclasses.replace(staged, columns=columns)],
            now=NOW,
        )
