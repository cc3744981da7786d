"""What a rehearsed past speaks for: other deadlines, seasons, holidays. Sentences, no changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from wharf.contracts import Feed
from wharf.timeliness.calendars import open_days
from wharf.timeliness.suggest import Came, History, suggest
from wharf.watch.rehearse.outcome import Expected, Outcome

CLOSED = "NOT_EXPECTED"


def propose(outcome: Outcome) -> tuple[str, ...]:
    """One sentence for each proposal, the ones about all feeds first."""
    mine: dict[str, list[Expected]] = defaultdict(list)
    for each in outcome.expected:
        if each.row.timeliness != CLOSED and each.row.due_at <= outcome.until:
            mine[each.row.feed].append(each)
    return suggest(_history(outcome, feed, mine[feed.feed]) for feed in outcome.feeds).sentences()


def _history(outcome: Outcome, feed: Feed, rows: Sequence[Expected]) -> History:
    came = []
    for each in rows:
        submitted = each.row.judge_by == "submission"
        at = each.row.submitted_at if submitted else each.row.complete_at
        came.append(Came(feed.parse_period(each.row.period), each.row.due_at, at))
    terms = feed.terms_for(max(one.period for one in came)) if came else feed.timeliness[-1]
    calendar = outcome.calendars.get(feed.period.calendar or "")
    days = open_days(calendar, feed.period.kind)
    return History(feed.feed, terms, days, tuple(came), feed.period.on_holiday)
