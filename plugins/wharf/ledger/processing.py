"""How long deliveries take from complete to published."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

from sqlalchemy import Connection, select

from wharf.ledger.schema import batch, expected_delivery, feed
from wharf.timeliness.quantiles import quantile

# The newest publications of all feeds that are looked at; and the fewest of one that tell a p95.
_NEWEST, _ENOUGH = 5000, 14
_SHARE = 0.95


def processing_times(tx: Connection) -> dict[str, timedelta]:
    """The 95th percentile from complete to published, by feed, of first versions only.

    A feed with fewer than 14 publications has none.
    """
    query = (
        select(feed.c.name, expected_delivery.c.complete_at, batch.c.status_at)
        .select_from(batch)
        .join(expected_delivery, expected_delivery.c.batch_id == batch.c.batch_id)
        .join(feed, feed.c.id == expected_delivery.c.feed_id)
        .where(
            batch.c.status == "PUBLISHED",
            batch.c.version == 1,
            expected_delivery.c.complete_at.is_not(None),
        )
        .order_by(batch.c.seq.desc())
        .limit(_NEWEST)
    )
    spans: dict[str, list[timedelta]] = defaultdict(list)
    for row in tx.execute(query):
        spans[row.name].append(max(row.status_at - row.complete_at, timedelta(0)))
    return {
        name: span
        for name, found in spans.items()
        if len(found) >= _ENOUGH and (span := quantile(found, _SHARE)) is not None
    }
