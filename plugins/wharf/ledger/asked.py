"""What people asked for and no run has done yet: few rows, each found by index or by number."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Text, cast, exists, func, literal, select

from wharf.ledger.backfills import Backfill
from wharf.ledger.proposals import Proposal
from wharf.ledger.rows import Decision, read_row
from wharf.ledger.schema import (
    backfill,
    decision,
    delivery,
    expected_delivery,
    feed,
    proposal,
    run,
)


class Unread(NamedTuple):
    """A landed file of a whole delivery that was never read into a batch."""

    feed: str
    period: str
    delivery: int
    version: int


def unread_deliveries(tx: Connection, since: datetime, before: datetime) -> list[Unread]:
    """The last landed version of a part, of deliveries that are whole, that no batch was made of.

    Args:
        tx: A reading transaction.
        since: Landed at or after this instant.
        before: Landed before it; a run may be about to read what came later.
    """
    later = delivery.alias()
    newer = exists().where(
        later.c.feed_id == delivery.c.feed_id,
        later.c.period == delivery.c.period,
        later.c.part == delivery.c.part,
        later.c.verdict != "DUPLICATE",
        later.c.seq > delivery.c.seq,
    )
    query = (
        select(feed.c.name, delivery.c.period, func.max(delivery.c.seq), delivery.c.version)
        .join(feed, feed.c.id == delivery.c.feed_id)
        .join(
            expected_delivery,
            (expected_delivery.c.feed_id == delivery.c.feed_id)
            & (expected_delivery.c.period == delivery.c.period),
        )
        .where(
            delivery.c.outcome == "",
            delivery.c.verdict != "DUPLICATE",
            delivery.c.landed_at >= since,
            delivery.c.landed_at < before,
            expected_delivery.c.complete_at.is_not(None),
            ~newer,
        )
        .group_by(feed.c.name, delivery.c.period, delivery.c.version)
    )
    return [Unread(*row) for row in tx.execute(query)]


def accepted_without_run(tx: Connection, since: datetime) -> list[Proposal]:
    """Proposals that a person accepted and whose run is not noted."""
    product_dag = literal("product__").concat(proposal.c.product)
    had = exists().where(
        run.c.dag_id == product_dag,
        run.c.key == proposal.c.period,
        run.c.cause.like("proposal-%"),
        run.c.at >= proposal.c.decided_at,
    )
    query = select(proposal).where(
        proposal.c.verdict == "accepted", proposal.c.decided_at >= since, ~had
    )
    return [read_row(Proposal, row) for row in tx.execute(query.order_by(proposal.c.seq))]


def replays_without_run(tx: Connection, since: datetime) -> list[Decision]:
    """Wishes to read a delivery again, in force, that no batch was made for and no run is noted."""
    had = exists().where(
        run.c.key == decision.c.period,
        run.c.cause == literal("replay-").concat(cast(decision.c.seq, Text)),
    )
    query = (
        select(decision, feed.c.name.label("feed"))
        .join(feed, feed.c.id == decision.c.feed_id)
        .where(
            decision.c.kind == "replay",
            decision.c.at >= since,
            decision.c.revoked_at.is_(None),
            ~had,
        )
    )
    rows = [read_row(Decision, row) for row in tx.execute(query.order_by(decision.c.seq))]
    return [row for row in rows if "batch_id" not in row.detail]


def backfills_since(tx: Connection, since: datetime) -> list[Backfill]:
    """Backfills asked for since an instant, oldest first."""
    query = select(backfill).where(backfill.c.at >= since).order_by(backfill.c.seq)
    return [read_row(Backfill, row) for row in tx.execute(query)]
