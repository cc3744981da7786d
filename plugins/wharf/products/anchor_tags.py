"""Anchors as Iceberg tags, so that an engine without wharf reads what somebody is anchored to.

`anchor/<number>/<consumer>` names the snapshot that published the batch. Tags of other names are
somebody else's, and left alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from wharf.lake import Lake
from wharf.ledger import Ledger, Transaction, anchors, batches
from wharf.ledger import products as product_rows
from wharf.ledger.anchors import Anchor

_OURS = re.compile(r"^anchor/\d+/")
_NAMED = re.compile(r"^anchor/(\d+)/(.+)$")
REBUILT_FOR = timedelta(days=90)
"""How long an anchor lasts whose end is lost with the ledger."""


def tag_of(row: Anchor) -> str:
    """The tag of an anchor."""
    return f"anchor/{row.seq}/{row.consumer}"


def sync_anchor_tags(lake: Lake, ledger: Ledger, table: str, now: datetime) -> list[str]:
    """Let a table's anchor tags be those of the anchors in force: set what lacks, end the others.

    A snapshot that was forgotten before somebody anchored its batch cannot be named; wharf reads
    the batch all the same.

    Returns:
        One line for each tag that was set or removed.
    """
    if not lake.has(table):
        return []
    with ledger.read() as tx:
        wanted = {
            tag_of(row): ids
            for row in anchors.anchors(tx, now)
            if (ids := _snapshots(tx, row, table))
        }
    kept = {each.snapshot_id for each in lake.history(table)}
    standing = {name: at for name, at in lake.tags.of(table).items() if _OURS.match(name)}
    said = []
    for name in standing.keys() - wanted.keys():
        lake.tags.remove(table, name)
        said.append(f"{table}: tag {name} is removed, its anchor has ended")
    for name in wanted.keys() - standing.keys():
        there = [each for each in wanted[name] if each in kept]
        if there:
            lake.tags.set(table, name, there[-1])
            said.append(f"{table}: tag {name} names snapshot {there[-1]}")
    return sorted(said)


def anchors_from_tags(
    lake: Lake, ledger: Ledger, now: datetime, *, dry_run: bool = False
) -> list[Anchor]:
    """Anchors that a lost ledger held and a tag of the lake still tells of; they are added.

    Who set one, why, and until when is not in its tag: it lasts 90 days, to be set anew.

    Args:
        lake: The lake.
        ledger: The ledger, its publishes rebuilt.
        now: The instant.
        dry_run: Add nothing.
    """
    with ledger.read() as tx:
        known = anchors.anchors(tx)
        lost = [
            each
            for table in lake.tables()
            for name, snapshot in sorted(lake.tags.of(table).items())
            if (each := _lost(tx, name, table, snapshot, known, now)) is not None
        ]
    if dry_run:
        return lost
    with ledger.write() as tx:
        return [anchors.record_anchor(tx, each) for each in lost]


def _lost(
    tx: Transaction, name: str, table: str, snapshot: int, known: Sequence[Anchor], now: datetime
) -> Anchor | None:
    """The anchor of a tag; None where it is none, is known, or its batch is not."""
    found = _NAMED.match(name)
    events = [each for each in batches.publishes_of(tx, table) if each.snapshot_id == snapshot]
    if found is None or not events or events[-1].batch_id is None:
        return None
    number, consumer, batch_id = int(found[1]), found[2], events[-1].batch_id
    if any(
        each.consumer == consumer
        and (each.seq == number or (each.table, each.batch_id) == (table, batch_id))
        for each in known
    ):
        return None
    reason = f"rebuilt from its tag {name}: who set it, why and until when cannot be known"
    return Anchor(consumer, table, "", reason, now, now + REBUILT_FOR, batch_id=batch_id)


def _snapshots(tx: Transaction, row: Anchor, table: str) -> list[int]:
    """The snapshots of a table that published what an anchor binds somebody to."""
    if row.batch_id is not None:
        bound = row.batch_id if row.table == table else None
    else:
        release = product_rows.find_release(tx, row.release_seq or 0)
        stands = release.tables.get(table) if release else None
        bound = str(stands["batch_id"]) if stands else None
    if bound is None:
        return []
    return [each.snapshot_id for each in batches.publishes_of(tx, table) if each.batch_id == bound]
