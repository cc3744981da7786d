"""Training on what a product released: the exact snapshot, found in the ledger."""

from __future__ import annotations

from datetime import datetime

from wharf.contracts import Model
from wharf.errors import ModelError
from wharf.ledger import products
from wharf.ledger.rows import ModelVersionRow, ReleaseRow
from wharf.scoring.examples import TableRef
from wharf.scoring.registry import register
from wharf.scoring.score import ScoreContext
from wharf.scoring.training import train


def train_on_release(
    ctx: ScoreContext,
    model: Model,
    *,
    now: datetime,
    by: str,
    period: str | None = None,
    commit: str = "",
) -> ModelVersionRow:
    """Train a new version on a release of the model's training product, and register it.

    Args:
        ctx: The installation.
        model: The model's contract.
        now: When the training runs.
        by: Who trains.
        period: Which period's release; the latest period's when None.
        commit: The project's commit, when known.

    Raises:
        ModelError: Nothing was released, the rows cannot teach, or the parity gate refused.
    """
    import duckdb

    release = _find_release(ctx, model, period)
    table = model.features.table
    snapshot = release.tables.get(table)
    if snapshot is None:
        raise ModelError(
            f"{model.model}: the release of {release.product} {release.period} holds no {table}; "
            f"it holds {', '.join(sorted(release.tables))}"
        )
    ref = TableRef(table, int(snapshot["snapshot_id"]), (str(snapshot["batch_id"]),))
    with duckdb.connect() as connection:
        ctx.lake.prepare(connection)
        trained = train(
            model,
            connection,
            ctx.lake.scan_sql(table, snapshot_id=ref.snapshot_id, periods=[release.period]),
            tables=[ref],
            now=now,
            lock=ctx.settings.project / "requirements.lock",
        )
    return register(ctx.ledger, ctx.settings.models, trained, now=now, actor=by, commit=commit)


def _find_release(ctx: ScoreContext, model: Model, period: str | None) -> ReleaseRow:
    with ctx.ledger.read() as tx:
        releases = products.current_releases(tx, model.train.product)
    if not releases or (period is not None and period not in releases):
        there = ", ".join(sorted(releases)) or "none yet"
        raise ModelError(
            f"{model.model}: {model.train.product} has no release"
            f"{f' for {period}' if period else ''} to learn from; released periods: {there}"
        )
    return releases[period if period is not None else max(releases)]
