"""Other terms to think about: what the rehearsed past speaks for, in sentences."""

from __future__ import annotations

from collections import defaultdict

from wharf.timeliness.habits import Came, History
from wharf.timeliness.suggest import suggest
from wharf.watch.rehearse.figures import CLOSED
from wharf.watch.rehearse.outcome import Expected, Outcome


def propose(outcome: Outcome) -> tuple[str, ...]:
    """Deadlines, seasons and holidays that the past of the rehearsed feeds speaks for."""
    rows: dict[str, list[Expected]] = defaultdict(list)
    for each in outcome.expected:
        if each.row.timeliness != CLOSED and each.row.due_at <= outcome.until:
            rows[each.row.feed].append(each)
    histories = []
    for feed in outcome.feeds:
        periods = {each.row.period: feed.parse_period(each.row.period) for each in rows[feed.feed]}
        came = tuple(
            Came(
                periods[each.row.period],
                each.row.due_at,
                each.row.submitted_at
                if each.row.judge_by == "submission"
                else each.row.complete_at,
            )
            for each in rows[feed.feed]
        )
        if came:
            terms = feed.terms_for(max(periods.values()))
            days = outcome.days[feed.feed]
            histories.append(History(feed.feed, terms, days, came, feed.period.on_holiday))
    return suggest(histories).sentences()
