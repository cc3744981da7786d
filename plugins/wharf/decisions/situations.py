"""What a wish is about, read from the ledger or from rows that were read already."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from wharf.decisions.desk import Desk
from wharf.decisions.rules import Situation
from wharf.decisions.wishes import Wish
from wharf.ledger import Transaction, batches, decisions, deliveries, expected, facts
from wharf.ledger.rows import BatchRow, Decision, Delivery, ExpectedDelivery
from wharf.timeliness.facts import State


def situation_of(tx: Transaction, desk: Desk, wish: Wish, now: datetime) -> Situation:
    """What the ledger knows of the subject of a wish, as of an instant."""
    feed = desk.feed(wish.feed)
    if wish.period is None:
        return Situation()
    row = expected.find_expected(tx, feed.feed, wish.period)
    needs_batches = "batch_id" in wish.detail or "delivery" in wish.detail
    needs_files = "delivery" in wish.detail
    return situation(
        desk,
        wish,
        row=row,
        state=facts.state_of(tx, feed, row, now) if row else None,
        made=batches.batches_for(tx, feed.feed, wish.period) if needs_batches else (),
        read_now=batches.current(tx, feed.table).get(wish.period) if needs_batches else None,
        landed=deliveries.deliveries_of(tx, feed.feed, wish.period) if needs_files else (),
        decided=decisions.decisions_of(tx, feed.feed, wish.period) if needs_batches else (),
    )


def situation(
    desk: Desk,
    wish: Wish,
    *,
    row: ExpectedDelivery | None,
    state: State | None,
    made: Sequence[BatchRow] = (),
    read_now: str | None = None,
    landed: Sequence[Delivery] = (),
    decided: Sequence[Decision] = (),
) -> Situation:
    """The same from what is known of a delivery.

    Args:
        desk: The contracts in force.
        wish: About one period.
        row: The expected delivery.
        state: What it is now.
        made: Batches of the period.
        read_now: The batch that readers see.
        landed: Landed files of the period, oldest first.
        decided: Decisions about the period.
    """
    feed = desk.feed(wish.feed)
    batch_id, number = str(wish.detail.get("batch_id")), str(wish.detail.get("delivery"))
    batch = next((each for each in made if each.batch_id == batch_id), None)
    file = next((each for each in landed if str(each.seq) == number), None)
    standing = next((each for each in made if each.batch_id == read_now), None)
    is_read = batch is not None and batch is standing
    if file is not None and standing is not None:
        is_read = any(e.get("delivery") == file.seq for e in standing.origin.get("deliveries", ()))
    return Situation(
        row=row,
        state=state,
        is_promised=wish.period is not None and feed.is_active(feed.parse_period(wish.period)),
        has_parts=len(feed.source.expected_parts) > 1 or feed.source.done_flag is not None,
        consumers=[
            name for name, each in sorted(desk.products.items()) if feed.feed in each.inputs
        ],
        batch=batch,
        is_discarded=any(
            each.kind == "discard"
            and each.revoked_at is None
            and each.detail.get("batch_id") == batch_id
            for each in decided
        ),
        is_read=is_read,
        file=file,
        versions=tuple(each for each in landed if file is not None and each.part == file.part),
    )
