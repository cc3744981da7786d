"""Learned arrival times: when a feed usually comes, by the kind of day. They warn, and no more."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from wharf.contracts import Period
from wharf.timeliness.calendars import OpenDays
from wharf.timeliness.quantiles import quantile, spread

ALL = "all"
WINDOW = 60
MIN_N = 14
LONG_AFTER = timedelta(days=1)
"""What comes this long after its cut-off is history being filled up, not an arrival."""
AT_ONCE = 3
"""So many periods of a feed seen at one instant were taken in together."""
SEEN_WITHIN = timedelta(minutes=10)
"""Looks further apart than this do not say when something came."""
_BY_DAY = frozenset({"hour", "day", "business_day"})
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class PastArrival:
    """One complete delivery of the past, and what speaks against learning from it."""

    period: str
    first: date
    """The period's first day."""
    due_at: datetime
    cutoff_at: datetime
    arrived_at: datetime
    stratum: str = ALL
    is_restated: bool = False
    not_usual_because: str = ""
    """Why it teaches nothing: waived, or we could not see when it came."""

    @property
    def after_due(self) -> timedelta:
        """From due to arrival; negative when it came in time.

        Not from opening: a Friday's delivery that is due on Monday opens three days before.
        """
        return self.arrived_at - self.due_at


@dataclass(frozen=True)
class Usual:
    """When deliveries usually are complete, counted from due."""

    n: int
    """How many deliveries this was learned from."""
    p50: timedelta
    p95: timedelta
    mad: timedelta
    """Median distance from p50."""
    stratum: str = ALL


def stratum_of(period: Period, days: OpenDays) -> str:
    """The kind of day a period is for: `monday`, `midweek` or `weekend`, the month's first or last.

    Args:
        period: The period; a week or longer has one stratum only.
        days: Open days of the feed's calendar: its first and last of a month stand alone.
    """
    if period.kind not in _BY_DAY:
        return ALL
    day = period.first
    name = "weekend" if day.weekday() > 4 else "midweek" if day.weekday() else "monday"
    month_ends = (day.replace(day=28) + timedelta(days=4)).replace(day=1) - _DAY
    if not any(days.is_open(each) for each in _until(day.replace(day=1), day - _DAY)):
        return f"{name} first"
    if not any(days.is_open(each) for each in _until(day + _DAY, month_ends)):
        return f"{name} last"
    return name


def why_not_usual(
    opens_at: datetime,
    arrived_at: datetime,
    states: Iterable[tuple[datetime, str]],
    last_look: datetime | None,
) -> str:
    """Why nothing can be learned from when a delivery came; empty when something can.

    Args:
        opens_at: When it opened.
        arrived_at: When it was first seen complete.
        states: What was recorded of its timeliness, and when.
        last_look: The last good look at its source before it was seen.
    """
    before = [state for at, state in states if at <= arrived_at]
    if "NOT_EXPECTED" in before:
        return "it was not expected for a while"
    if "UNKNOWN" in before:
        return "our looks at the source failed"
    if arrived_at > opens_at + SEEN_WITHIN and not before:
        return "it was there already when we first looked for it"
    if last_look is None or arrived_at - last_look > SEEN_WITHIN:
        return "nobody looked at the source for a while before"
    return ""


def eligible(history: Iterable[PastArrival], min_n: int = MIN_N) -> list[PastArrival]:
    """The deliveries worth learning from, oldest first.

    Left out are those waived or not seen to come, those that came long after their cut-off, and
    those taken in together. One restated later counts, by its first version, only where there are
    too few others.

    Args:
        history: In any order; of a period that is named twice, the earlier arrival counts.
        min_n: How many others are enough.
    """
    earliest: dict[str, PastArrival] = {}
    for each in sorted(history, key=lambda one: (one.arrived_at, one.not_usual_because)):
        earliest.setdefault(each.period, each)
    together = Counter(each.arrived_at for each in earliest.values())
    found = [
        each
        for each in sorted(earliest.values(), key=lambda one: (one.first, one.period))
        if not each.not_usual_because
        and each.arrived_at <= each.cutoff_at + LONG_AFTER
        and together[each.arrived_at] < AT_ONCE
    ]
    as_sent = [each for each in found if not each.is_restated]
    return as_sent if len(as_sent) >= min_n else found


def learn(
    history: Iterable[PastArrival], window: int = WINDOW, min_n: int = MIN_N
) -> dict[str, Usual]:
    """When a feed usually comes: over all its periods, and for each stratum with enough of them.

    Args:
        history: Past deliveries in any order.
        window: How many of the newest eligible ones of a stratum count.
        min_n: How many it takes at least.

    Returns:
        By stratum, `all` for the whole feed; nothing where too few are eligible.
    """
    known = eligible(history, min_n)
    groups: dict[str, list[PastArrival]] = {ALL: known}
    for each in known:
        if each.stratum != ALL:
            groups.setdefault(each.stratum, []).append(each)
    found = {}
    for stratum, group in groups.items():
        usual = _usual([each.after_due for each in group[-window:]], stratum)
        if usual is not None and usual.n >= min_n:
            found[stratum] = usual
    return found


def usual_for(usuals: Mapping[str, Usual], stratum: str) -> Usual | None:
    """What was learned for a stratum, else for the whole feed, else None."""
    return usuals.get(stratum) or usuals.get(ALL)


def usual_by(usual: Usual | None, due_at: datetime) -> datetime | None:
    """By when a delivery that is due at an instant comes in 19 of 20 cases, to the next second."""
    if usual is None:
        return None
    return due_at - _SECOND * ((-usual.p95) // _SECOND)


def describe(usual: Usual | None, due_at: datetime, tz: str) -> str:
    """`usually by 05:52, p95 06:10` on the feed's clock; empty when nothing was learned.

    A weekday stands with each time that is not on the day when it is due.

    Args:
        usual: What was learned.
        due_at: When the delivery in question is due.
        tz: IANA zone of the feed.
    """
    if usual is None:
        return ""
    zone = ZoneInfo(tz)
    p50, p95 = (_up(due_at + span).astimezone(zone) for span in (usual.p50, usual.p95))
    is_plain = p50.date() == p95.date() == due_at.astimezone(zone).date()
    form = "%H:%M" if is_plain else "%a %H:%M"
    return f"usually by {p50:{form}}, p95 {p95:{form}}"


def _usual(spans: Sequence[timedelta], stratum: str) -> Usual | None:
    p50, p95, mad = quantile(spans, 0.5), quantile(spans, 0.95), spread(spans)
    if p50 is None or p95 is None or mad is None:
        return None
    return Usual(len(spans), p50, p95, mad, stratum)


def _until(first: date, last: date) -> list[date]:
    return [first + timedelta(days=each) for each in range((last - first).days + 1)]


def _up(at: datetime) -> datetime:
    """The next whole minute."""
    seconds = math.ceil(at.timestamp() / _MINUTE.total_seconds()) * _MINUTE.total_seconds()
    return datetime.fromtimestamp(seconds, at.tzinfo)
