"""Releasing a product: every table published in order, then one ledger row that makes it count."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from wharf.contracts import Product
from wharf.errors import ProductError, PublishRefused
from wharf.ledger import products as product_rows
from wharf.ledger.rows import BatchRow, ReleaseRow
from wharf.products import attempts
from wharf.products.auditing import audit_staged, suite_path
from wharf.products.context import Context
from wharf.products.gather import read_manifest
from wharf.products.step_export import release_page, restage_page


def release(ctx: Context, product: str, manifest_id: str, *, now: datetime, by: str) -> ReleaseRow:
    """Publish what a manifest's steps staged, and make it the product's release of its period.

    A retry after a kill at any point goes on where the first try stopped.

    Args:
        ctx: The installation.
        product: The product.
        manifest_id: The manifest whose steps are all done.
        now: The instant of the release.
        by: Who releases: a run id or a person.

    Raises:
        ProductError: A step is not done, or staged nothing while tables are expected.
        PublishRefused: A batch was rolled back by a person, or a newer one stands.
    """
    spec = ctx.product(product)
    manifest = read_manifest(ctx, manifest_id)
    done = attempts.finished(ctx, spec, manifest, before=len(spec.steps))
    staged = [row for step in sorted(done) for row in done[step].batches]
    page = next((a.result for a in done.values() if spec.steps[a.step].export), "")
    if not staged:
        raise ProductError(f"{product} {manifest.period}: no step of {manifest_id} staged a table")
    reason = f"release of {product} {manifest.period}, manifest {manifest_id}"
    tables = _publish(ctx, staged, now=now, by=by, reason=reason)
    row = ReleaseRow(product, manifest.period, manifest_id, tables, at=now, by=by)
    row = _commit(ctx, row)
    write_release_file(ctx, row)
    if page:
        release_page(ctx, spec, manifest, page)
    return row


def rollback_release(
    ctx: Context,
    product: str,
    to_manifest: str,
    *,
    now: datetime,
    by: str,
    reason: str,
    force: bool = False,
) -> ReleaseRow:
    """Move a product back to what an earlier manifest released for the same period.

    Every table of it is audited again before the first one moves.

    Args:
        ctx: The installation.
        product: The product.
        to_manifest: The manifest of the earlier release.
        now: When.
        by: Who decides.
        reason: Why; kept with each table.
        force: A person's word: moves back although the audit fails.

    Raises:
        ProductError: That manifest was never released.
        PublishRefused: A table of it does not pass its audit of today; nothing was changed.
    """
    spec = ctx.product(product)
    manifest = read_manifest(ctx, to_manifest)
    with ctx.ledger.read() as tx:
        releases = product_rows.releases_of(tx, product, manifest.period)
    target = next((r for r in reversed(releases) if r.manifest_id == to_manifest), None)
    if target is None:
        choices = ", ".join(dict.fromkeys(r.manifest_id for r in releases)) or "none yet"
        raise ProductError(
            f"{product} {manifest.period}: manifest {to_manifest} was never released; "
            f"released manifests: {choices}"
        )
    failed = list(_failing_today(ctx, spec, target, now))
    if failed and not force:
        raise PublishRefused(
            f"{product} {manifest.period}: what {to_manifest} released does not pass its audit of "
            f"today: {'; '.join(failed)}. Nothing was changed"
        )
    tables = {}
    for table in dict.fromkeys([*target.tables, *releases[-1].tables]):
        batch_id = target.tables.get(table, {}).get("batch_id")
        snapshot = ctx.batches.rollback(
            table, manifest.period, to=batch_id, by=by, reason=reason, now=now
        )
        if batch_id is not None:
            tables[table] = {"snapshot_id": snapshot, "batch_id": batch_id}
    row = ReleaseRow(
        product, manifest.period, to_manifest, tables, at=now, by=by, action="rollback"
    )
    row = _commit(ctx, row)
    write_release_file(ctx, row)
    if any(step.export for step in spec.steps):
        release_page(ctx, spec, manifest, restage_page(ctx, spec, manifest))
    return row


def current_release(ctx: Context, product: str, period: str | None = None) -> ReleaseRow | None:
    """The release that counts now: of one period, or of the newest period released."""
    spec = ctx.product(product)
    with ctx.ledger.read() as tx:
        found = product_rows.current_releases(tx, product)
    if period is not None:
        return found.get(spec.parse_period(period).key)
    newest = max(found, key=lambda key: spec.parse_period(key).start, default=None)
    return None if newest is None else found[newest]


def load_product(
    ctx: Context, product: str, table: str, period: str | None = None, kind: str = "pandas"
) -> Any:
    """Read one table of a product as its release says: never half of two releases.

    Args:
        ctx: The installation.
        product: The product.
        table: One of its tables, such as `interpretations.parcel_use`.
        period: A period key or a date inside one; the newest released period when None.
        kind: `pandas`, `polars` or `arrow`.

    Raises:
        ProductError: Nothing is released, or the release has no such table.
    """
    found = current_release(ctx, product, period)
    if found is None:
        raise ProductError(f"{product} has no release{f' for {period}' if period else ' yet'}")
    if table not in found.tables:
        raise ProductError(
            f"{product} {found.period} has no table {table}; it has {', '.join(found.tables)}"
        )
    from wharf.batches import load_dataframe

    batch = found.tables[table]["batch_id"]
    return load_dataframe(ctx.lake, table, found.period, kind=kind, batch=batch)


def write_release_file(ctx: Context, row: ReleaseRow) -> Path:
    """Write `release.json`, a copy of the ledger row for readers without the ledger."""
    folder = ctx.settings.home / "releases" / row.product
    folder.mkdir(parents=True, exist_ok=True)
    body = {
        "product": row.product,
        "period": row.period,
        "manifest_id": row.manifest_id,
        "released_at": row.at.isoformat(),
        "by": row.by,
        "action": row.action,
        "tables": dict(row.tables),
    }
    path = folder / f"{row.period}.json"
    _replace(path, json.dumps(body, indent=2) + "\n")
    newest = current_release(ctx, row.product)
    if newest is not None and newest.period == row.period:
        _replace(folder / "release.json", json.dumps(body, indent=2) + "\n")
    return path


def _publish(
    ctx: Context, staged: Sequence[BatchRow], *, now: datetime, by: str, reason: str
) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    for row in staged:
        snapshot = ctx.batches.publish(row.batch_id, now=now, by=by, reason=reason)
        found[row.table] = {"snapshot_id": snapshot, "batch_id": row.batch_id}
    return found


def _commit(ctx: Context, row: ReleaseRow) -> ReleaseRow:
    """Append the release, unless exactly it is what counts already."""
    with ctx.ledger.write() as tx:
        stands = product_rows.releases_of(tx, row.product, row.period)
        if stands and _same(stands[-1], row):
            return stands[-1]
        product_rows.record_release(tx, row)
        return product_rows.releases_of(tx, row.product, row.period)[-1]


def _failing_today(ctx: Context, spec: Product, target: ReleaseRow, now: datetime) -> Iterator[str]:
    """What is wrong with a release's tables now; dbt's own tests belong to the build alone."""
    suite = suite_path(ctx.settings.project, spec.product)
    for table, found in target.tables.items():
        batch = ctx.lake.read_batch(table, target.period, str(found["batch_id"]))
        made_by = spec.steps[int(str(batch.origin.get("step", 0))) :][:1]
        applies = suite.exists() and any(step.score or step.python for step in made_by)
        audit = audit_staged(ctx, batch, suite=suite if applies else None, now=now, again=True)
        yield from audit.problems


def _same(left: ReleaseRow, right: ReleaseRow) -> bool:
    return (left.manifest_id, left.action, _batches(left)) == (
        right.manifest_id,
        right.action,
        _batches(right),
    )


def _batches(row: ReleaseRow) -> dict[str, object]:
    return {table: found["batch_id"] for table, found in row.tables.items()}


def _replace(path: Path, text: str) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with fresh.open("w") as writing:
        writing.write(text)
        writing.flush()
        os.fsync(writing.fileno())
    fresh.replace(path)
