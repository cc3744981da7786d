"""The re-run rule: which product periods would now be made of other batches."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from wharf.contracts import Edge, Period, Product
from wharf.errors import WharfError
from wharf.ledger import Transaction
from wharf.ledger import products as product_rows
from wharf.ledger.rows import ManifestRow
from wharf.products.context import Context
from wharf.products.gather import decide_inputs, read_input
from wharf.products.inputs import points_of
from wharf.products.manifest import Input, Manifest, Pin
from wharf.timeliness.edges import Fail, Skip, Use, may_read

logger = logging.getLogger(__name__)

# A restated period of long ago is read by every later one of some products: so many are looked at.
MOST_CLOSED = 40


@dataclass(frozen=True)
class Swap:
    """One input that would be read otherwise."""

    name: str
    was: tuple[Pin, ...]
    now: tuple[Pin, ...]
    reason: str


@dataclass(frozen=True)
class Rerun:
    """A product period to make again, and the manifest that no longer says what it would read."""

    product: str
    period: str
    manifest_id: str
    decided_at: datetime
    swaps: tuple[Swap, ...]

    @property
    def reason(self) -> str:
        """What would be read in place of what."""
        return "; ".join(each.reason for each in self.swaps)

    @property
    def cause(self) -> str:
        """The same change asks for one run, however often it is found."""
        read = sorted(f"{pin.table} {pin.batch_id}" for swap in self.swaps for pin in swap.now)
        return hashlib.sha256(" ".join([self.manifest_id, *read]).encode()).hexdigest()[:12]


def reruns(ctx: Context, now: datetime, products: Collection[str] | None = None) -> list[Rerun]:
    """Decide the newest manifest of every open product period again.

    Open is from the partition date until the product's cut-off. A period is made again iff an
    edge would now get another batch than its manifest names: not because time passed, not where a
    person had an old manifest repeated, and not for an edge that is anchored.

    Args:
        ctx: The installation.
        now: The instant.
        products: Only these; all when None.
    """
    names = set(ctx.project.products) & set(ctx.project.products if products is None else products)
    with ctx.ledger.read() as tx:
        owed = product_rows.open_periods(tx, names, now) if names else []
        pairs = [(each.product, each.period) for each in owed]
        return [found for _, _, found in redecided(tx, ctx, pairs, now) if found]


def redecided(
    tx: Transaction, ctx: Context, pairs: Iterable[tuple[str, str]], now: datetime
) -> list[tuple[str, str, Rerun | None]]:
    """Decide the newest manifests of some product periods again.

    Returns:
        Product, period, and what would be otherwise; None where nothing would be. Periods that
        have no manifest are left out.
    """
    pairs = list(dict.fromkeys(pairs))
    known = product_rows.manifests_for(tx, pairs)
    found = []
    for name, period in pairs:
        rows = known.get((name, period))
        if rows and name in ctx.project.products:
            try:
                manifest = Manifest.from_row(rows[-1])
                rerun = _rerun(tx, ctx, ctx.project.products[name], manifest, now)
            except WharfError:
                logger.exception("%s %s cannot be decided again", name, period)
                continue
            found.append((name, period, rerun))
    return found


def closed_readers(
    tx: Transaction,
    ctx: Context,
    product: Product,
    name: str,
    periods: Collection[Period],
    now: datetime,
) -> dict[str, list[Period]]:
    """Product periods past their cut-off that other batches of an input may change.

    Args:
        tx: A reading transaction.
        ctx: The installation.
        product: A product that reads the input.
        name: The input.
        periods: The periods of the input that were published or rolled back.
        now: The instant.

    Returns:
        Keys of the product's periods with those of the input that each may read; of the periods
        after a changed one some dozens.
    """
    edge = product.inputs[name]
    found: dict[str, list[Period]] = {}
    upto = ""
    for changed in sorted(periods, key=lambda each: each.start):
        since = Period.containing(product.period.kind, changed.first).key
        if upto and since <= upto:
            continue
        limit = MOST_CLOSED + len(periods)
        rows = product_rows.closed_periods(tx, product.product, since, now, limit)
        keys = [row.period for row in rows]
        # Until there the rows are known: what changed in between needs no other query.
        upto = keys[-MOST_CLOSED] if len(keys) == limit else "~"
        known = product_rows.manifests_for(tx, [(product.product, key) for key in keys])
        for key in keys:
            made = known.get((product.product, key))
            if made and (read := _touching(edge, product, key, made[-1], name, periods)):
                found[key] = read
    return found


def _touching(
    edge: Edge,
    product: Product,
    key: str,
    made: ManifestRow,
    name: str,
    periods: Collection[Period],
) -> list[Period]:
    """Which changed periods of an input one product period may read."""
    own = product.parse_period(key)
    return [each for each in periods if may_read(edge, own, each) and _may_change(made, name, each)]


def _may_change(row: ManifestRow, name: str, period: Period) -> bool:
    """Whether an older period still matters to what was read; a newer one hides it."""
    stood = next((each for each in row.body["inputs"] if each["name"] == name), None)
    if stood is None or stood["read"] not in {"same", "latest"} or stood["period"] is None:
        return True
    return str(stood["period"]) <= period.key


def _rerun(
    tx: Transaction, ctx: Context, product: Product, manifest: Manifest, now: datetime
) -> Rerun | None:
    if manifest.repeats:
        return None
    period = product.parse_period(manifest.period)
    points = points_of(ctx.project, product, period)
    stood = {each.name: each for each in manifest.inputs}
    swaps = []
    for source, decision in decide_inputs(tx, ctx, product, points, now):
        if isinstance(decision, Fail | Skip):
            return None  # a run would make nothing; this edge's own change will ask for one
        if isinstance(decision, Use) and not decision.is_anchored:
            now_read = read_input(source, decision, period)
            if swap := _swap(stood.get(source.name), now_read):
                swaps.append(swap)
    if not swaps:
        return None
    named = (product.product, manifest.period, manifest.manifest_id, manifest.decided_at)
    return Rerun(*named, tuple(swaps))


def _swap(stood: Input | None, now_read: Input) -> Swap | None:
    before = set(stood.pins) if stood else set()
    after = set(now_read.pins)
    if before == after:
        return None
    was = stood.period if stood and stood.period else "nothing"
    new = ", ".join(sorted({pin.batch_id for pin in after - before})) or "nothing"
    reason = f"{now_read.name}: reads {now_read.period or 'nothing'} ({new}) in place of {was}"
    return Swap(now_read.name, _in_order(before - after), _in_order(after - before), reason)


def _in_order(pins: Iterable[Pin]) -> tuple[Pin, ...]:
    return tuple(sorted(pins, key=lambda pin: (pin.table, pin.period, pin.batch_id)))
