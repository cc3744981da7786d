"""What the ledger says about the inputs of a product, put to the pure edge decision."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from wharf.contracts import Edge, Feed, Period, Product, Project
from wharf.contracts.product import parse_age
from wharf.errors import ProductError
from wharf.ledger import Transaction, batches, contracts, expected
from wharf.ledger import products as product_rows
from wharf.products.manifest import Pin
from wharf.timeliness.calendars import OpenDays, open_days
from wharf.timeliness.edges import Candidate
from wharf.timeliness.horizon import is_expected
from wharf.timeliness.points import ProductPoints, product_points

_NEAR = 60
"""So many periods are read first: a ledger keeps years, and few policies ask for them."""
_LONGEST = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "business_day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=31),
    "quarter": timedelta(days=92),
    "year": timedelta(days=366),
}


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
    own = _own_period(feed, period)
    found: dict[Period, Candidate] = {}
    published: dict[str, str] = {}
    for since in _reaches(edge, feed, period):
        published = batches.current(tx, feed.table, since=since, until=_last_key(feed, period))
        found = _candidates(tx, feed, days, own, published, since, _last_key(feed, period))
        if _is_enough(edge, found.values()):
            break
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


def _candidates(
    tx: Transaction,
    feed: Feed,
    days: OpenDays,
    own: Period,
    published: Mapping[str, str],
    since: str,
    until: str,
) -> dict[Period, Candidate]:
    parts = _parts(tx, feed, published)
    found: dict[Period, Candidate] = {}
    if feed.is_active(own):
        state = "SCHEDULED" if is_expected(feed, own, days) else "NOT_EXPECTED"
        found[own] = Candidate(own, state, "NONE", published.get(own.key))
    for key, batch_id in published.items():
        at = Period.parse(feed.period.kind, key)
        found[at] = Candidate(at, "ON_TIME", "PUBLISHED", batch_id, parts=parts.get(batch_id))
    for key, timeliness, delivery, due_at in expected.states_of(tx, feed.feed, since, until):
        at = Period.parse(feed.period.kind, key)
        stands = published.get(key)
        there = parts.get(stands or "")
        found[at] = Candidate(at, timeliness, delivery, stands, due_at, there)
    return found


def _parts(tx: Transaction, feed: Feed, published: Mapping[str, str]) -> dict[str, tuple[int, int]]:
    """Of a feed in parts: how many each batch was made of, and how many there should be."""
    wanted = set(feed.source.expected_parts)
    if len(wanted) < 2:
        return {}
    made = batches.parts_of(tx, sorted(published.values()))
    return {batch_id: (len(parts & wanted), len(wanted)) for batch_id, parts in made.items()}


def _reaches(edge: Edge, feed: Feed, period: Period) -> Iterator[str]:
    """From which period key on to read an input: first the near past, then all of it."""
    if edge.read != "all":
        ages = [parse_age(policy.max_age)[0] for policy in edge.on_missing if policy.max_age]
        periods = _NEAR + 2 * _count(edge)
        near = max([periods * _LONGEST[feed.period.kind], *ages])
        yield Period.containing(feed.period.kind, period.last - near).key
    yield ""


def _is_enough(edge: Edge, found: Iterable[Candidate]) -> bool:
    """Whether older periods could not change what an edge reads."""
    given = [each for each in found if each.is_expected or each.batch_id]
    return min(len(given), sum(1 for each in given if each.batch_id)) >= _count(edge)


def _count(edge: Edge) -> int:
    return int(edge.read.partition(":")[2]) if edge.read.startswith("last:") else 1


def _last_key(feed: Feed, period: Period) -> str:
    """A key that no period of the feed up to the end of a product's period comes after."""
    key = Period.containing(feed.period.kind, period.last).key
    return f"{period.last + timedelta(days=1)}" if feed.period.kind == "hour" else key


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
