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
    remark: str = ""
    """Why the points are not the usual ones, for people to read."""

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
    due_day, why = _due_day(terms, period, days, on_holiday)
    moved = (due_day - _counted_due_day(terms, period, days)).days
    if days.is_half(due_day) and terms.on_half_day:
        terms, why = terms.on_a_half_day(), why or f"{due_day} is a half-day in {days.name}"

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
        remark=why,
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
        day = local_day(period.start, tz)
        gone = _offset(point, day, days) + timedelta(days=move) - day
        return period.start + gone + timedelta(hours=point.at.hour, minutes=point.at.minute)
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


def _due_day(terms: Terms, period: Period, days: OpenDays, on_holiday: str) -> tuple[date, str]:
    """The day on which a period falls due, and why it is not the day that the terms count to."""
    due = _counted_due_day(terms, period, days)
    if moved := days.moved_to(due):
        to, why = moved
        return to, f"moved from {due} to {to}{f': {why}' if why else ''}"
    rolled = due
    if on_holiday == "roll_forward":
        rolled = days.next_open(due)
    if on_holiday == "roll_back":
        rolled = days.previous_open(due)
    return rolled, "" if rolled == due else f"{due} is closed ({days.why_closed(due)})"


def _counted_due_day(terms: Terms, period: Period, days: OpenDays) -> date:
    """The due day as the terms count it, whatever happens on it."""
    point = terms.due
    if period.kind == "hour":
        return _offset(point, local_day(period.start, terms.tz), days)
    return _offset(point, period.first if point.base == "T" else period.last, days)


def local_day(at: datetime, tz: str) -> date:
    """The day of an instant by the clocks of a zone."""
    return at.astimezone(ZoneInfo(tz)).date()
