"""What the ledger says about the inputs of a product, put to the pure edge decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wharf.contracts import Edge, Feed, Period, Product, Project
from wharf.errors import ProductError
from wharf.ledger import Transaction, batches, contracts, expected
from wharf.ledger import products as product_rows
from wharf.products.manifest import Pin
from wharf.timeliness.calendars import OpenDays, open_days
from wharf.timeliness.edges import Candidate
from wharf.timeliness.horizon import is_expected
from wharf.timeliness.points import ProductPoints, product_points


@dataclass(frozen=True)
class Source:
    """One input of a product as it stands now."""

    name: str
    edge: Edge
    candidates: tuple[Candidate, ...]
    pins: Mapping[str, tuple[Pin, ...]]
    """What a candidate's `batch_id` stands for: one batch, or all tables of a release."""
    days: OpenDays
    is_snapshot: bool
    is_product: bool

    def state_of(self, period: Period) -> str:
        """How the input stands for a period, in the words of the ledger."""
        for each in self.candidates:
            # A business day's key is a day's: feeds and products may count periods differently.
            if each.period.key == period.key:
                if self.is_product and not each.batch_id:
                    return each.delivery
                published = each.batch_id is not None or each.delivery == "NONE"
                return each.timeliness if published else f"{each.timeliness}, {each.delivery}"
        return "NOT_EXPECTED"


def days_of(project: Project, spec: Feed | Product) -> OpenDays:
    """The open days that a feed's or product's periods follow."""
    return open_days(project.calendars.get(spec.period.calendar or ""), spec.period.kind)


def points_of(project: Project, product: Product, period: Period) -> ProductPoints:
    """The clock points of one period of a product."""
    return product_points(product.timeliness, period, days_of(project, product))


def sources_of(tx: Transaction, project: Project, product: Product, period: Period) -> list[Source]:
    """Read how every input of a product stands.

    Raises:
        ProductError: An input is neither a feed nor a product that anybody knows.
    """
    return [source_of(tx, project, name, edge, period) for name, edge in product.inputs.items()]


def source_of(tx: Transaction, project: Project, name: str, edge: Edge, period: Period) -> Source:
    """Read how one input stands, for a product's period."""
    if name in project.products:
        return _product_source(tx, project, project.products[name], edge, period)
    feed = find_feed(tx, project, name)
    if feed is None:
        raise ProductError(f"input {name!r} is no feed or product of this project")
    return _feed_source(tx, project, feed, edge, period)


def find_feed(tx: Transaction, project: Project, name: str) -> Feed | None:
    """A feed by its file, or by its last valid version where the file is broken or not read."""
    return project.feeds.get(name) or contracts.feeds_in_force(tx).get(name)


def _feed_source(
    tx: Transaction, project: Project, feed: Feed, edge: Edge, period: Period
) -> Source:
    days = days_of(project, feed)
    published = batches.current(tx, feed.table)
    found: dict[Period, Candidate] = {}
    own = _own_period(feed, period)
    if feed.is_active(own):
        state = "SCHEDULED" if is_expected(feed, own, days) else "NOT_EXPECTED"
        found[own] = Candidate(own, state, "NONE", published.get(own.key))
    for key, batch_id in published.items():
        at = Period.parse(feed.period.kind, key)
        found[at] = Candidate(at, "ON_TIME", "PUBLISHED", batch_id)
    for row in expected.expected_of(tx, feed.feed):
        at = Period.parse(feed.period.kind, row.period)
        found[at] = Candidate(at, row.timeliness, row.delivery, published.get(row.period))
    pins = {batch_id: (Pin(feed.table, key, batch_id),) for key, batch_id in published.items()}
    return Source(
        name=feed.feed,
        edge=edge,
        candidates=tuple(found.values()),
        pins=pins,
        days=days,
        is_snapshot=feed.content == "snapshot",
        is_product=False,
    )


def _product_source(
    tx: Transaction, project: Project, product: Product, edge: Edge, period: Period
) -> Source:
    days = days_of(project, product)
    found: dict[Period, Candidate] = {}
    own = _own_period(product, period)
    if product.is_active(own):
        state = "SCHEDULED" if is_expected(product, own, days) else "NOT_EXPECTED"
        found[own] = Candidate(own, state, "NOT_RELEASED")
    pins: dict[str, tuple[Pin, ...]] = {}
    for key, release in product_rows.current_releases(tx, product.product).items():
        at = Period.parse(product.period.kind, key)
        found[at] = Candidate(at, "RELEASED", "PUBLISHED", release.manifest_id)
        pins[release.manifest_id] = tuple(
            Pin(table, key, str(stands["batch_id"])) for table, stands in release.tables.items()
        )
    return Source(
        name=product.product,
        edge=edge,
        candidates=tuple(found.values()),
        pins=pins,
        days=days,
        is_snapshot=True,
        is_product=True,
    )


def _own_period(spec: Feed | Product, period: Period) -> Period:
    """The newest period of an input that ends no later than a product's period."""
    if spec.period.kind == period.kind:
        return period
    own = Period.containing(spec.period.kind, period.last)
    return own if own.last <= period.last else own.previous()
