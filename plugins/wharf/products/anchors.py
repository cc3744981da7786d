"""Anchors: an edge that a person bound to one batch, or to one release of a product."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from wharf.contracts import Feed, Period, Product, Project
from wharf.errors import ProductError
from wharf.ledger import Transaction, anchors, batches
from wharf.ledger import products as product_rows
from wharf.ledger.anchors import Anchor
from wharf.products.inputs import Source, find_feed
from wharf.products.manifest import Pin
from wharf.timeliness.edges import Candidate


@dataclass(frozen=True)
class Bound:
    """What an anchored edge reads."""

    candidate: Candidate
    pins: tuple[Pin, ...]
    why: str


def bound_edges(
    tx: Transaction,
    project: Project,
    product: Product,
    period: Period,
    sources: Iterable[Source],
    now: datetime,
) -> dict[str, Bound]:
    """What the anchored edges of a product read for a period, by input.

    A batch or release of a period that ends after the product's binds nothing for it: a product
    never reads the future.
    """
    in_force = [
        each
        for each in anchors.anchors(tx, now, product.product)
        if each.period in {None, period.key}
    ]
    found: dict[str, Bound] = {}
    # One for this very period goes before one for all of them.
    for row in sorted(in_force, key=lambda each: (each.period is not None, each.seq)):
        for source in sources:
            if bound := _bound(tx, project, source, row):
                found[source.name] = bound
    return found


def set_anchor(
    tx: Transaction,
    project: Project,
    consumer: str,
    name: str,
    *,
    until: datetime,
    by: str,
    reason: str,
    now: datetime,
    batch_id: str | None = None,
    release_seq: int | None = None,
    period: str | None = None,
) -> Anchor:
    """Bind an edge of a product to one batch or release; what bound it before is taken back.

    Args:
        tx: A writing transaction.
        project: The contracts.
        consumer: The product.
        name: The input: a feed, or a product.
        until: When the anchor ends.
        by: Who binds it.
        reason: Why.
        now: The instant.
        batch_id: A batch of the feed's table that was published once.
        release_seq: A release of the input product.
        period: A period of the consumer; None for all of them.

    Raises:
        ProductError: The product, edge, batch or release is not there, or the end or the reason.
    """
    product = project.products.get(consumer)
    if product is None:
        choices = ", ".join(sorted(project.products)) or "none yet"
        raise ProductError(f"{consumer!r} is no product of this project; products: {choices}")
    _refuse_unbindable(product, name, until, reason, now)
    at = product.parse_period(period).key if period else None
    table = _table_of(tx, project, name, batch_id, release_seq)
    for row in anchors.anchors(tx, now, consumer):
        if (row.table, row.period) == (table, at):
            anchors.revoke_anchor(tx, row, by, now)
    made = Anchor(consumer, table, by, reason, now, until, at, batch_id, release_seq)
    return anchors.record_anchor(tx, made)


def remove_anchor(tx: Transaction, seq: int, *, by: str, now: datetime) -> Anchor:
    """Let an edge follow its input again; the next change of an input decides it anew.

    Raises:
        ProductError: There is no such anchor, or it was taken back before.
    """
    row = anchors.find_anchor(tx, seq)
    if row is None:
        raise ProductError(f"there is no anchor {seq}; see `wharf anchor list`")
    if not anchors.revoke_anchor(tx, row, by, now):
        raise ProductError(f"anchor {seq} was removed by {row.revoked_by} already")
    return row


def renew_anchor(
    tx: Transaction, seq: int, *, until: datetime, by: str, reason: str, now: datetime
) -> Anchor:
    """Let an anchor in force last longer, or end sooner; as a new one, so that the list tells all.

    Raises:
        ProductError: There is no such anchor in force, or the end or the reason.
    """
    row = anchors.find_anchor(tx, seq)
    if row is None:
        raise ProductError(f"there is no anchor {seq}; see `wharf anchor list`")
    if row.revoked_at is not None or row.until <= now:
        raise ProductError(f"anchor {seq} has ended; set a new one: `wharf anchor set`")
    _refuse_end(until, reason, now)
    anchors.revoke_anchor(tx, row, by, now)
    again = replace(row, until=until, by=by, reason=reason, at=now, revoked_at=None, revoked_by="")
    return anchors.record_anchor(tx, again)


def anchored_batches(tx: Transaction, now: datetime) -> dict[str, set[str]]:
    """Table -> batches that an anchor in force binds somebody to."""
    found: dict[str, set[str]] = {}
    for row in anchors.anchors(tx, now):
        if row.batch_id is not None:
            found.setdefault(row.table, set()).add(row.batch_id)
        elif row.release_seq is not None:
            release = product_rows.find_release(tx, row.release_seq)
            for table, stands in (release.tables if release else {}).items():
                found.setdefault(table, set()).add(str(stands["batch_id"]))
    return found


def _bound(tx: Transaction, project: Project, source: Source, row: Anchor) -> Bound | None:
    why = f"{row.by} anchored it until {row.until:%Y-%m-%d %H:%M} UTC: {row.reason}"
    if source.is_product:
        release = product_rows.find_release(tx, row.release_seq) if row.release_seq else None
        if release is None or release.product != source.name:
            return None
        at = project.products[source.name].parse_period(release.period)
        pins = tuple(
            Pin(table, at.key, str(each["batch_id"])) for table, each in release.tables.items()
        )
        return Bound(Candidate(at, "RELEASED", "PUBLISHED", release.manifest_id), pins, why)
    feed = find_feed(tx, project, source.name)
    if feed is None or feed.table != row.table or row.batch_id is None:
        return None
    batch = batches.batch(tx, row.batch_id)
    if batch is None:
        return None
    at = feed.parse_period(batch.period)
    pin = Pin(feed.table, at.key, batch.batch_id)
    return Bound(Candidate(at, "ON_TIME", "PUBLISHED", batch.batch_id), (pin,), why)


def _refuse_unbindable(
    product: Product, name: str, until: datetime, reason: str, now: datetime
) -> None:
    if name not in product.inputs:
        choices = ", ".join(sorted(product.inputs)) or "none"
        raise ProductError(f"{product.product} does not read {name!r}; inputs: {choices}")
    reading = product.inputs[name].read
    if reading not in {"same", "latest"}:
        raise ProductError(
            f"{product.product} reads {reading} of {name}: more than one batch, so no one batch "
            "can be its anchor; roll the batch back, or read latest"
        )
    _refuse_end(until, reason, now)


def _refuse_end(until: datetime, reason: str, now: datetime) -> None:
    if until <= now:
        raise ProductError(f"until is {until:%Y-%m-%d %H:%M} UTC, which is over; give a later time")
    if not reason.strip():
        raise ProductError("reason is missing: say why, for whoever reads it later")


def _table_of(
    tx: Transaction, project: Project, name: str, batch_id: str | None, release_seq: int | None
) -> str:
    """The table an anchor is about, once its batch or release is known to be there."""
    if name in project.products:
        return _released_table(tx, name, release_seq)
    feed = find_feed(tx, project, name)
    if feed is None or batch_id is None:
        raise ProductError(f"{name} is a feed: name a batch of it (--batch ID)")
    _refuse_unpublished(tx, feed, batch_id)
    return feed.table


def _released_table(tx: Transaction, name: str, release_seq: int | None) -> str:
    if release_seq is None:
        raise ProductError(f"{name} is a product: name a release of it (--release NUMBER)")
    release = product_rows.find_release(tx, release_seq)
    if release is None or release.product != name:
        known = [str(each.seq) for each in product_rows.releases_of(tx, name)][-5:]
        choices = ", ".join(known) or "none yet"
        raise ProductError(f"{name} has no release {release_seq}; the last releases: {choices}")
    return next(iter(release.tables))


def _refuse_unpublished(tx: Transaction, feed: Feed, batch_id: str) -> None:
    events = batches.publishes_of(tx, feed.table)
    published = list(dict.fromkeys(each.batch_id for each in events if each.batch_id))
    if batch_id not in published:
        choices = ", ".join(published[-5:]) or "none yet"
        raise ProductError(
            f"{feed.feed}: batch {batch_id!r} was never published; the last published: {choices}"
        )


def pins_of(bound: Mapping[str, Bound], source: Source) -> Mapping[str, tuple[Pin, ...]]:
    """What a source's batch ids stand for, with the one that it is bound to."""
    if source.name not in bound:
        return source.pins
    one = bound[source.name]
    return {**source.pins, str(one.candidate.batch_id): one.pins}
