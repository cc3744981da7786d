"""Reading from the ledger what a wish is about."""

from __future__ import annotations

from datetime import datetime

from wharf.contracts import Feed
from wharf.decisions.desk import Desk
from wharf.decisions.rules import Situation
from wharf.decisions.wishes import Wish
from wharf.ledger import Transaction, batches, deliveries, expected, facts
from wharf.ledger.rows import BatchRow, Delivery


def situation_of(tx: Transaction, desk: Desk, wish: Wish, now: datetime) -> Situation:
    """What the ledger knows of the subject of a wish, as of an instant."""
    feed = desk.feed(wish.feed)
    if wish.period is None:
        return Situation()
    row = expected.find_expected(tx, feed.feed, wish.period)
    batch = _batch(tx, feed, wish)
    file, versions = _file(tx, feed, wish)
    return Situation(
        row=row,
        state=facts.state_of(tx, feed, row, now) if row else None,
        is_promised=feed.is_active(feed.parse_period(wish.period)),
        has_parts=len(feed.source.expected_parts) > 1 or feed.source.done_flag is not None,
        consumers=[
            name for name, each in sorted(desk.products.items()) if feed.feed in each.inputs
        ],
        batch=batch,
        is_read=_is_read(tx, feed, wish.period, batch, file),
        file=file,
        versions=versions,
    )


def _batch(tx: Transaction, feed: Feed, wish: Wish) -> BatchRow | None:
    if "batch_id" not in wish.detail:
        return None
    found = batches.batch(tx, str(wish.detail["batch_id"]))
    own = found is not None and (found.subject, found.period) == (feed.feed, wish.period)
    return found if own else None


def _file(tx: Transaction, feed: Feed, wish: Wish) -> tuple[Delivery | None, tuple[Delivery, ...]]:
    if "delivery" not in wish.detail or wish.period is None:
        return None, ()
    landed = deliveries.deliveries_of(tx, feed.feed, wish.period)
    for each in landed:
        if str(each.seq) == str(wish.detail["delivery"]):
            return each, tuple(one for one in landed if one.part == each.part)
    return None, ()


def _is_read(
    tx: Transaction, feed: Feed, period: str, batch: BatchRow | None, file: Delivery | None
) -> bool:
    """Whether readers see the batch, or one that holds the file."""
    current = batches.current(tx, feed.table).get(period)
    if batch is not None:
        return batch.batch_id == current
    standing = batches.batch(tx, current) if file is not None and current else None
    if standing is None or file is None:
        return False
    return any(each.get("delivery") == file.seq for each in standing.origin.get("deliveries", ()))
