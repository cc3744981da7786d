"""The re-run rule: which product periods would now be made of other batches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from wharf.contracts import Product
from wharf.ledger import Transaction
from wharf.ledger import products as product_rows
from wharf.products.context import Context
from wharf.products.gather import decide_inputs, read_input
from wharf.products.inputs import points_of
from wharf.products.manifest import Input, Manifest
from wharf.timeliness.edges import Use


@dataclass(frozen=True)
class Rerun:
    """A product period to make again, and the manifest that no longer says what it would read."""

    product: str
    period: str
    reason: str
    manifest_id: str


def reruns(ctx: Context, now: datetime) -> list[Rerun]:
    """Decide the newest manifest of every open product period again.

    Open is from the partition date until the product's cut-off. A period is made again iff an
    edge would now get another batch than its manifest names: not because time passed, and not
    where a person had an old manifest repeated.
    """
    found = []
    with ctx.ledger.read() as tx:
        for name in sorted(ctx.project.products):
            product = ctx.project.products[name]
            for manifest in _newest_of_open_periods(tx, ctx, product, now):
                if reason := _changed(tx, ctx, product, manifest, now):
                    found.append(Rerun(name, manifest.period, reason, manifest.manifest_id))
    return found


def _newest_of_open_periods(
    tx: Transaction, ctx: Context, product: Product, now: datetime
) -> list[Manifest]:
    found = []
    for owed in product_rows.product_periods(tx, product.product):
        points = points_of(ctx.project, product, product.parse_period(owed.period))
        if points.opens_at <= now < points.cutoff_at:
            rows = product_rows.manifests_of(tx, product.product, owed.period)
            found += [Manifest.from_row(row) for row in rows[-1:]]
    return found


def _changed(
    tx: Transaction, ctx: Context, product: Product, manifest: Manifest, now: datetime
) -> str:
    if manifest.repeats:
        return ""
    period = product.parse_period(manifest.period)
    points = points_of(ctx.project, product, period)
    stood = {each.name: each for each in manifest.inputs}
    told = []
    for source, decision in decide_inputs(tx, ctx, product, points, now):
        if isinstance(decision, Use):
            now_read = read_input(source, decision, period)
            if change := _difference(stood.get(source.name), now_read):
                told.append(change)
    return "; ".join(told)


def _difference(stood: Input | None, now_read: Input) -> str:
    before = set(stood.pins) if stood else set()
    if before == set(now_read.pins):
        return ""
    was = stood.period if stood and stood.period else "nothing"
    new = ", ".join(sorted({pin.batch_id for pin in set(now_read.pins) - before})) or "nothing"
    return f"{now_read.name}: reads {now_read.period or 'nothing'} ({new}) in place of {was}"
