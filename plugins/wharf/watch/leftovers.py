"""What was begun and never finished, in words. Nothing of it is read, and nothing is deleted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from wharf.intake import Intake
from wharf.lake.leftovers import Folder, batch_folders, unnamed_metadata
from wharf.ledger import batches

FORGOTTEN_AFTER = timedelta(days=1)
"""A run may be at work on what is younger."""
UNFINISHED = {"STAGED", "AUDITED"}


def leftovers(ctx: Intake, table: str, now: datetime) -> Iterator[str]:
    """One line for each thing of a table that was left lying about.

    Args:
        ctx: The installation.
        table: A table of the lake, or one that only was staged so far.
        now: The instant.
    """
    with ctx.ledger.read() as tx:
        rows = batches.batches_of(tx, table)
    for row in rows:
        if row.status in UNFINISHED and now - row.staged_at > FORGOTTEN_AFTER:
            yield (
                f"{table} {row.period}: batch {row.batch_id} is {row.status.lower()} since "
                f"{row.staged_at:%Y-%m-%d %H:%M} UTC; run its feed again, or leave it"
            )
    known = {row.batch_id for row in rows}
    for folder in batch_folders(ctx.lake, table):
        if str(folder.batch_id) not in known and now - folder.batch_id.at > FORGOTTEN_AFTER:
            yield _about(folder)
    unnamed = unnamed_metadata(ctx.lake, table)
    if unnamed.files:
        yield (
            f"{table}: {unnamed.files} manifests ({unnamed.bytes / 1e6:.1f} MB) are named by no "
            "snapshot any more: commits that were cut off, and snapshots that were forgotten"
        )


def _about(folder: Folder) -> str:
    at = f"{folder.batch_id.at:%Y-%m-%d %H:%M} UTC"
    what = f"{folder.table} {folder.period}: folder {folder.batch_id}"
    if folder.is_whole:
        return f"{what} is a batch that the ledger does not know, staged at {at}"
    return f"{what} has no _batch.json: staging was cut off at {at}, and nothing reads it"
