"""Gathering: decide every edge of a product period, and write down exactly what it reads."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from wharf import __version__
from wharf.contracts import Period, Policy, Product
from wharf.errors import PeriodError, ProductError
from wharf.lake import new_batch_id
from wharf.ledger import Transaction, models
from wharf.ledger import products as product_rows
from wharf.ledger.decisions import allowed_fallbacks
from wharf.ledger.rows import ManifestRow, ProductPeriod
from wharf.products.anchors import bound_edges, pins_of
from wharf.products.context import Context, Skipped, Waiting
from wharf.products.inputs import Source, days_of, points_of, sources_of
from wharf.products.manifest import Input, Manifest, Outcome
from wharf.timeliness.edges import Decision, Fail, Skip, Use, Wait, decide
from wharf.timeliness.horizon import is_expected
from wharf.timeliness.points import ProductPoints

logger = logging.getLogger(__name__)


def gather(
    ctx: Context,
    product: str,
    period: str,
    *,
    now: datetime,
    manifest_id: str | None = None,
    run_id: str = "",
) -> ManifestRow | Waiting | Skipped:
    """Decide the inputs of one product period as of an instant.

    Args:
        ctx: The installation.
        product: The product.
        period: A period key, or a date inside a period.
        now: The instant; before `decide_at` an edge may wait.
        manifest_id: An older manifest to repeat exactly, in place of deciding.
        run_id: The run that gathers.

    Returns:
        The manifest as recorded; or until when to wait; or why this period is not made.

    Raises:
        ProductError: An edge allows nothing else any more, or the old manifest is not there.
        PeriodError: The product has no such period.
    """
    spec = ctx.product(product)
    at = spec.parse_period(period)
    days = days_of(ctx.project, spec)
    if not spec.is_active(at):
        raise PeriodError(f"{product} is made from {spec.active.from_} on; {at} is outside")
    if not is_expected(spec, at, days):
        return Skipped(f"{product} is not made for {at}: {days.why_closed(at.first) or 'closed'}")
    points = points_of(ctx.project, spec, at)
    with ctx.ledger.write() as tx:
        product_rows.ensure_product_periods(tx, [_owed(spec, points)])
    if manifest_id is not None:
        return _repeat(ctx, spec, at, manifest_id, now=now, run_id=run_id)
    with ctx.ledger.read() as tx:
        decided = decide_inputs(tx, ctx, spec, points, now)
        pinned = _pinned_models(tx, spec)
    waits = [(s, d) for s, d in decided if isinstance(d, Wait)]
    stops = [(s, d) for s, d in decided if isinstance(d, Fail | Skip)]
    if waits and not stops:
        return Waiting(
            until=min(d.until for _, d in waits),
            reasons=tuple(f"{s.name}: {d.reason}" for s, d in waits),
        )
    manifest = Manifest(
        manifest_id=new_batch_id(now),
        product=product,
        period=at.key,
        decided_at=now,
        outcome=_outcome([d for _, d in stops]),
        inputs=tuple(read_input(source, decision, at) for source, decision in decided),
        models=pinned,
        contract=_contract(ctx, product),
        wharf_version=__version__,
    )
    row = _record(ctx, manifest, run_id)
    return _answer(row, manifest, stops)


def decide_inputs(
    tx: Transaction, ctx: Context, product: Product, points: ProductPoints, now: datetime
) -> list[tuple[Source, Decision]]:
    """Every edge of a product with what it would get now."""
    sources = sources_of(tx, ctx.project, product, points.period)
    bound = bound_edges(tx, ctx.project, product, points.period, sources, now)
    found = []
    for source in sources:
        one = bound.get(source.name)
        decision = decide(
            source.edge,
            points,
            source.candidates,
            now,
            days=source.days,
            is_snapshot=source.is_snapshot,
            allowed=_allowed(tx, product, source, now),
            anchored=(one.candidate, one.why) if one else None,
        )
        found.append((replace(source, pins=pins_of(bound, source)), decision))
    return found


def _allowed(
    tx: Transaction, product: Product, source: Source, now: datetime
) -> list[tuple[Policy, str]]:
    """Older batches of an input that people let the product read in place of its newest period."""
    if source.is_product or not source.candidates:
        return []
    newest = max((each.period for each in source.candidates), key=lambda each: each.start)
    return [
        (Policy(kind="last_good", max_age=str(each.detail["max_age"])),
         f"{each.by} allowed an earlier batch: {each.reason}")
        for each in allowed_fallbacks(tx, product.product, source.name, newest.key, now)
    ]  # fmt: skip


def read_input(source: Source, decision: Decision, period: Period) -> Input:
    """One decided edge as the manifest keeps it."""
    kind: Literal["feed", "product"] = "product" if source.is_product else "feed"
    state = source.state_of(period)
    if not isinstance(decision, Use):
        policy = type(decision).__name__.lower()
        return Input(source.name, kind, source.edge.read, policy, decision.reason, state)
    return Input(
        name=source.name,
        kind=kind,
        read=source.edge.read,
        policy=decision.policy,
        reason=decision.reason,
        state=state,
        period=decision.period.key if decision.period else None,
        age_days=decision.age_days,
        pins=tuple(pin for batch_id in decision.batch_ids for pin in source.pins[batch_id]),
        release=decision.batch_ids[-1] if source.is_product and decision.batch_ids else None,
    )


def read_manifest(ctx: Context, manifest_id: str) -> Manifest:
    """A manifest by id.

    Raises:
        ProductError: There is none, or it was changed after it was written.
    """
    with ctx.ledger.read() as tx:
        row = product_rows.find_manifest(tx, manifest_id)
    if row is None:
        raise ProductError(f"there is no manifest {manifest_id}; gather the product first")
    return Manifest.from_row(row)


def _outcome(stops: Sequence[Decision]) -> Outcome:
    if not stops:
        return "decided"
    return "failed" if any(isinstance(each, Fail) for each in stops) else "skipped"


def _answer(
    row: ManifestRow, manifest: Manifest, stops: Sequence[tuple[Source, Decision]]
) -> ManifestRow | Skipped:
    if manifest.outcome == "decided":
        return row
    told = "; ".join(f"{s.name}: {d.reason}" for s, d in stops if isinstance(d, Fail | Skip))
    if manifest.outcome == "skipped":
        return Skipped(f"{told}. What was released before stays.")
    raise ProductError(
        f"{manifest.product} {manifest.period} cannot be made: {told}. "
        "It is made by itself when the input is published before the product's cut-off; "
        "a person may let it read an earlier batch: `wharf use-last-good`."
    )


def _repeat(
    ctx: Context,
    product: Product,
    period: Period,
    manifest_id: str,
    *,
    now: datetime,
    run_id: str,
) -> ManifestRow:
    old = read_manifest(ctx, manifest_id)
    if (old.product, old.period) != (product.product, period.key):
        raise ProductError(
            f"manifest {manifest_id} is of {old.product} {old.period}, "
            f"not of {product.product} {period}"
        )
    if old.outcome != "decided":
        raise ProductError(f"manifest {manifest_id} {old.outcome}; it names nothing to repeat")
    again = replace(
        old,
        manifest_id=new_batch_id(now),
        decided_at=now,
        repeats=manifest_id,
        contract=_contract(ctx, product.product),
        wharf_version=__version__,
    )
    return _record(ctx, again, run_id)


def _record(ctx: Context, manifest: Manifest, run_id: str) -> ManifestRow:
    row = ManifestRow(
        manifest_id=manifest.manifest_id,
        product=manifest.product,
        period=manifest.period,
        body=manifest.to_body(),
        created_at=manifest.decided_at,
        run_id=run_id,
    )
    with ctx.ledger.write() as tx:
        product_rows.record_manifest(tx, row)
    for each in manifest.inputs:
        logger.info(
            "%s %s reads %s %s (%s, %d days old): %s",
            manifest.product,
            manifest.period,
            each.name,
            each.period or "nothing",
            each.policy,
            each.age_days,
            each.reason,
        )
    return row


def _pinned_models(tx: Transaction, product: Product) -> dict[str, int | None]:
    names = [step.score for step in product.steps if step.score]
    return {name: models.aliased(tx, name, "champion") for name in names}


def _contract(ctx: Context, product: str) -> str:
    file = ctx.project.files.get(product)
    return file.sha256 if file else ""


def _owed(product: Product, points: ProductPoints) -> ProductPeriod:
    return ProductPeriod(
        product=product.product,
        period=points.period.key,
        opens_at=points.opens_at,
        decide_at=points.decide_at,
        due_at=points.due_at,
        cutoff_at=points.cutoff_at,
    )
