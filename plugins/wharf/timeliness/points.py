"""Clock points: the instants of a promise for one period, exact across daylight saving."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

from wharf.contracts import ClockPoint, Feed, Period, Terms
from wharf.contracts.product import ProductTerms
from wharf.timeliness.calendars import OpenDays

Ambiguous = Literal["first", "last"]
_MIDNIGHT = ClockPoint("T", 0, "d", time())


@dataclass(frozen=True)
class ClockPoints:
    """The instants of one expected delivery, in UTC."""

    opens_at: datetime
    warn_at: datetime
    due_at: datetime
    late_at: datetime
    cutoff_at: datetime
    expected_at: datetime | None = None

    def disorder(self) -> list[str]:
        """Which points come in the wrong order, as sentences; empty when all is well."""
        named = {
            "opens": self.opens_at,
            "expected": self.expected_at or self.warn_at,
            "warn": self.warn_at,
            "due": self.due_at,
            "due + grace": self.late_at,
        }
        found = [
            f"{later} ({named[later]:%Y-%m-%d %H:%M}Z) comes before {earlier}"
            for earlier, later in pairwise(named)
            if named[later] < named[earlier]
        ]
        if self.cutoff_at <= self.late_at:
            found.append(f"cutoff ({self.cutoff_at:%Y-%m-%d %H:%M}Z) comes not after due + grace")
        return found


@dataclass(frozen=True)
class ProductPoints:
    """The instants of one period of a product, in UTC."""

    period: Period
    tz: str
    days: OpenDays
    opens_at: datetime
    decide_at: datetime
    due_at: datetime
    cutoff_at: datetime

    def resolve(self, point: ClockPoint) -> datetime:
        """The instant of another point of this period, such as an edge's own `wait`."""
        return resolve(point, self.tz, self.period, self.days, ambiguous="last")


def clock_points(
    promise: Feed | Terms, period: Period, days: OpenDays, *, on_holiday: str = "skip"
) -> ClockPoints:
    """The clock points of one period.

    Args:
        promise: A feed (its terms and holiday rule are used), or bare terms.
        period: The period of the data.
        days: Open days of the feed's calendar.
        on_holiday: With bare terms: what a closed due day does (`roll_forward`, `roll_back`).
    """
    if isinstance(promise, Feed):
        terms, on_holiday = promise.terms_for(period), promise.period.on_holiday
    else:
        terms = promise
    moved = _days_moved(terms, period, days, on_holiday)

    def at(point: ClockPoint, ambiguous: Ambiguous, move: int = moved) -> datetime:
        return resolve(point, terms.tz, period, days, ambiguous=ambiguous, move=move)

    due_at = at(terms.due, "last")
    warn_at = at(terms.warn, "first") if terms.warn else due_at
    return ClockPoints(
        # A period rolled forward opens when it always does: coming early is no fault.
        opens_at=at(terms.opens, "first", min(moved, 0)),
        expected_at=at(terms.expected, "first") if terms.expected else warn_at,
        warn_at=warn_at,
        due_at=due_at,
        late_at=due_at + terms.grace,
        cutoff_at=at(terms.cutoff, "last"),
    )


def product_points(terms: ProductTerms, period: Period, days: OpenDays) -> ProductPoints:
    """The instants of one period of a product; it opens at local midnight of its first day."""
    return ProductPoints(
        period=period,
        tz=terms.tz,
        days=days,
        opens_at=resolve(_MIDNIGHT, terms.tz, period, days),
        decide_at=resolve(terms.decide_at, terms.tz, period, days, ambiguous="last"),
        due_at=resolve(terms.due, terms.tz, period, days, ambiguous="last"),
        cutoff_at=resolve(terms.cutoff, terms.tz, period, days, ambiguous="last"),
    )


def resolve(
    point: ClockPoint,
    tz: str,
    period: Period,
    days: OpenDays,
    ambiguous: Ambiguous = "first",
    *,
    move: int = 0,
) -> datetime:
    """The instant, in UTC, of a clock point of one period.

    An hour has no wall time of its own: its points count from the hour's first instant.

    Args:
        point: The point as the contract writes it.
        tz: IANA zone of the wall time.
        period: T is its first local day, E its last.
        days: Open days that `bd` counts.
        ambiguous: Which of the two instants when a clock is set back over the point.
        move: Calendar days to add, as a holiday rule demands.
    """
    if period.kind == "hour":
        start = period.start
        gone = _offset(point, start.date(), days) + timedelta(days=move) - start.date()
        return start + gone + timedelta(hours=point.at.hour, minutes=point.at.minute)
    day = _offset(point, period.first if point.base == "T" else period.last, days)
    return to_utc(datetime.combine(day + timedelta(days=move), point.at), tz, ambiguous)


def to_utc(wall: datetime, tz: str, ambiguous: Ambiguous = "first") -> datetime:
    """The instant of a local wall time.

    A time that a clock set forward skips stands for the first instant after the gap; of a time
    that comes twice, `ambiguous` says which.

    Args:
        wall: Local time without a zone.
        tz: IANA zone.
        ambiguous: `first` or `last`.
    """
    zone = ZoneInfo(tz)
    first = wall.replace(tzinfo=zone, fold=0)
    last = wall.replace(tzinfo=zone, fold=1)
    before, after = _utc_offset(first), _utc_offset(last)
    if before < after:
        return _transition(zone, wall - after, wall - before)
    return (first if ambiguous == "first" else last).astimezone(UTC)


def _transition(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The instant, between two naive UTC times, at which a zone's offset changes."""
    low, high = low.replace(tzinfo=UTC), high.replace(tzinfo=UTC)
    new = _utc_offset(high.astimezone(zone))
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        if _utc_offset(middle.astimezone(zone)) == new:
            high = middle
        else:
            low = middle
    return high


def _utc_offset(at: datetime) -> timedelta:
    return at.utcoffset() or timedelta(0)


def _offset(point: ClockPoint, day: date, days: OpenDays) -> date:
    if point.unit == "bd":
        return days.add_business_days(day, point.days)
    return day + timedelta(days=point.days)


def _days_moved(terms: Terms, period: Period, days: OpenDays, on_holiday: str) -> int:
    """Calendar days by which a closed due day moves the points of a period."""
    base = period.first if terms.due.base == "T" else period.last
    due = _offset(terms.due, base, days)
    if on_holiday == "roll_forward":
        return (days.next_open(due) - due).days
    if on_holiday == "roll_back":
        return (days.previous_open(due) - due).days
    return 0
