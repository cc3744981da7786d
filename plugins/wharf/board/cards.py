"""Scorecards: how a supplier or feed kept its promises month by month, and the same as files."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from wharf.board.promised import Promised
from wharf.contracts import Feed
from wharf.ledger import Transaction, scorecard
from wharf.spreadsheet import guarded
from wharf.timeliness.scorecard import Score, clock_text, scores

MONTHS = (3, 6, 12, 24)
VERSION = 1
COLUMNS = (
    "subject", "month", "expected", "on_time", "late_arrived", "waiting", "missing", "blind",
    "on_time_rate", "p50_s", "p95_s", "worst_s", "creep_s", "streak", "longest_streak",
    "detection_p95_s",
)  # fmt: skip


@dataclass(frozen=True)
class Card:
    """The scorecard of a supplier or a feed."""

    subject: str
    supplier: str
    name: str
    months: int
    """How many months it goes back."""
    total: Score
    by_month: Sequence[Score]
    feeds: Sequence[tuple[Feed, Score]]
    """The supplier's feeds over all months, the least punctual first."""
    tz: str

    @property
    def rows(self) -> list[Score]:
        """All months first, then month by month."""
        return [self.total, *self.by_month]

    def clock(self, lateness: timedelta | None) -> str:
        """A time from due as a time of day; only where there is one feed with one clock."""
        due = self.total.last_due_at
        if lateness is None or due is None or len(self.feeds) != 1:
            return ""
        return clock_text(due, lateness, self.tz)


def read_card(
    tx: Transaction, promised: Promised, subject: str, months: int, now: datetime
) -> Card | None:
    """Make the scorecard of a supplier's id or a feed's name; None where nobody has it."""
    feeds = [feed for feed in promised.feeds.values() if subject in (feed.supplier_id, feed.feed)]
    if not feeds:
        return None
    found = scorecard.outcomes(tx, [f.feed for f in feeds], _first(now.date(), months), now.date())
    own = scores(found, by="feed")
    by: Literal["feed", "supplier"] = "feed" if subject in promised.feeds else "supplier"
    total, *by_month = scores(found, by=by).get(subject) or [Score(subject, "")]
    rated = [(feed, own.get(feed.feed, [Score(feed.feed, "")])[0]) for feed in feeds]
    return Card(
        subject=subject,
        supplier=feeds[0].supplier_id,
        name=feeds[0].supplier.name or feeds[0].supplier_id,
        months=months,
        total=total,
        by_month=by_month,
        feeds=sorted(rated, key=_least_punctual_first),
        tz=feeds[0].timeliness[-1].tz,
    )


def _least_punctual_first(rated: tuple[Feed, Score]) -> tuple[float, str]:
    share = rated[1].on_time_rate
    return (2.0 if share is None else share), rated[0].feed


def _first(today: date, months: int) -> date:
    """The first day of the month so many months back, this one among them."""
    month = today.year * 12 + today.month - months
    return date(month // 12, month % 12 + 1, 1)


def as_csv(rows: Iterable[Score]) -> str:
    """Scores as CSV, times in seconds."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {name: guarded(value) for name, value in _values(each).items()} for each in rows
    )
    return text.getvalue()


def as_json(card: Card) -> str:
    """A scorecard as JSON, times in seconds."""
    return json.dumps(
        {
            "version": VERSION,
            "subject": card.subject,
            "supplier": card.supplier,
            "total": _values(card.total),
            "months": [_values(each) for each in card.by_month],
            "feeds": [_values(each) for _, each in card.feeds],
        },
        indent=1,
    )


def _values(each: Score) -> dict[str, Any]:
    given = {name: getattr(each, name.removesuffix("_s")) for name in COLUMNS}
    return {
        name: value.total_seconds() if isinstance(value, timedelta) else value
        for name, value in given.items()
    }
