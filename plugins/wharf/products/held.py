"""Batches that products still stand on: nothing of them may be erased."""

from __future__ import annotations

from collections.abc import Iterator

from wharf.ledger import Transaction
from wharf.ledger import products as product_rows
from wharf.products.manifest import Manifest


def released_batches(tx: Transaction) -> dict[str, set[str]]:
    """Table -> batches that a standing release shows, or was made of."""
    found: dict[str, set[str]] = {}
    for table, batch_id in _released(tx):
        found.setdefault(table, set()).add(batch_id)
    return found


def released_tables(tx: Transaction, source: str) -> set[str]:
    """Tables of standing releases that were made, directly or through others, of a table."""
    made: set[str] = set()
    reached = {source}
    rows = product_rows.all_current_releases(tx)
    while reached:
        made |= reached
        reached = {
            table
            for row in rows
            if (manifest := product_rows.find_manifest(tx, row.manifest_id)) is not None
            and set(Manifest.from_row(manifest).pins) & reached
            for table in row.tables
        } - made
    return made - {source}


def _released(tx: Transaction) -> Iterator[tuple[str, str]]:
    for row in product_rows.all_current_releases(tx):
        yield from ((table, str(each["batch_id"])) for table, each in row.tables.items())
        made_of = product_rows.find_manifest(tx, row.manifest_id)
        if made_of is not None:
            for table, pins in Manifest.from_row(made_of).pins.items():
                yield from ((table, pin.batch_id) for pin in pins)
