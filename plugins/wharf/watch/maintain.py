"""The nightly report: what was begun and never finished; and old snapshots are forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from wharf import products
from wharf.intake import Intake
from wharf.ledger import Transaction, arrivals, batches, decisions, disk
from wharf.watch.growth import measure
from wharf.watch.leftovers import leftovers
from wharf.watch.promises import read_promises
from wharf.watch.retention import let_go

SNAPSHOTS_KEPT = 200
POLLS_KEPT = timedelta(days=2)
TICKS_KEPT = timedelta(days=30)
MEASURES_KEPT = timedelta(days=800)


def maintain(ctx: Intake, now: datetime, keep: int = SNAPSHOTS_KEPT) -> list[str]:
    """Repair what a crash left between lake and ledger, expire snapshots, and report the rest.

    Files are deleted only where a contract's `retention` says so; nothing that tells of a delivery
    goes, and no snapshot of an anchored batch.

    Args:
        ctx: The installation.
        now: The instant.
        keep: So many snapshots of each table stay.

    Returns:
        One line for each thing a person may want to look at.
    """
    found: list[str] = []
    for table in ctx.lake.tables():
        if repaired := ctx.batches.repair(table):
            found.append(f"{table}: {repaired} publications were missing in the ledger; added")
        found += products.sync_anchor_tags(ctx.lake, ctx.ledger, table, now)
        if expired := ctx.lake.expire(table, keep=keep, hold=_anchored(ctx, table, now)):
            found.append(f"{table}: {expired} old snapshots forgotten")
        found += leftovers(ctx, table, now)
    promises = read_promises(ctx.ledger, ctx.settings.project, now)
    found += let_go(ctx, promises.feeds.values(), now)
    found += _trimmed(ctx, now)
    measure(ctx, now)
    return found


def _anchored(ctx: Intake, table: str, now: datetime) -> set[int]:
    """The snapshots that published what somebody is anchored to."""
    with ctx.ledger.read() as tx:
        held = products.anchored_batches(tx, now).get(table)
        events = batches.publishes_of(tx, table) if held else []
    return {event.snapshot_id for event in events if event.batch_id in (held or ())}


def _trimmed(ctx: Intake, now: datetime) -> Iterator[str]:
    """Forget looks and heartbeats that nobody will ask for, some at a time."""
    for what, trim, before in (
        ("good looks", arrivals.trim_polls, now - POLLS_KEPT),
        ("heartbeats", decisions.trim_ticks, now - TICKS_KEPT),
        ("measures of disk use", disk.trim_disk_use, now - MEASURES_KEPT),
    ):
        gone = 0
        while step := _trim(ctx, trim, before):
            gone += step
        if gone:
            yield f"ledger: {gone} old {what} forgotten"
    ctx.ledger.tidy()


def _trim(ctx: Intake, trim: Callable[[Transaction, datetime], int], before: datetime) -> int:
    with ctx.ledger.write() as tx:
        return trim(tx, before)
