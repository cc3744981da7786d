"""Training: what is learned is honest, repeatable, and the same in its portable form."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from scoring_world import FEATURES, a_model, parcels, train_on

from wharf.contracts import Model
from wharf.errors import ModelError
from wharf.scoring import Scorer, Trained, unpack
from wharf.scoring.examples import prepare
from wharf.scoring.export import export_pipeline
from wharf.scoring.parity import require_parity
from wharf.scoring.tensors import as_inputs, features_of
from wharf.scoring.trainers import Examples, find_trainer
from wharf.scoring.trainers.boosted import floor_thresholds


def score(trained: Trained, rows: pa.Table) -> np.ndarray[Any, Any]:
    return Scorer(unpack(trained.pack(1))).score({n: rows.column(n) for n in FEATURES})


@pytest.mark.parametrize("trainer", ["lightgbm", "logistic"])
def test_portable_model_gives_the_native_scores(trainer: str, rows: pa.Table) -> None:
    trained = train_on(a_model(trainer=trainer), rows)
    assert trained.parity.max_abs_diff <= 1e-5
    assert trained.parity.rows == trained.data["rows_labelled"]
    assert trained.parity.edge_rows > 100
    assert trained.metrics["test"]["auc"] > 0.8


def test_training_twice_on_the_same_rows_gives_the_same_zip(
    trained: Trained, rows: pa.Table
) -> None:
    backwards = rows.take(pa.array(range(rows.num_rows - 1, -1, -1)))
    assert train_on(a_model(), backwards).pack(1) == trained.pack(1)


def test_test_metrics_are_worse_than_train_metrics_on_noise() -> None:
    noise = train_on(a_model(), parcels(noise=0.5))
    assert noise.metrics["train"]["auc"] > 0.55
    assert 0.4 < noise.metrics["test"]["auc"] < 0.6


def test_a_key_is_on_one_side_of_the_split_whenever_it_is_trained(
    trained: Trained, rows: pa.Table
) -> None:
    fewer = train_on(a_model(), rows.slice(500))
    kept = set(trained.test.column("assessed_value").to_pylist())
    assert set(fewer.test.column("assessed_value").to_pylist()) < kept


def test_another_seed_holds_out_other_rows(trained: Trained, rows: pa.Table) -> None:
    other = train_on(a_model(train={"product": "parcel_facts", "split_seed": "8"}), rows)
    assert other.data["split"]["seed"] == 8
    assert not other.test.equals(trained.test)


def test_metrics_say_how_good_guessing_would_be(trained: Trained) -> None:
    test = trained.metrics["test"]
    assert test["accuracy"] > test["majority_accuracy"]
    assert sum(test["confusion"].values()) == test["rows"]
    assert sum(one["rows"] for one in test["calibration"]) == test["rows"]
    assert set(trained.metrics["segments"]["county"]) == {"alder", "birch", "cedar", "dune"}
    assert sum(trained.metrics["importance"].values()) == pytest.approx(1)


def test_unknown_year_zero_is_a_value_and_missing_is_another(trained: Trained) -> None:
    row = parcels(1)
    at = row.column_names.index("year_built")
    kind = row.schema.field("year_built").type
    scores = {
        year: float(score(trained, row.set_column(at, "year_built", pa.array([year], kind)))[0])
        for year in (0, None, 1990)
    }
    assert all(0 <= one <= 1 for one in scores.values())


@pytest.mark.parametrize("trainer", ["lightgbm", "logistic"])
def test_column_without_missing_values_in_training_may_miss_one_in_scoring(
    trainer: str, rows: pa.Table
) -> None:
    trained = train_on(a_model(trainer=trainer), rows)
    empty = pa.table({name: pa.nulls(3, rows.schema.field(name).type) for name in FEATURES})
    found = score(trained, empty)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("trainer", ["lightgbm", "logistic"])
def test_column_that_is_always_missing_does_no_harm(trainer: str, rows: pa.Table) -> None:
    at = rows.column_names.index("lon")
    trained = train_on(
        a_model(trainer=trainer), rows.set_column(at, "lon", pa.nulls(rows.num_rows, pa.float64()))
    )
    assert trained.metrics["test"]["auc"] > 0.8


def test_numbers_that_no_float_holds_count_as_missing() -> None:
    table = pa.table({"x": [1.0, float("inf"), float("-inf"), float("nan"), None, 1e300, 5e20]})
    inputs = as_inputs({"x": table.column("x")}, features_of(table.schema, ["x"]))
    assert np.isnan(inputs["x"].ravel()).tolist() == [False] + [True] * 6


def test_decimals_booleans_and_whole_numbers_enter_as_numbers(rows: pa.Table) -> None:
    kinds = {one.name: one.kind for one in features_of(rows.schema, rows.column_names)}
    assert kinds["assessed_value"] == kinds["is_residential"] == kinds["stories"] == "number"
    assert kinds["county"] == "text"


def test_date_column_is_refused_by_name() -> None:
    schema = pa.schema([("sold_on", pa.date32())])
    with pytest.raises(ModelError, match="column sold_on is date32"):
        features_of(schema, ["sold_on"])


def test_thresholds_are_rounded_down_so_that_equal_values_go_left() -> None:
    value = 0.1 + 1e-12
    text, found = floor_thresholds(f"tree_sizes=3\nsplit_feature=2\nthreshold={value!r}\nend")
    floored = found[2][0]
    assert text == f"split_feature=2\nthreshold={floored!r}\nend"
    assert float(np.float32(floored)) == floored <= value


def test_numbers_that_lightgbm_takes_for_zero_go_the_same_way_in_the_portable_model() -> None:
    rng = np.random.default_rng(1)
    table = pa.table({"x": rng.integers(-1, 2, 4000).astype(np.float32)})
    features = features_of(table.schema, ["x"])
    examples = Examples(prepare(table, features), table.column("x").to_numpy() >= 0)
    fitted = find_trainer("lightgbm")(features, examples, examples, 7)
    assert "threshold=-1.0000000180025095e-35" in fitted.native["native/model.txt"].decode()
    onnx = export_pipeline(fitted.pipeline, features, "residential")
    require_parity("residential", fitted, onnx, examples.inputs, features)


def test_thresholds_left_as_they_are_would_fail_the_gate() -> None:
    """The trap that the gate and the rounding are for, shown on rows that meet it."""
    rng = np.random.default_rng(1)
    values = rng.normal(0, 1, 4000).astype(np.float32)
    table = pa.table({"x": values, "y": rng.normal(0, 1, 4000).astype(np.float32)})
    features = features_of(table.schema, ["x", "y"])
    examples = Examples(prepare(table, features), values > 0.25)
    fitted = find_trainer("lightgbm")(features, examples, examples, 7)
    classifier = fitted.pipeline.steps[-1][1]
    import lightgbm

    classifier._Booster = lightgbm.Booster(model_str=fitted.native["native/model.txt"].decode())
    onnx = export_pipeline(fitted.pipeline, features, "residential")
    with pytest.raises(ModelError, match="Nothing was registered"):
        require_parity("residential", fitted, onnx, examples.inputs, features)


def test_gate_refuses_a_model_that_was_converted_wrongly(rows: pa.Table) -> None:
    labelled = rows.filter(pc.is_valid(rows.column("is_residential")))
    features = features_of(rows.schema, FEATURES)
    labels = labelled.column("is_residential").to_numpy(zero_copy_only=False).astype(bool)
    examples = Examples(prepare(labelled, features), labels)
    good = find_trainer("logistic")(features, examples, examples, 7)
    onnx = export_pipeline(good.pipeline, features, "residential")
    wrong = dataclasses.replace(good, score=lambda inputs: 1 - good.score(inputs))
    with pytest.raises(ModelError, match=r"real rows beyond 1e-05.*worst at"):
        require_parity("residential", wrong, onnx, examples.inputs, features)


def test_logistic_weights_are_readable_without_any_library(rows: pa.Table) -> None:
    trained = train_on(a_model(trainer="logistic"), rows)
    weights = json.loads(trained.files["native/model.json"])["weights"]
    assert "numbers__stories" in weights
    assert "texts__county_alder" in weights


def test_labels_may_be_words() -> None:
    rows = parcels()
    words = pc.if_else(rows.column("is_residential"), "R1", "C2")
    rows = rows.append_column("land_use", words)
    trained = train_on(a_model(target="land_use", positive="R1"), rows)
    assert trained.metrics["test"]["auc"] > 0.9


def refused(model: Model, rows: pa.Table) -> str:
    with pytest.raises(ModelError) as error:
        train_on(model, rows)
    return str(error.value)


def test_missing_columns_are_named(rows: pa.Table) -> None:
    message = refused(a_model(), rows.drop_columns(["lon", "county"]))
    assert "facts.parcels has no column county, lon" in message


def test_target_among_the_features_is_refused(rows: pa.Table) -> None:
    features = {"table": "facts.parcels", "columns": [*FEATURES, "is_residential"]}
    assert "may not read what it predicts" in refused(a_model(features=features), rows)


def test_positive_value_that_never_comes_is_refused(rows: pa.Table) -> None:
    assert "both classes are needed" in refused(a_model(positive="yes"), rows)


def test_too_few_labelled_rows_are_refused(rows: pa.Table) -> None:
    assert "training needs at least 200" in refused(a_model(), rows.slice(0, 100))


def test_text_with_too_many_values_is_refused(rows: pa.Table) -> None:
    features = {"table": "facts.parcels", "columns": ["parcel_id"], "key": ["parcel_id"]}
    assert "reads at most 1000" in refused(a_model(features=features), rows)


@pytest.mark.parametrize("trainer", ["lightgbm", "logistic"])
@pytest.mark.parametrize(
    "evil",
    [
        pytest.param("\0", id="nul"),
        pytest.param("a\0b", id="nul inside"),
        pytest.param("\u202eright to left \U0001f600", id="other scripts"),
        pytest.param("x" * 50_000, id="long"),
    ],
)
def test_hostile_category_does_not_come_between_native_and_portable(
    trainer: str, evil: str, rows: pa.Table
) -> None:
    at = rows.column_names.index("county")
    names = {"alder": evil, "birch": f"{evil}\0z"}
    counties = [names.get(one, one) for one in rows.column("county").to_pylist()]
    trained = train_on(
        a_model(trainer=trainer), rows.set_column(at, "county", pa.array(counties, pa.string()))
    )
    assert trained.parity.max_abs_diff <= 1e-5


def test_number_column_that_became_text_is_named(trained: Trained) -> None:
    rows = parcels(3)
    at = rows.column_names.index("lon")
    with pytest.raises(ModelError, match="column lon holds string, the model reads a number"):
        score(trained, rows.set_column(at, "lon", pa.array(["n/a"] * 3)))


def test_hostile_category_reaches_the_card_as_text(rows: pa.Table) -> None:
    at = rows.column_names.index("county")
    evil = pc.replace_substring(rows.column("county"), "alder", "<script>|x\n# y")
    card = train_on(a_model(), rows.set_column(at, "county", evil)).pack(1)
    text = unpack(card).files["card.md"].decode()
    assert "<script>" not in text
    assert "&lt;script>\\|x # y" in text
