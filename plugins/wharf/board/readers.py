"""Who reads a delivery: products that need it, and releases that were made of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wharf.contracts import Feed, Project
from wharf.errors import WharfError
from wharf.ledger import Transaction, products


@dataclass(frozen=True)
class Reader:
    """A product that reads the feed, directly or through another product."""

    product: str
    about: str
    tier: int
    through: tuple[str, ...]
    """Products between the feed and this one; none where it reads the feed itself."""
    decide_at: datetime
    can_do_without: bool


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
    return tuple(
        Reader(
            product=need.product,
            about=project.products[need.product].about,
            tier=need.tier,
            through=_through(project, need.product, feed.feed, {each.product for each in needs}),
            decide_at=need.decide_at,
            can_do_without=need.has_fallback,
        )
        for need in needs
    )


def made_of(tx: Transaction, batch_ids: Iterable[str]) -> tuple[Made, ...]:
    """Current releases whose manifest names one of these batches."""
    ids = set(batch_ids)
    if not ids:
        return ()
    return tuple(
        Made(release.product, release.period, release.manifest_id, batch_id)
        for release in products.all_current_releases(tx)
        for manifest in [products.find_manifest(tx, release.manifest_id)]
        for batch_id in sorted(ids & set(_strings(manifest.body if manifest else None)))
    )


def _through(project: Project, product: str, feed: str, others: set[str]) -> tuple[str, ...]:
    inputs = project.products[product].inputs
    return () if feed in inputs else tuple(sorted(others & set(inputs)))


def _strings(value: Any) -> list[str]:
    """Every text in a JSON value."""
    if isinstance(value, str):
        return [value]
    inner: Iterable[Any] = value if isinstance(value, list) else ()
    if isinstance(value, Mapping):
        inner = value.values()
    return [text for each in inner for text in _strings(each)]
