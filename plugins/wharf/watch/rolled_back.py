"""Telling of a rollback: who reads the table hears that another batch is read there again."""

from __future__ import annotations

from datetime import datetime

from wharf import products
from wharf.alerts import Consumer, Link, Notice
from wharf.contracts import Feed, Period
from wharf.intake import Intake
from wharf.ledger import anchors, outbox
from wharf.ledger.rows import Outgoing
from wharf.timeliness.incidents import dedup_key
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
    settings = ctx.settings
    with ctx.ledger.read() as tx:
        needs = products.needs_of(tx, promises.project, feed, period)
        bound = {each.consumer for each in anchors.anchors(tx, now) if each.table == feed.table}
    policy = {True: "keeps the batch it is anchored to", False: "will be made again of it"}
    mark = now.strftime("%Y%m%dT%H%M%S%fZ")
    key = dedup_key(settings.env, "rollback", feed.feed, period.key) + f":{mark}"
    notice = Notice(
        key=key,
        number=1,
        env=settings.env,
        action="summary",
        kind="rollback",
        level=LEVEL,
        supplier=feed.supplier_id,
        feed=feed.feed,
        period=period.key,
        at=now,
        what=f"{feed.table} {period.key} was rolled back: it reads {now_read or 'nothing'} again",
        consumers=tuple(
            Consumer(each.product, each.tier, each.decide_at, policy[each.product in bound])
            for each in needs
        ),
        actions=(f"wharf batch list {feed.table} {period.key}",),
        links=(Link("the board", f"{settings.airflow_url}/wharf/feeds/{feed.feed}/{period.key}"),),
        lines=(f"by {by}: {reason}",),
    )
    channels = routed(promises.project.routing, "quality", LEVEL, [(feed.supplier_id, feed.feed)])
    with ctx.ledger.write() as tx:
        outbox.queue_messages(
            tx,
            [Outgoing(f"{key}:{each.name}", each.name, notice.to_json(), now) for each in channels],
        )
    return [each.product for each in needs]
