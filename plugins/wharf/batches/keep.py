"""What may be erased because its time is over: decided from rows alone, nothing is touched here."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime

from wharf.contracts import Feed
from wharf.contracts.feed import Retention
from wharf.ledger.rows import BatchRow, Delivery

RETENTION = "retention"
"""Who takes away what a contract keeps no longer."""


def periods_over(feed: Feed, periods: Collection[str], today: date) -> list[str]:
    """Periods of a feed that readers should see no longer, oldest first.

    Args:
        feed: The contract.
        periods: Keys of the periods that its table holds.
        today: The day it is.
    """
    kept = feed.retention.periods
    if kept is None:
        return []
    ends = {key: feed.parse_period(key).last for key in periods}
    return sorted((key for key, end in ends.items() if end + kept < today), key=ends.__getitem__)


def batches_over(
    retention: Retention,
    rows: Iterable[BatchRow],
    *,
    held: Collection[str],
    gone: Collection[str],
    now: datetime,
) -> list[BatchRow]:
    """Batches whose files nobody needs any longer, oldest first.

    Args:
        retention: How long the contract keeps them.
        rows: Batches of the feed.
        held: Batches that readers see, an anchor binds, or a standing release was made of.
        gone: Batches whose files are gone already.
        now: The instant.
    """
    over = []
    for row in rows:
        kept = retention.quarantine if row.status == "QUARANTINED" else retention.replaced
        spoken_for = row.batch_id in held or row.batch_id in gone or row.status == "PUBLISHED"
        if kept is not None and not spoken_for and row.status_at + kept < now:
            over.append(row)
    return over


def rows_over(
    retention: Retention, rows: Iterable[BatchRow], *, gone: Collection[str], now: datetime
) -> list[BatchRow]:
    """Batches whose rows set aside are kept no longer, oldest first; their other rows stay.

    Args:
        retention: How long the contract keeps them.
        rows: Batches of the feed.
        gone: Batches whose rows set aside, or all files, are gone already.
        now: The instant.
    """
    kept = retention.quarantine
    if kept is None:
        return []
    return [
        row
        for row in rows
        if row.rows_quarantined and row.status != "QUARANTINED"
        and row.batch_id not in gone and row.staged_at + kept < now
    ]  # fmt: skip


def deliveries_over(
    retention: Retention, rows: Iterable[Delivery], *, gone: Collection[int], now: datetime
) -> list[Delivery]:
    """Landed files whose time is over, oldest first.

    A file that came several times is kept as long as its last coming says; one that was not read
    yet is kept whatever the contract says.

    Args:
        retention: How long the contract keeps them.
        rows: Deliveries of the feed.
        gone: Deliveries whose files are gone already.
        now: The instant.
    """
    kept = retention.landing
    if kept is None:
        return []
    by_file: dict[str, list[Delivery]] = {}
    for row in rows:
        by_file.setdefault(row.uri, []).append(row)
    return [
        row
        for same in by_file.values()
        if max(each.landed_at for each in same) + kept < now and _was_read(same)
        for row in same
        if row.seq not in gone
    ]


def _was_read(same: Iterable[Delivery]) -> bool:
    return all(each.outcome or each.verdict == "DUPLICATE" for each in same)
