"""Who needs a delivery: the products behind a feed, when they decide, and whether they can wait."""

from __future__ import annotations

from wharf.contracts import Feed, Period, Product, Project
from wharf.ledger import Transaction
from wharf.products.inputs import days_of, points_of, source_of
from wharf.timeliness.edges import can_do_without
from wharf.timeliness.incidents import Need, need_of


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
    found: dict[str, Need] = {}
    _collect(tx, project, feed.feed, period, False, found)
    return tuple(sorted(found.values(), key=lambda need: (need.decide_at, need.product)))


def _collect(
    tx: Transaction,
    project: Project,
    name: str,
    period: Period,
    without: bool,
    found: dict[str, Need],
) -> None:
    for product in project.consumers(name):
        if product.product in found:
            continue
        fallback = without or _can_do_without(tx, project, product, name, period)
        days = days_of(project, product)
        need = need_of(product, period, days, has_fallback=fallback)
        if need is not None:
            found[product.product] = need
            own = _own_period(product, period)
            _collect(tx, project, product.product, own, fallback, found)


def _can_do_without(
    tx: Transaction, project: Project, product: Product, name: str, period: Period
) -> bool:
    own = _own_period(product, period)
    source = source_of(tx, project, name, product.inputs[name], own)
    return can_do_without(
        source.edge,
        points_of(project, product, own),
        source.candidates,
        days=source.days,
        is_snapshot=source.is_snapshot,
    )


def _own_period(product: Product, period: Period) -> Period:
    if product.period.kind == period.kind:
        return period
    return Period.containing(product.period.kind, period.last)
