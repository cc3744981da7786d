"""Learning when feeds usually come: anew for those whose deliveries were decided meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from wharf.contracts import Feed, Period, Project
from wharf.errors import ContractError, PeriodError
from wharf.ledger import Ledger, Transaction, learned
from wharf.ledger.rows import ExpectedDelivery
from wharf.timeliness import calendars
from wharf.timeliness.learned import PastArrival, Usual, learn, stratum_of, why_not_usual
from wharf.timeliness.points import clock_points
from wharf.watch.promises import Promises

log = logging.getLogger(__name__)

EVENTS_AT_ONCE = 2000
FEEDS_AT_ONCE = 25
LOOKS_KNOWN = timedelta(days=2)
"""Of what came longer ago the looks are not searched any more: there are too many since."""
STRATA = 7
"""A stratum's window is filled from this many times as many deliveries."""


def learn_decided(ledger: Ledger, promises: Promises, now: datetime) -> int:
    """Learn from deliveries decided since the last time, of a few feeds at once.

    What is left is learned by the next tick; nothing depends on it the same minute.

    Returns:
        Of how many feeds something was learned anew.
    """
    with ledger.read() as tx:
        decided = learned.decided_since_bookmark(tx, EVENTS_AT_ONCE, FEEDS_AT_ONCE)
        mine = {name: rows for name, rows in decided.rows.items() if name in promises.feeds}
        reasons = _reasons(tx, promises, [row for rows in mine.values() for row in rows], now)
    if not decided.read:
        return 0
    with ledger.write() as tx:
        learned.mark_not_usual(tx, reasons)
    learn_feeds(ledger, promises, mine, now)
    with ledger.write() as tx:
        learned.set_bookmark(tx, decided.through)
    return len(mine)


def learn_feeds(
    ledger: Ledger, promises: Promises, names: Iterable[str], now: datetime
) -> dict[str, Mapping[str, Usual]]:
    """Learn some feeds anew from all that is known of their past; gives what was learned."""
    found: dict[str, Mapping[str, Usual]] = {}
    newest: dict[str, str] = {}
    with ledger.read() as tx:
        for name in names:
            feed = promises.feeds[name]
            try:
                history = past_of(tx, promises.project, feed)
            except ContractError as error:
                log.warning("nothing is learned of %s: %s", name, error)
                continue
            found[name] = learn(history, feed.learned.window, feed.learned.min_n)
            newest[name] = max((each.period for each in history), default="")
    with ledger.write() as tx:
        for name, usuals in found.items():
            learned.store_usuals(tx, name, usuals, newest[name], now)
    return found


def past_of(
    tx: Transaction, project: Project, feed: Feed, limit: int | None = None
) -> list[PastArrival]:
    """The past of a feed, measured by the clock points that its terms in force would have given.

    So a contract whose due time moves does not make the usual arrival jump.

    Args:
        tx: A transaction.
        project: Its calendars.
        feed: The contract in force.
        limit: How many of the newest deliveries at most; as a rule enough for every stratum.
    """
    seen = learned.observed(tx, feed.feed, limit or feed.learned.window * STRATA)
    calendar = project.calendars.get(feed.period.calendar or "")
    days = calendars.open_days(calendar, feed.period.kind)
    periods = [(each, period) for each in seen if (period := period_of(feed, each.period))]
    if not periods:
        return []
    terms = feed.terms_for(periods[-1][1])
    return [
        PastArrival(
            period=each.period,
            first=period.first,
            due_at=points.due_at,
            cutoff_at=points.cutoff_at,
            arrived_at=each.arrived_at,
            stratum=stratum_of(period, days),
            is_restated=each.is_restated,
            not_usual_because=each.not_usual_because,
        )
        for each, period in periods
        for points in [clock_points(terms, period, days, on_holiday=feed.period.on_holiday)]
    ]


def _reasons(
    tx: Transaction, promises: Promises, rows: Sequence[ExpectedDelivery], now: datetime
) -> dict[int, str]:
    """Why nothing is learned from rows, by their ids."""
    states = learned.states_before(tx, [row.id for row in rows])
    looks: dict[tuple[str, datetime], datetime | None] = {}
    found: dict[int, str] = {}
    for row in rows:
        if row.complete_at is None:
            continue
        at = (promises.feeds[row.feed].source.connection, row.complete_at)
        if at not in looks:
            is_old = now - row.complete_at > LOOKS_KNOWN
            looks[at] = row.complete_at if is_old else learned.last_good_look(tx, *at)
        found[row.id] = why_not_usual(
            row.opens_at, row.complete_at, states.get(row.id, ()), looks[at]
        )
    return found


def period_of(feed: Feed, key: str) -> Period | None:
    """The period of a key; None for one of a kind that the contract had before."""
    try:
        return Period.parse(feed.period.kind, key)
    except PeriodError:
        return None
