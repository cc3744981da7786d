"""Scorecards: how a supplier kept its promises, from what became of its expected deliveries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from wharf.timeliness.quantiles import quantile

COUNTED = ("ON_TIME", "LATE_ARRIVED", "LATE", "MISSING")
BROKEN = frozenset({"LATE_ARRIVED", "LATE", "MISSING"})


@dataclass(frozen=True)
class Outcome:
    """What became of one expected delivery."""

    feed: str
    period: str
    first: date
    """The period's first day."""
    timeliness: str
    due_at: datetime
    complete_at: datetime | None = None
    late_by: timedelta | None = None
    """From due to when it came, as the feed is judged; None in time, and while it has not come."""
    seen_after: timedelta | None = None
    """How long its first file lay at the source before we saw it; our own doing."""

    @property
    def supplier(self) -> str:
        """The supplier's id."""
        return self.feed.partition(".")[0]

    @property
    def month(self) -> str:
        """The month of the period's first day, `2026-11`."""
        return f"{self.first:%Y-%m}"

    @property
    def is_late(self) -> bool:
        """Whether the promise is broken: it came late, or has not come and the alarm rang."""
        return self.timeliness in BROKEN

    @property
    def after_due(self) -> timedelta | None:
        """From due to complete arrival; negative is early."""
        return None if self.complete_at is None else self.complete_at - self.due_at


@dataclass(frozen=True)
class Score:
    """How one supplier or feed kept its promises in a month, or over all months."""

    subject: str
    """A supplier's id or a feed's name."""
    month: str
    """`2026-11`; empty over all months."""
    on_time: int = 0
    late_arrived: int = 0
    waiting: int = 0
    """Late, and neither come nor past the cut-off yet."""
    missing: int = 0
    blind: int = 0
    """Not judged, because our looks at the source failed; they count for nothing else."""
    p50: timedelta | None = None
    """Median of due to complete arrival; negative is early."""
    p95: timedelta | None = None
    worst: timedelta | None = None
    """The longest lateness of what came."""
    creep: timedelta | None = None
    """How far the median moved since the month before; None where that is not known."""
    streak: int = 0
    """Periods late in a row, up to the last one; of a supplier, its worst feed's."""
    longest_streak: int = 0
    detection_p95: timedelta | None = None
    """In 19 of 20 cases we saw a file this soon after it lay there: our own indicator."""
    last_due_at: datetime | None = None

    @property
    def expected(self) -> int:
        """Deliveries that are judged."""
        return self.on_time + self.late_arrived + self.waiting + self.missing

    @property
    def breaches(self) -> int:
        """Broken promises that are certain: came late, or missing at the cut-off."""
        return self.late_arrived + self.missing

    @property
    def on_time_rate(self) -> float | None:
        """Share of the judged deliveries that came in time; None without any."""
        return self.on_time / self.expected if self.expected else None


@dataclass(frozen=True)
class Streak:
    """How many periods in a row are late up to one, and how many of those never came."""

    late: int = 0
    missed: int = 0


def score(outcomes: Iterable[Outcome], subject: str = "", month: str = "") -> Score:
    """Count and measure outcomes, in any order.

    Args:
        outcomes: Of one subject and stretch of time.
        subject: Whose they are; only copied.
        month: Of which month; only copied.
    """
    found = list(outcomes)
    of = {state: sum(each.timeliness == state for each in found) for state in COUNTED}
    judged = [each for each in found if each.timeliness in COUNTED]
    arrived = [span for each in judged if (span := each.after_due) is not None]
    seen = [each.seen_after for each in found if each.seen_after is not None]
    streaks = [_streaks(each) for each in _by_feed(found).values()]
    return Score(
        subject=subject,
        month=month,
        on_time=of["ON_TIME"],
        late_arrived=of["LATE_ARRIVED"],
        waiting=of["LATE"],
        missing=of["MISSING"],
        blind=sum(each.timeliness == "UNKNOWN" for each in found),
        p50=quantile(arrived, 0.5),
        p95=quantile(arrived, 0.95),
        worst=max((each.late_by for each in found if each.late_by is not None), default=None),
        streak=max((now for now, _ in streaks), default=0),
        longest_streak=max((longest for _, longest in streaks), default=0),
        detection_p95=quantile(seen, 0.95),
        last_due_at=max((each.due_at for each in judged), default=None),
    )


def scores(
    outcomes: Iterable[Outcome], by: Literal["feed", "supplier"] = "feed"
) -> dict[str, list[Score]]:
    """The scores of each subject: one over all months first, then month by month, oldest first.

    Args:
        outcomes: Of any feeds, in any order.
        by: Whether a subject is a feed or a supplier.
    """
    groups: dict[str, list[Outcome]] = {}
    for each in outcomes:
        groups.setdefault(each.feed if by == "feed" else each.supplier, []).append(each)
    return {
        subject: [score(groups[subject], subject), *_months(groups[subject], subject)]
        for subject in sorted(groups)
    }


def streak_of(outcomes: Iterable[Outcome]) -> Streak:
    """The streak of one feed up to its last judged period.

    Periods that were not expected, are not due, or that we could not see neither end a streak
    nor make it longer.
    """
    late = missed = 0
    for each in sorted(outcomes, key=_order, reverse=True):
        if each.timeliness == "ON_TIME":
            break
        late += each.is_late
        missed += each.timeliness == "MISSING"
    return Streak(late, missed)


def clock_text(due_at: datetime, span: timedelta, tz: str) -> str:
    """The local time of day that lies a span after due, with its weekday on another day.

    Args:
        due_at: A due time of the subject.
        span: From due; negative is before.
        tz: IANA zone.
    """
    zone = ZoneInfo(tz)
    due, at = due_at.astimezone(zone), (due_at + span).astimezone(zone)
    return f"{at:%H:%M}" if at.date() == due.date() else f"{at:%a %H:%M}"


def _months(outcomes: Sequence[Outcome], subject: str) -> list[Score]:
    groups: dict[str, list[Outcome]] = {}
    for each in outcomes:
        groups.setdefault(each.month, []).append(each)
    found: list[Score] = []
    for month in sorted(groups):
        one = score(groups[month], subject, month)
        before = found[-1].p50 if found else None
        moved = one.p50 - before if one.p50 is not None and before is not None else None
        found.append(replace(one, creep=moved))
    return found


def _by_feed(outcomes: Iterable[Outcome]) -> Mapping[str, list[Outcome]]:
    groups: dict[str, list[Outcome]] = {}
    for each in outcomes:
        groups.setdefault(each.feed, []).append(each)
    return groups


def _order(outcome: Outcome) -> tuple[date, str]:
    return outcome.first, outcome.period


def _streaks(outcomes: Iterable[Outcome]) -> tuple[int, int]:
    """The streak up to the last judged period, and the longest there was."""
    now = longest = 0
    for each in sorted(outcomes, key=_order):
        if each.timeliness == "ON_TIME":
            now = 0
        elif each.is_late:
            now += 1
            longest = max(longest, now)
    return now, longest
