"""Queueing what suppliers are to be told: what is late, what was accepted, what was not.

Nothing is written about a period whose cut-off has passed: neither a backfill nor a first
deployment mails anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from wharf.alerts.notice import Notice
from wharf.alerts.supplier_mail import (
    MOST_BAD_ROWS,
    BadRow,
    File,
    Received,
    SupplierMail,
    mail_about,
    mails_for,
)
from wharf.contracts import Feed
from wharf.errors import Erased, LakeError
from wharf.intake import Intake
from wharf.ledger import deliveries, expected, outbox, supplier_mails
from wharf.ledger.database import Transaction
from wharf.ledger.rows import BatchRow, Delivery, Incident, Outgoing
from wharf.watch.learn import period_of
from wharf.watch.promises import Promises

LOOKS_BACK = timedelta(hours=12)
LEVELS = ("L0", "L1", "L2", "L3")


def queue_supplier_mails(ctx: Intake, promises: Promises, now: datetime) -> int:
    """Queue the mails that suppliers are to get and did not get yet.

    Args:
        ctx: The installation.
        promises: Contracts in force; only suppliers with contacts are written to.
        now: The instant of the tick.

    Returns:
        How many were queued.
    """
    channel = promises.project.routing.mail_to_suppliers
    feeds = {name: feed for name, feed in promises.feeds.items() if feed.supplier.contacts}
    if channel is None or not feeds or not ctx.settings.sends_outside:
        return 0
    mails = [*_chasers(ctx, feeds, now), *_judged(ctx, feeds, now), *_refused(ctx, feeds, now)]
    if not mails:
        return 0
    with ctx.ledger.write() as tx:
        return outbox.queue_messages(
            tx, [Outgoing(each.key, channel.name, each.notice.to_json(), now) for each in mails]
        )


def _chasers(ctx: Intake, feeds: Mapping[str, Feed], now: datetime) -> Iterator[SupplierMail]:
    with ctx.ledger.read() as tx:
        late = [
            each
            for each in supplier_mails.late_since(tx, now - LOOKS_BACK)
            if each.feed in feeds and period_of(feeds[each.feed], each.period)
        ]
        sent = supplier_mails.keys_queued(
            tx, [f"supplier:{each.feed}:{each.period}:{level}" for each in late for level in LEVELS]
        )
        for each in late:
            if f"supplier:{each.feed}:{each.period}:{each.level}" in sent:
                continue
            feed = feeds[each.feed]
            said = {key for key in sent if key.startswith(f"supplier:{each.feed}:{each.period}:")}
            notice = _late_notice(ctx, feed, each, now)
            yield from mails_for(notice, feed, said, _last_good(tx, feed, each.period))


def _judged(ctx: Intake, feeds: Mapping[str, Feed], now: datetime) -> Iterator[SupplierMail]:
    since = now - LOOKS_BACK
    with ctx.ledger.read() as tx:
        rows = [
            row
            for status in ("PUBLISHED", "QUARANTINED")
            for row in supplier_mails.judged_since(tx, since, status, _wanting(feeds, status))
            if period_of(feeds[row.subject], row.period)
        ]
        sent = supplier_mails.keys_queued(
            tx, [_key(row.subject, row.period, row.status, row.batch_id) for row in rows]
        )
    for row in rows:
        feed = feeds[row.subject]
        if _key(row.subject, row.period, row.status, row.batch_id) in sent:
            continue
        try:
            bad = () if row.status == "PUBLISHED" else tuple(_bad_rows(ctx, feed, row))
        except (Erased, LakeError):
            # The next tick asks again; a mail without its rows would be the only one.
            continue
        with ctx.ledger.read() as tx:
            received = _received(tx, row, bad, now)
            if received is not None:
                good = _last_good(tx, feed, row.period)
                yield from mail_about(received, feed, ctx.settings.env, sent, good)


def _refused(ctx: Intake, feeds: Mapping[str, Feed], now: datetime) -> Iterator[SupplierMail]:
    with ctx.ledger.read() as tx:
        found: dict[tuple[str, str], list[Delivery]] = {}
        for each in supplier_mails.refused_since(tx, now - LOOKS_BACK, feeds):
            found.setdefault((each.feed, each.period), []).append(each)
        for (name, period), refused in found.items():
            subject = f"delivery-{max(each.seq for each in refused)}"
            key = _key(name, period, "QUARANTINED", subject)
            row = expected.find_expected(tx, name, period)
            if row is None or not row.notifies or now > row.cutoff_at:
                continue
            if period_of(feeds[name], period) is None:
                continue
            received = Received(
                subject=subject,
                period=period,
                at=max(each.landed_at for each in refused),
                due_at=row.due_at,
                accepted=False,
                arrived_at=max(each.arrived_at for each in refused),
                files=tuple(_file(each) for each in refused),
                reasons=tuple(dict.fromkeys(each.reason for each in refused)),
            )
            sent = supplier_mails.keys_queued(tx, [key])
            good = _last_good(tx, feeds[name], period)
            yield from mail_about(received, feeds[name], ctx.settings.env, sent, good)


def _late_notice(ctx: Intake, feed: Feed, late: Incident, now: datetime) -> Notice:
    return Notice(
        key=late.dedup_key,
        number=1,
        env=ctx.settings.env,
        action="open",
        kind="late",
        level=late.level,
        supplier=feed.supplier_id,
        feed=late.feed,
        period=late.period,
        at=now,
        what=late.what,
        numbers=late.detail,
        tz=feed.terms_for(feed.parse_period(late.period)).tz,
    )


def _received(
    tx: Transaction, row: BatchRow, bad: tuple[BadRow, ...], now: datetime
) -> Received | None:
    expects = expected.find_expected(tx, row.subject, row.period)
    if expects is None or not expects.notifies or now > expects.cutoff_at:
        return None
    read = {each.get("delivery") for each in row.origin.get("deliveries", ())}
    files = [d for d in deliveries.deliveries_of(tx, row.subject, row.period) if d.seq in read]
    told = [each for each in row.findings if isinstance(each, Mapping)]
    critical = [str(each.get("message")) for each in told if each.get("severity") == "critical"]
    return Received(
        subject=row.batch_id,
        period=row.period,
        at=row.status_at,
        due_at=expects.due_at,
        accepted=row.status == "PUBLISHED",
        arrived_at=expects.complete_at,
        files=tuple(_file(each) for each in files),
        rows=row.rows_in_file,
        rows_bad=row.rows_quarantined,
        reasons=() if row.status == "PUBLISHED" else tuple(critical),
        bad_rows=bad,
    )


def _bad_rows(ctx: Intake, feed: Feed, row: BatchRow) -> Iterable[BadRow]:
    if not row.rows_quarantined:
        return []
    from wharf.reading.quarantine import first_rows

    kept = ctx.lake.eraser.rows_of(ctx.lake.read_batch(row.table, row.period, row.batch_id))
    if kept is None:
        return []
    hides = bool(feed.sensitive)
    with ctx.lake.storage.open(kept.uri) as file:
        found = first_rows(file, MOST_BAD_ROWS + 1)
    return [
        BadRow(
            file=str(each["file"]),
            line=int(each["line"]),
            column=str(each["column"] or ""),
            reason=str(each["reason"]),
            raw="" if hides else str(each["raw"] or ""),
        )
        for each in found
    ]


def _wanting(feeds: Mapping[str, Feed], status: str) -> Iterator[str]:
    """Feeds whose supplier wants to hear of batches of this status."""
    for name, feed in feeds.items():
        contacts = feed.supplier.contacts
        if contacts and (contacts.receipt if status == "PUBLISHED" else contacts.rejection):
            yield name


def _key(feed: str, period: str, status: str, subject: str) -> str:
    kind = "receipt" if status == "PUBLISHED" else "rejection"
    return f"supplier:{feed}:{period}:{kind}:{subject}"


def _file(each: Delivery) -> File:
    return File(each.path.rpartition("/")[2], each.size, each.sha256)


def _last_good(tx: Transaction, feed: Feed, period: str) -> str:
    return supplier_mails.last_published(tx, feed.feed, feed.parse_period(period).first.isoformat())
