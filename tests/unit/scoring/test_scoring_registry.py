"""The registry: append-only versions, and a champion that only a better model or a person moves."""

from __future__ import annotations

import threading
from datetime import timedelta

import pyarrow as pa
import pytest
from scoring_world import NOW, a_model, train_on

from wharf.errors import ModelError
from wharf.scoring import ScoreContext, Trained, fetch, registry


def register(ctx: ScoreContext, trained: Trained) -> int:
    row = registry.register(
        ctx.ledger, ctx.settings.models, trained, now=NOW, actor="model__residential"
    )
    return row.version


def champion(ctx: ScoreContext) -> int:
    return registry.require_version(ctx.ledger, "residential").version


@pytest.fixture(scope="module")
def worse(rows: pa.Table) -> Trained:
    """A model that sees less than the residential model sees."""
    columns = ["lon", "year_built"]
    features = {"table": "facts.parcels", "columns": columns, "key": ["parcel_id"]}
    return train_on(a_model(features=features), rows)


def test_first_version_becomes_champion(ctx: ScoreContext, trained: Trained) -> None:
    assert register(ctx, trained) == 1
    assert champion(ctx) == 1
    (event,) = registry.history(ctx.ledger, "residential")
    assert (event.previous, event.reason, event.actor) == (
        None, "first version", "model__residential",
    )  # fmt: skip


def test_registered_zip_is_the_one_the_ledger_names(ctx: ScoreContext, trained: Trained) -> None:
    register(ctx, trained)
    row = registry.require_version(ctx.ledger, "residential")
    artifact = fetch(ctx.settings.models, row.uri, sha256=row.sha256)
    assert (artifact.version, artifact.name) == (1, "residential")
    assert row.data["tables"][0]["snapshot_id"] == 4711
    assert row.metrics["test"]["auc"] == trained.metrics["test"]["auc"]


def test_same_model_again_is_a_version_but_no_champion(ctx: ScoreContext, trained: Trained) -> None:
    register(ctx, trained)
    assert register(ctx, trained) == 2
    assert champion(ctx) == 1
    row = registry.require_version(ctx.ledger, "residential", 2)
    assert "of version 1 on the same test rows" in row.metrics["comparison"]["reason"]
    assert row.metrics["comparison"]["champion_auc"] == row.metrics["comparison"]["auc"]


def test_better_version_takes_over(ctx: ScoreContext, trained: Trained, worse: Trained) -> None:
    register(ctx, worse)
    assert register(ctx, trained) == 2
    assert champion(ctx) == 2
    event = registry.history(ctx.ledger, "residential")[-1]
    assert (event.version, event.previous) == (2, 1)
    assert "of version 1 on the same test rows" in event.reason


def test_worse_version_waits_for_a_person(
    ctx: ScoreContext, trained: Trained, worse: Trained
) -> None:
    register(ctx, trained)
    assert register(ctx, worse) == 2
    assert champion(ctx) == 1
    comparison = registry.require_version(ctx.ledger, "residential", 2).metrics["comparison"]
    assert comparison["auc"] < comparison["champion_auc"]


def test_champion_that_reads_a_vanished_column_is_not_compared(
    ctx: ScoreContext, trained: Trained, rows: pa.Table
) -> None:
    register(ctx, trained)
    columns = ["building_sqft", "lon"]
    features = {"table": "facts.parcels", "columns": columns, "key": ["parcel_id"]}
    register(ctx, train_on(a_model(features=features), rows.drop_columns(["stories", "county"])))
    assert champion(ctx) == 1
    comparison = registry.require_version(ctx.ledger, "residential", 2).metrics["comparison"]
    assert comparison["reason"] == "not compared: version 1 also reads county, stories"


def test_version_that_held_out_other_rows_is_not_compared(
    ctx: ScoreContext, trained: Trained, rows: pa.Table
) -> None:
    register(ctx, trained)
    other = train_on(a_model(train={"product": "parcel_facts", "split_seed": "8"}), rows)
    assert register(ctx, other) == 2
    assert champion(ctx) == 1
    comparison = registry.require_version(ctx.ledger, "residential", 2).metrics["comparison"]
    assert "held out other rows; promote it by hand" in comparison["reason"]


def test_person_promotes_and_rolls_back(ctx: ScoreContext, trained: Trained) -> None:
    register(ctx, trained)
    register(ctx, trained)
    registry.promote(
        ctx.ledger, "residential", 2, reason="trial", actor="ada", now=NOW + timedelta(hours=1)
    )
    assert champion(ctx) == 2
    registry.rollback(
        ctx.ledger, "residential", reason="over", actor="ada", now=NOW + timedelta(hours=2)
    )
    assert champion(ctx) == 1
    moves = [(one.version, one.previous) for one in registry.history(ctx.ledger, "residential")]
    assert moves == [(1, None), (2, 1), (1, 2)]


def test_unknown_version_is_refused_with_the_known_ones(
    ctx: ScoreContext, trained: Trained
) -> None:
    register(ctx, trained)
    with pytest.raises(ModelError, match="no version 9; versions: 1"):
        registry.promote(ctx.ledger, "residential", 9, reason="x", actor="ada", now=NOW)
    with pytest.raises(ModelError, match="champion already"):
        registry.promote(ctx.ledger, "residential", 1, reason="x", actor="ada", now=NOW)
    with pytest.raises(ModelError, match="nothing to go back to"):
        registry.rollback(ctx.ledger, "residential", reason="x", actor="ada", now=NOW)


def test_no_champion_says_how_to_get_one(ctx: ScoreContext) -> None:
    with pytest.raises(ModelError, match="wharf model train residential"):
        registry.require_version(ctx.ledger, "residential")


def test_two_trainings_at_once_get_two_versions(ctx: ScoreContext, trained: Trained) -> None:
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(register(ctx, trained))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [1, 2, 3, 4]
    assert champion(ctx) in found
    for row in registry.versions(ctx.ledger, "residential"):
        fetch(ctx.settings.models, row.uri, sha256=row.sha256)
