"""The way back and forth between files, batches and products: each step by an index."""

from __future__ import annotations

from sqlalchemy import Connection, select

from wharf.ledger.batches import batches_for
from wharf.ledger.rows import Arrival, BatchRow, Delivery, ManifestRow, ReleaseRow, read_row
from wharf.ledger.schema import arrival, delivery, feed, manifest, manifest_input, release


def arrival_of(tx: Connection, row: Delivery) -> Arrival | None:
    """What was seen at the source before a file was landed."""
    query = (
        select(arrival, feed.c.name.label("feed"))
        .join(feed, feed.c.id == arrival.c.feed_id)
        .where(arrival.c.seq == row.arrival_seq)
    )
    found = tx.execute(query).first()
    return read_row(Arrival, found) if found else None


def deliveries_with_bytes(tx: Connection, sha256: str) -> list[Delivery]:
    """Landed files with these bytes, of any feed, oldest first.

    Args:
        tx: A reading transaction.
        sha256: The hash in lower case, or how it begins.
    """
    # "g" comes after every digit of a hash.
    own = delivery.c.sha256.between(sha256, f"{sha256}g")
    query = (
        select(delivery, feed.c.name.label("feed"))
        .join(feed, feed.c.id == delivery.c.feed_id)
        .where(own)
        .order_by(delivery.c.seq)
    )
    return [read_row(Delivery, row) for row in tx.execute(query)]


def batches_of_delivery(tx: Connection, row: Delivery) -> list[BatchRow]:
    """Batches that a landed file was read into, oldest first."""
    return [
        each
        for each in batches_for(tx, row.feed, row.period)
        if any(int(said["delivery"]) == row.seq for said in each.origin.get("deliveries", ()))
    ]


def manifests_with(tx: Connection, batch_id: str) -> list[ManifestRow]:
    """Manifests that name a batch as one that is read, oldest first."""
    query = (
        select(manifest)
        .join(manifest_input, manifest_input.c.manifest_id == manifest.c.manifest_id)
        .where(manifest_input.c.batch_id == batch_id)
        .order_by(manifest.c.seq)
    )
    found = {row.manifest_id: read_row(ManifestRow, row) for row in tx.execute(query)}
    return list(found.values())


def releases_with(tx: Connection, manifest_id: str) -> list[ReleaseRow]:
    """Releases that were made under a manifest, oldest first."""
    query = select(release).where(release.c.manifest_id == manifest_id).order_by(release.c.seq)
    return [read_row(ReleaseRow, row) for row in tx.execute(query)]


def batches_of_manifest(tx: Connection, row: ManifestRow) -> list[BatchRow]:
    """Batches that a product's steps staged under a manifest, oldest first."""
    return [
        each
        for each in batches_for(tx, row.product, row.period)
        if each.origin.get("manifest_id") == row.manifest_id
    ]
