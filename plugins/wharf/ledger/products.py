"""Products: what each period owes, the manifests it was made of, and its releases."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from wharf.ledger.rows import (
    ManifestRow,
    ProductPeriod,
    ReleaseRow,
    StepResult,
    read_row,
)
from wharf.ledger.schema import (
    manifest,
    manifest_input,
    product_period,
    release,
    step_result,
)


def ensure_product_periods(tx: Connection, rows: Iterable[ProductPeriod]) -> None:
    """Make the rows of product periods that are missing."""
    columns = (product_period.c.product, product_period.c.period)
    known = {tuple(row) for row in tx.execute(select(*columns))}
    for row in rows:
        if (row.product, row.period) not in known:
            values: dict[str, Any] = asdict(row)
            values.pop("id")
            tx.execute(insert(product_period).values(**values))


def product_periods(tx: Connection, product: str | None = None) -> list[ProductPeriod]:
    """Product periods, of one product or all, oldest first."""
    query = select(product_period)
    if product is not None:
        query = query.where(product_period.c.product == product)
    return [
        read_row(ProductPeriod, row)
        for row in tx.execute(query.order_by(product_period.c.opens_at))
    ]


def open_periods(tx: Connection, products: Iterable[str], now: datetime) -> list[ProductPeriod]:
    """Product periods that have opened and are not past their cut-off, oldest first."""
    query = select(product_period).where(
        product_period.c.product.in_(sorted(set(products))),
        product_period.c.opens_at <= now,
        product_period.c.cutoff_at > now,
    )
    ordered = query.order_by(product_period.c.opens_at, product_period.c.id)
    return [read_row(ProductPeriod, row) for row in tx.execute(ordered)]


def closed_periods(
    tx: Connection, product: str, since: str, now: datetime, limit: int
) -> list[ProductPeriod]:
    """The first periods of a product from a key on that are past their cut-off."""
    query = select(product_period).where(
        product_period.c.product == product,
        product_period.c.period >= since,
        product_period.c.cutoff_at <= now,
    )
    ordered = query.order_by(product_period.c.period).limit(limit)
    return [read_row(ProductPeriod, row) for row in tx.execute(ordered)]


def record_manifest(tx: Connection, row: ManifestRow) -> None:
    """Append a manifest."""
    values: dict[str, Any] = asdict(row)
    values.pop("seq")
    tx.execute(insert(manifest).values(**values))
    pins = [
        {name: str(pin.get(name, "")) for name in ("table", "period", "batch_id")}
        for each in row.body.get("inputs", ())
        for pin in each.get("pins", ())
    ]
    if pins:
        named = [{"manifest_id": row.manifest_id, **pin} for pin in pins]
        tx.execute(insert(manifest_input), named)


def find_manifest(tx: Connection, manifest_id: str) -> ManifestRow | None:
    """One manifest by id."""
    row = tx.execute(select(manifest).where(manifest.c.manifest_id == manifest_id)).first()
    return read_row(ManifestRow, row) if row else None


def manifests_of(tx: Connection, product: str, period: str | None = None) -> list[ManifestRow]:
    """Manifests of a product, oldest first."""
    query = select(manifest).where(manifest.c.product == product)
    if period is not None:
        query = query.where(manifest.c.period == period)
    return [read_row(ManifestRow, row) for row in tx.execute(query.order_by(manifest.c.seq))]


def manifests_for(
    tx: Connection, pairs: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], list[ManifestRow]]:
    """Manifests of many products and periods, oldest first, by product and period."""
    wanted = set(pairs)
    found: dict[tuple[str, str], list[ManifestRow]] = {}
    if not wanted:
        return found
    query = select(manifest).where(
        manifest.c.product.in_(sorted({product for product, _ in wanted})),
        manifest.c.period.in_(sorted({period for _, period in wanted})),
    )
    for row in tx.execute(query.order_by(manifest.c.seq)):
        if (row.product, row.period) in wanted:
            found.setdefault((row.product, row.period), []).append(read_row(ManifestRow, row))
    return found


def record_release(tx: Connection, row: ReleaseRow) -> int:
    """Append a release: the commit point of a product. Returns its sequence number."""
    values: dict[str, Any] = asdict(row)
    values.pop("seq")
    made = tx.execute(insert(release).values(**values)).inserted_primary_key
    assert made is not None
    return int(made[0])


def releases_of(tx: Connection, product: str, period: str | None = None) -> list[ReleaseRow]:
    """Releases of a product, oldest first."""
    query = select(release).where(release.c.product == product)
    if period is not None:
        query = query.where(release.c.period == period)
    return [read_row(ReleaseRow, row) for row in tx.execute(query.order_by(release.c.seq))]


def released_at(tx: Connection, pairs: Iterable[tuple[str, str]]) -> dict[str, datetime]:
    """When each manifest of many products and periods was released first; by its id."""
    wanted = set(pairs)
    query = select(release).where(
        release.c.product.in_(sorted({product for product, _ in wanted})),
        release.c.period.in_(sorted({period for _, period in wanted})),
    )
    found: dict[str, datetime] = {}
    for row in tx.execute(query.order_by(release.c.seq)) if wanted else ():
        found.setdefault(row.manifest_id, row.at)
    return found


def find_release(tx: Connection, seq: int) -> ReleaseRow | None:
    """One release by its number."""
    row = tx.execute(select(release).where(release.c.seq == seq)).first()
    return read_row(ReleaseRow, row) if row else None


def current_releases(tx: Connection, product: str) -> dict[str, ReleaseRow]:
    """The release that counts now, by period."""
    return {row.period: row for row in releases_of(tx, product)}


def record_step(tx: Connection, row: StepResult) -> None:
    """Append how one node of a step ended."""
    values: dict[str, Any] = asdict(row)
    values.pop("seq")
    tx.execute(insert(step_result).values(**values))


def steps_of(tx: Connection, manifest_id: str) -> list[StepResult]:
    """How the nodes of a manifest's steps ended, in order."""
    query = select(step_result).where(step_result.c.manifest_id == manifest_id)
    return [read_row(StepResult, row) for row in tx.execute(query.order_by(step_result.c.seq))]


def all_current_releases(tx: Connection) -> list[ReleaseRow]:
    """The release that counts now of every product and period."""
    query = select(release).order_by(release.c.seq)
    last = {(row.product, row.period): row for row in tx.execute(query)}
    return [read_row(ReleaseRow, row) for row in last.values()]
