"""Once a day: a digest of what nobody was told alone, and the ends that a channel did not hear."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from wharf.alerts import Link, Notice
from wharf.contracts.alerts import Channel
from wharf.ledger import Ledger, Transaction, conversations, digests, outbox
from wharf.ledger import incidents as rows
from wharf.ledger.rows import ExpectedDelivery, Incident, Outgoing
from wharf.settings import Settings
from wharf.timeliness.incidents import dedup_key
from wharf.timeliness.points import to_utc
from wharf.watch import notices
from wharf.watch.promises import Promises
from wharf.watch.suggested import creep_lines

RECONCILES_AT = time(3)
"""In UTC: when ends of incidents are sent again to channels that did not take them."""
MOST_LINES = 100
MOST_REMARKS = 3
_MONDAY = 0


@dataclass(frozen=True)
class _News:
    """What digests are made of, before each channel takes its part."""

    open: Sequence[Incident]
    at_risk: Sequence[ExpectedDelivery]
    failed: dict[str, int]
    creeps: dict[str, str]
    """Feeds that come later and later, each with its line."""


@dataclass(frozen=True)
class _Due:
    """One day's turn."""

    day: date
    since: datetime
    """The turn before; whatever came after it is new."""
    at: datetime


def do_daily(
    ledger: Ledger, promises: Promises, settings: Settings, previous: datetime | None, now: datetime
) -> int:
    """Queue what is due once a day, if its time has come since the tick before.

    Returns:
        How many messages were queued.
    """
    if previous is None or not settings.sends_outside:
        return 0
    channels = [
        (channel, due)
        for channel in promises.project.routing.channels
        if channel.digest is not None
        and (due := _passed(previous, now, channel.digest, channel.digest_tz)) is not None
    ]
    ends = _passed(previous, now, RECONCILES_AT, "UTC")
    if ends is None and not channels:
        return 0
    found: list[Outgoing] = []
    with ledger.read() as tx:
        if channels:
            weekly = any(each.day.weekday() == _MONDAY for _, each in channels)
            news = _gather(tx, promises, now, weekly)
            found += [
                message
                for channel, due in channels
                if (message := _digest(tx, channel, due, news, promises, settings, now)) is not None
            ]
        if ends is not None:
            found += _ends(tx, ends.day, now)
    with ledger.write() as tx:
        return outbox.queue_messages(tx, found)


def _passed(previous: datetime, now: datetime, clock: time, tz: str) -> _Due | None:
    """The last moment of a time of day, if it came after the tick before."""
    since, _ = _latest(previous, clock, tz)
    at, day = _latest(now, clock, tz)
    return _Due(day, since, at) if at > since else None


def _latest(now: datetime, clock: time, tz: str) -> tuple[datetime, date]:
    """When it was that time of day last, and on which local day."""
    today = now.astimezone(ZoneInfo(tz)).date()
    moments = [
        (to_utc(datetime.combine(day, clock), tz, "first"), day)
        for day in (today, today - timedelta(days=1), today - timedelta(days=2))
    ]
    return next(each for each in moments if each[0] <= now)


def _gather(tx: Transaction, promises: Promises, now: datetime, weekly: bool) -> _News:
    return _News(
        open=digests.worst_open(tx),
        at_risk=digests.at_risk(tx, now),
        failed=outbox.failed_since(tx, now - timedelta(days=1)),
        creeps=creep_lines(tx, promises, now) if weekly else {},
    )


def _digest(
    tx: Transaction,
    channel: Channel,
    due: _Due,
    news: _News,
    promises: Promises,
    settings: Settings,
    now: datetime,
) -> Outgoing | None:
    """One channel's digest; none when there is nothing to say."""
    lines = (*_lines(channel, news, promises), *_noted(tx, channel, due, promises))
    if not lines:
        return None
    more = len(lines) - MOST_LINES
    shown = (*lines[:MOST_LINES], f"and {more} more") if more > 0 else lines
    key = dedup_key(settings.env, "digest", channel.name, due.day.isoformat())
    notice = Notice(
        key=key,
        number=1,
        env=settings.env,
        action="digest",
        kind="digest",
        level="L0",
        supplier="",
        feed="",
        period="",
        at=now,
        what=f"daily digest of {due.day}: {len(lines)} thing{'s' if lines[1:] else ''} to know",
        tz=channel.digest_tz,
        links=(Link("the board", f"{settings.airflow_url}/wharf/"),),
        lines=shown,
    )
    return Outgoing(key, channel.name, notice.to_json(), now)


def _lines(channel: Channel, news: _News, promises: Promises) -> Iterable[str]:
    def hears(supplier: str, feed: str) -> bool:
        return channel.takes(supplier, channel.min_level, feed, "digest")

    for each in news.open:
        if hears(each.supplier, each.feed):
            since = f"{each.opened_at.astimezone(UTC):%Y-%m-%d %H:%M}Z"
            yield f"open since {since}, {each.level}: {each.what}"
    for row in news.at_risk:
        if row.feed in promises.feeds and hears(promises.feeds[row.feed].supplier_id, row.feed):
            yield f"at risk: {row.feed} {row.period}, {row.reason}"
    for name, text in news.creeps.items():
        if hears(promises.feeds[name].supplier_id, name):
            yield text
    for name, count in sorted(news.failed.items()):
        yield f"{count} message{'s' if count > 1 else ''} to channel {name} failed for good"


def _noted(tx: Transaction, channel: Channel, due: _Due, promises: Promises) -> Iterator[str]:
    """One line for each batch of which an audit noted something since the digest before."""
    for each in digests.remarks(tx, due.since, due.at):
        feed = promises.feeds.get(each.subject)
        about = (feed.supplier_id, channel.min_level, feed.feed) if feed else ("", "L3", "")
        if channel.takes(*about, "digest"):
            more = len(each.said) - MOST_REMARKS
            said = [*each.said[:MOST_REMARKS], *([f"and {more} more"] if more > 0 else [])]
            yield f"noted in {each.subject} {each.period}: {'; '.join(said)}"


def _ends(tx: Transaction, day: date, now: datetime) -> list[Outgoing]:
    """Ends of incidents for every conversation that is open elsewhere and closed here."""
    left = conversations.ends_not_told(tx)
    ids = {each.incident_id for each in left}
    incidents, last = rows.incidents_by_id(tx, ids), outbox.last_messages(tx, ids)
    found: list[Outgoing] = []
    for each in left:
        incident = incidents[each.incident_id]
        message = last.get((incident.id, each.channel))
        if message is None:
            continue
        notice = notices.again(Notice.from_json(message.notice), "resolve", now, incident.what)
        mark = f"{notice.number}.end.{day.isoformat()}"
        found += notices.outgoing(incident, notice, [each.channel], now, mark=mark)
    return found
