"""Telling of a rollback: who reads a table or product hears that it went back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from wharf import products
from wharf.alerts import Consumer, Link, Notice
from wharf.contracts import Feed, Period
from wharf.intake import Intake
from wharf.ledger import anchors, outbox
from wharf.ledger.rows import Outgoing, ReleaseRow
from wharf.timeliness.incidents import dedup_key
from wharf.timeliness.levels import Need
from wharf.watch.notices import routed
from wharf.watch.promises import Promises

LEVEL = "L1"


def tell_rollback(
    ctx: Intake,
    promises: Promises,
    feed: Feed,
    period: Period,
    *,
    now_read: str | None,
    by: str,
    reason: str,
    now: datetime,
) -> list[str]:
    """Queue one message for each channel that hears of the feed's quality; the next tick sends it.

    Args:
        ctx: The installation.
        promises: The contracts in force.
        feed: The feed whose table it is.
        period: The period that another batch is read in.
        now_read: That batch; None where nothing is read any more.
        by: Who rolled back.
        reason: Why.
        now: When.

    Returns:
        The products that read the period, told of in the message.
    """
    with ctx.ledger.read() as tx:
        needs = products.needs_of(tx, promises.project, feed, period)
        bound = {each.consumer for each in anchors.anchors(tx, now) if each.table == feed.table}
    notice = _notice(
        ctx,
        feed.feed,
        period.key,
        now,
        supplier=feed.supplier_id,
        feed=feed.feed,
        what=f"{feed.table} {period.key} was rolled back: it reads {now_read or 'nothing'} again",
        consumers=_consumers(needs, bound),
        actions=(f"wharf batch list {feed.table} {period.key}",),
        links=(
            Link("the board", f"{ctx.settings.airflow_url}/wharf/feeds/{feed.feed}/{period.key}"),
        ),
        lines=(f"by {by}: {reason}",),
    )
    _queue(ctx, promises, notice)
    return [each.product for each in needs]


def tell_release_rollback(
    ctx: Intake, promises: Promises, row: ReleaseRow, *, reason: str
) -> list[str]:
    """Queue the same about a product that went back to an earlier release.

    Args:
        ctx: The installation.
        promises: The contracts in force.
        row: The release that is read again.
        reason: Why.

    Returns:
        The products that read the period of this one, told of in the message.
    """
    period = promises.project.products[row.product].parse_period(row.period)
    with ctx.ledger.read() as tx:
        needs = products.needs_of_release(tx, promises.project, row.product, period)
        bound = {each.consumer for each in anchors.anchors(tx, row.at) if each.table in row.tables}
    notice = _notice(
        ctx,
        row.product,
        row.period,
        row.at,
        supplier="",
        feed="",
        what=f"{row.product} {row.period} was rolled back: it reads {row.manifest_id} again",
        consumers=_consumers(needs, bound),
        actions=(f"wharf product releases {row.product} {row.period}",),
        links=(Link("the board", f"{ctx.settings.airflow_url}/wharf/"),),
        lines=(f"by {row.by}: {reason}",),
    )
    _queue(ctx, promises, notice)
    return [each.product for each in needs]


def _notice(ctx: Intake, name: str, period: str, now: datetime, **more: Any) -> Notice:
    mark = now.strftime("%Y%m%dT%H%M%S%fZ")
    return Notice(
        key=dedup_key(ctx.settings.env, "rollback", name, period) + f":{mark}",
        number=1,
        env=ctx.settings.env,
        action="summary",
        kind="rollback",
        level=LEVEL,
        period=period,
        at=now,
        **more,
    )


def _consumers(needs: Iterable[Need], bound: set[str]) -> tuple[Consumer, ...]:
    policy = {True: "keeps what it is anchored to", False: "will be made again of it"}
    return tuple(
        Consumer(each.product, each.tier, each.decide_at, policy[each.product in bound])
        for each in needs
    )


def _queue(ctx: Intake, promises: Promises, notice: Notice) -> None:
    about = [(notice.supplier, notice.feed)]
    channels = routed(promises.project.routing, "quality", LEVEL, about)
    messages = [
        Outgoing(f"{notice.key}:{each.name}", each.name, notice.to_json(), notice.at)
        for each in channels
    ]
    with ctx.ledger.write() as tx:
        outbox.queue_messages(tx, messages)
