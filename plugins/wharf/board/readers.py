"""Who reads a delivery: products that need it, and releases that were made of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wharf.contracts import Feed, Period, Product, Project
from wharf.errors import WharfError
from wharf.ledger import Transaction, products, trail
from wharf.ledger.rows import ManifestRow


@dataclass(frozen=True)
class Did:
    """What a product did about its input, as its manifest has it."""

    manifest_id: str
    at: datetime
    policy: str
    """`published`, `not_expected`, `last_good`, `partial`, `skip` or `fail`."""
    reason: str
    read: str
    """The period read; empty where nothing was."""
    age_days: int


@dataclass(frozen=True)
class Reader:
    """A product that reads the feed, directly or through another product."""

    product: str
    about: str
    tier: int
    through: tuple[str, ...]
    """Products between the feed and this one; none where it reads the feed itself."""
    period: str
    """The product's own period."""
    decide_at: datetime
    can_do_without: bool
    did: Did | None
    """What its newest manifest says of the feed; None before it decided."""


@dataclass(frozen=True)
class Made:
    """A product's current release that holds a batch of the delivery."""

    product: str
    period: str
    manifest_id: str
    batch_id: str


def readers_of(tx: Transaction, project: Project, feed: Feed, period: str) -> tuple[Reader, ...]:
    """Products that need one period of a feed, those that decide first in front.

    None where the contracts in force contradict each other: then nothing can be told.
    """
    # Here, since the room of products brings the lake along and only stories need it.
    from wharf.products import needs_of

    try:
        needs = needs_of(tx, project, feed, feed.parse_period(period))
    except WharfError:
        return ()
    found = []
    for need in needs:
        product = project.products[need.product]
        own = _own_period(product, feed.parse_period(period))
        found.append(
            Reader(
                product=need.product,
                about=product.about,
                tier=need.tier,
                through=_through(project, need.product, feed.feed, {e.product for e in needs}),
                period=own,
                decide_at=need.decide_at,
                can_do_without=need.has_fallback,
                did=_did(tx, need.product, own, feed.feed),
            )
        )
    return tuple(found)


def made_of(tx: Transaction, batch_ids: Iterable[str]) -> tuple[Made, ...]:
    """Current releases whose manifest names one of these batches."""
    return tuple(
        Made(manifest.product, manifest.period, manifest.manifest_id, batch_id)
        for batch_id in sorted(set(batch_ids))
        for manifest in trail.manifests_with(tx, batch_id)
        if _is_current(tx, manifest)
    )


def _is_current(tx: Transaction, manifest: ManifestRow) -> bool:
    releases = products.releases_of(tx, manifest.product, manifest.period)
    return bool(releases) and releases[-1].manifest_id == manifest.manifest_id


def _own_period(product: Product, period: Period) -> str:
    if product.period.kind == period.kind:
        return period.key
    return Period.containing(product.period.kind, period.last).key


def _did(tx: Transaction, product: str, period: str, feed: str) -> Did | None:
    """How the newest manifest of a product period decided about a feed that it reads itself."""
    for manifest in reversed(products.manifests_of(tx, product, period)):
        for each in _mappings(manifest.body.get("inputs")):
            if each.get("name") == feed:
                return Did(
                    manifest_id=manifest.manifest_id,
                    at=manifest.created_at,
                    policy=str(each.get("policy", "")),
                    reason=str(each.get("reason", "")),
                    read=str(each.get("period") or ""),
                    age_days=int(each.get("age_days") or 0),
                )
    return None


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _through(project: Project, product: str, feed: str, others: set[str]) -> tuple[str, ...]:
    inputs = project.products[product].inputs
    return () if feed in inputs else tuple(sorted(others & set(inputs)))
