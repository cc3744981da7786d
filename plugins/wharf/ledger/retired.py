"""Feeds whose promise a person ended, because their contract file is gone for good."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from sqlalchemy import Connection, select, update

from wharf.ledger.decisions import record_decision
from wharf.ledger.feeds import feed_id
from wharf.ledger.horizon import append_events, rows_from
from wharf.ledger.rows import Decision
from wharf.ledger.schema import decision, expected_delivery, feed

_FOREVER = date.max.isoformat()


def retire_feed(
    tx: Connection, name: str, first: date, by: str, reason: str, now: datetime
) -> list[str]:
    """End a feed's promise: from a day on nothing is expected of it, what came stays as it is.

    Args:
        tx: A writing transaction.
        name: The feed.
        first: First day of the first period that is not expected any more.
        by: Who decided it.
        reason: Why.
        now: When.

    Returns:
        Keys of the periods that were expected and are no more.
    """
    whole = Decision(name, None, "retire", None, by, reason, now)
    record_decision(tx, replace(whole, first=first.isoformat(), last=_FOREVER))
    why = f"feed retired by {by}: {reason}"
    ended = [
        row
        for row in rows_from(tx, name, "")
        if row.period_first >= first.isoformat()
        and row.expected
        and row.timeliness not in {"ON_TIME", "LATE_ARRIVED"}
    ]
    for row in ended:
        tx.execute(
            update(expected_delivery)
            .where(expected_delivery.c.id == row.id)
            .values(expected=False, closed_because=why, next_change_at=now)
        )
    append_events(
        tx, [(row, replace(row, expected=False, closed_because=why), why) for row in ended], now
    )
    return [row.period for row in ended]


def retired_feeds(tx: Connection) -> dict[str, str]:
    """Retired feeds, each with the ISO day of its first period that is not expected."""
    query = (
        select(feed.c.name, decision.c.first)
        .join(feed, feed.c.id == decision.c.feed_id)
        .where(decision.c.kind == "retire", decision.c.revoked_at.is_(None))
        .order_by(decision.c.seq)
    )
    return {row.name: row.first for row in tx.execute(query)}


def take_up_again(tx: Connection, name: str, by: str, now: datetime) -> None:
    """Take back that a feed was retired: its contract file is there again."""
    tx.execute(
        update(decision)
        .where(
            decision.c.feed_id == feed_id(tx, name),
            decision.c.kind == "retire",
            decision.c.revoked_at.is_(None),
        )
        .values(revoked_at=now, revoked_by=by)
    )
