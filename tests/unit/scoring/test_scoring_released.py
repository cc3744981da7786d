"""Training on a release: the exact snapshot that the ledger names, not what stands today."""

from __future__ import annotations

import pyarrow as pa
import pytest
from scoring_world import NOW, a_model, parcels, stage_parcels

from wharf.errors import ModelError
from wharf.ledger import products
from wharf.ledger.rows import ReleaseRow
from wharf.scoring import ScoreContext, train_on_release


def release(ctx: ScoreContext, rows: pa.Table, period: str) -> dict[str, object]:
    """Publish parcels and release the product made of them."""
    batch = stage_parcels(ctx, [rows], period=period)
    ctx.batches.audited(batch.batch_id, passed=True, now=NOW)
    snapshot = ctx.batches.publish(batch.batch_id, now=NOW, by="test")
    tables = {"facts.parcels": {"snapshot_id": snapshot, "batch_id": batch.batch_id}}
    with ctx.ledger.write() as tx:
        products.record_release(
            tx, ReleaseRow("parcel_facts", period, f"m-{period}", tables, NOW, "test")
        )
    return tables["facts.parcels"]


def test_latest_release_is_learned_from(ctx: ScoreContext, rows: pa.Table) -> None:
    release(ctx, parcels(400, seed=1), "2026-11-19")
    latest = release(ctx, rows, "2026-11-20")
    row = train_on_release(ctx, a_model(), now=NOW, by="ada")
    assert row.data["rows_read"] == 3000
    assert row.data["tables"] == [
        {
            "table": "facts.parcels",
            "snapshot_id": latest["snapshot_id"],
            "batch_ids": [latest["batch_id"]],
        }
    ]


def test_a_named_period_is_learned_from_as_it_was_released(
    ctx: ScoreContext, rows: pa.Table
) -> None:
    release(ctx, parcels(400, seed=1), "2026-11-19")
    release(ctx, rows, "2026-11-20")
    batch = stage_parcels(ctx, [parcels(50)], period="2026-11-19")
    ctx.batches.audited(batch.batch_id, passed=True, now=NOW)
    ctx.batches.publish(batch.batch_id, now=NOW, by="test")
    row = train_on_release(ctx, a_model(), now=NOW, by="ada", period="2026-11-19")
    assert row.data["rows_read"] == 400


def test_nothing_released_says_so(ctx: ScoreContext) -> None:
    with pytest.raises(ModelError, match="has no release to learn from; released periods: none"):
        train_on_release(ctx, a_model(), now=NOW, by="ada")


def test_period_without_release_is_answered_with_those_that_have_one(
    ctx: ScoreContext, rows: pa.Table
) -> None:
    release(ctx, rows, "2026-11-20")
    with pytest.raises(ModelError, match=r"for 2026-11-18 to learn from.*: 2026-11-20"):
        train_on_release(ctx, a_model(), now=NOW, by="ada", period="2026-11-18")


def test_release_without_the_features_table_is_refused(ctx: ScoreContext, rows: pa.Table) -> None:
    release(ctx, rows, "2026-11-20")
    features = {"table": "facts.signals", "columns": ["lon"]}
    with pytest.raises(ModelError, match=r"holds no facts\.signals; it holds facts\.parcels"):
        train_on_release(ctx, a_model(features=features), now=NOW, by="ada")
