"""Who needs a delivery: the products behind a feed, when they decide, and whether they can wait."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from wharf.contracts import Feed, Period, Product, Project
from wharf.ledger import Transaction
from wharf.products.inputs import days_of, points_of, source_of
from wharf.timeliness.edges import can_do_without
from wharf.timeliness.levels import Need, need_of


def needs_of(tx: Transaction, project: Project, feed: Feed, period: Period) -> tuple[Need, ...]:
    """The products that read one period of a feed, directly or through other products.

    Args:
        tx: A reading transaction.
        project: The contracts.
        feed: The feed.
        period: The period of the delivery that is wanted.

    Returns:
        One need for each product, those that decide first in front.
    """
    return needs_for(tx, project, [(feed, period)])[0]


def needs_for(
    tx: Transaction, project: Project, pairs: Sequence[tuple[Feed, Period]]
) -> list[tuple[Need, ...]]:
    """The needs of many deliveries, in their order; what they share is read once."""
    search = _search(tx, project)
    return [search.needs(feed.feed, period) for feed, period in pairs]


def needs_of_release(
    tx: Transaction, project: Project, product: str, period: Period
) -> tuple[Need, ...]:
    """The products that read one period of another product."""
    return _search(tx, project).needs(product, period)


def _search(tx: Transaction, project: Project) -> _Search:
    readers: dict[str, list[Product]] = defaultdict(list)
    for _, product in sorted(project.products.items()):
        for name in product.inputs:
            readers[name].append(product)
    return _Search(tx, project, readers)


@dataclass
class _Search:
    """The way from feeds to the products behind them, within one transaction."""

    tx: Transaction
    project: Project
    readers: Mapping[str, Sequence[Product]]
    known: dict[tuple[str, str, Period], bool] = field(default_factory=dict)
    """Whether a product can do without a period of an input."""

    def needs(self, name: str, period: Period) -> tuple[Need, ...]:
        found: dict[str, Need] = {}
        self._collect(name, period, False, found)
        return tuple(sorted(found.values(), key=lambda need: (need.decide_at, need.product)))

    def _collect(self, name: str, period: Period, without: bool, found: dict[str, Need]) -> None:
        for product in self.readers.get(name, ()):
            if product.product in found:
                continue
            fallback = without or self._can_do_without(product, name, period)
            days = days_of(self.project, product)
            need = need_of(product, period, days, has_fallback=fallback)
            if need is not None:
                found[product.product] = need
                own = _own_period(product, period)
                self._collect(product.product, own, fallback, found)

    def _can_do_without(self, product: Product, name: str, period: Period) -> bool:
        key = (product.product, name, period)
        if key not in self.known:
            own = _own_period(product, period)
            source = source_of(self.tx, self.project, name, product.inputs[name], own)
            self.known[key] = can_do_without(
                source.edge,
                points_of(self.project, product, own),
                source.candidates,
                days=source.days,
                is_snapshot=source.is_snapshot,
            )
        return self.known[key]


def _own_period(product: Product, period: Period) -> Period:
    if product.period.kind == period.kind:
        return period
    return Period.containing(product.period.kind, period.last)
