"""What the past of feeds in the ledger speaks for: other deadlines, seasons, holidays, creep."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from wharf.contracts import Feed, Project
from wharf.errors import ContractError
from wharf.ledger import Transaction, learned
from wharf.timeliness import calendars
from wharf.timeliness.creep import creep, creep_text
from wharf.timeliness.horizon import BACK, is_expected
from wharf.timeliness.points import clock_points
from wharf.timeliness.suggest import Came, History, Suggestions, suggest
from wharf.watch.learn import past_of, period_of
from wharf.watch.promises import Promises


def suggestions(tx: Transaction, promises: Promises, names: Iterable[str]) -> Suggestions:
    """Proposals for some feeds from all that is known of their past."""
    feeds = [promises.feeds[name] for name in names]
    return suggest(_history(tx, promises.project, feed) for feed in feeds)


def creep_lines(tx: Transaction, promises: Promises, now: datetime) -> dict[str, str]:
    """By feed, a line for a digest: it comes later, or earlier, than it used to.

    Args:
        tx: A reading transaction.
        promises: Contracts in force.
        now: Of feeds on trial, and of those that brought nothing for 35 days, nothing is said.
    """
    found: dict[str, str] = {}
    for name, feed in sorted(promises.feeds.items()):
        if feed.active.trial:
            continue
        try:
            past = past_of(tx, promises.project, feed, 2 * feed.learned.window)
        except ContractError:
            continue
        known = [each for each in past if each.arrived_at <= now]
        if not any(now - each.arrived_at <= BACK for each in known):
            continue
        moved = creep(known, feed.learned.window, feed.learned.min_n)
        if moved is not None:
            found[name] = creep_text(name, moved)
    return found


def _history(tx: Transaction, project: Project, feed: Feed) -> History:
    calendar = project.calendars.get(feed.period.calendar or "")
    days = calendars.open_days(calendar, feed.period.kind)
    came = []
    for each in learned.outcomes_of(tx, feed.feed):
        period = period_of(feed, each.period)
        if period is None or not is_expected(feed, period, days):
            continue
        at = each.arrived_at
        if feed.terms_for(period).judge_by == "submission" and each.submitted_at:
            at = each.submitted_at
        due_at = each.due_at or clock_points(feed, period, days).due_at
        came.append(Came(period, due_at, at))
    terms = feed.terms_for(max(one.period for one in came)) if came else feed.timeliness[-1]
    return History(feed.feed, terms, days, tuple(came), feed.period.on_holiday)
