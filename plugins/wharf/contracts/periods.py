"""Periods: the business span of data a delivery covers, and its key."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal, get_args

from dateutil.relativedelta import relativedelta

from wharf.errors import PeriodError

PeriodKind = Literal["hour", "day", "business_day", "week", "month", "quarter", "year"]
SAMPLE = {
    "hour": "2026-11-20T0600Z",
    "day": "2026-11-20",
    "business_day": "2026-11-20",
    "week": "2026-W47",
    "month": "2026-11",
    "quarter": "2026-Q4",
    "year": "2026",
}
_PLACEHOLDER = re.compile(r"\{(period|period_end)(?::([^}]*))?\}")


@dataclass(frozen=True, order=True)
class Period:
    """One period of a feed or product; prints its key and parses what it prints."""

    first: date
    last: date
    kind: PeriodKind
    key: str

    def __str__(self) -> str:
        return self.key

    @classmethod
    def parse(cls, kind: str, key: str) -> Period:
        """Read a period key.

        Raises:
            PeriodError: The key is not a canonical key of this kind.
        """
        try:
            period = cls.containing(kind, _first_day(kind, key))
        except (ValueError, KeyError):
            period = None
        if kind == "hour":
            period = _hour(key)
        if period is None or period.key != key:
            raise PeriodError(f"{key!r} is not a {kind}; write it as {SAMPLE.get(kind, '?')}")
        return period

    @classmethod
    def containing(cls, kind: str, day: date) -> Period:
        """The period of this kind that a calendar day belongs to (the first hour for `hour`)."""
        match kind:
            case "day" | "business_day":
                return cls(day, day, kind, f"{day:%Y-%m-%d}")
            case "week":
                first = day - timedelta(days=day.weekday())
                return cls(first, first + timedelta(days=6), kind, f"{first:%G-W%V}")
            case "month":
                first = day.replace(day=1)
                return cls(
                    first,
                    first + relativedelta(months=1, days=-1),
                    kind,
                    f"{first:%Y-%m}",
                )
            case "quarter":
                first = date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)
                last = first + relativedelta(months=3, days=-1)
                return cls(first, last, kind, f"{first.year}-Q{(first.month + 2) // 3}")
            case "year":
                return cls(
                    date(day.year, 1, 1),
                    date(day.year, 12, 31),
                    kind,
                    f"{day.year:04d}",
                )
            case "hour":
                return cls(day, day, kind, f"{day:%Y-%m-%d}T0000Z")
        raise PeriodError(f"{kind!r} is not a period kind; use {', '.join(get_args(PeriodKind))}")

    @classmethod
    def find(cls, kind: str, text: str) -> Period:
        """Read a period key, or any date inside the period as `YYYY-MM-DD`.

        Raises:
            PeriodError: The text is neither.
        """
        try:
            return cls.parse(kind, text)
        except PeriodError:
            try:
                # Not date.fromisoformat: to it 2026-W47 is a Monday.
                return cls.containing(kind, datetime.strptime(text, "%Y-%m-%d").date())  # noqa: DTZ007
            except ValueError:
                raise PeriodError(
                    f"{text!r} is not a {kind}; write it as {SAMPLE[kind]} or as a date inside it"
                ) from None

    def next(self) -> Period:
        """The period right after this one."""
        if self.kind == "hour":
            following = self.start + timedelta(hours=1)
            return Period.parse("hour", f"{following:%Y-%m-%dT%H00Z}")
        return Period.containing(self.kind, self.last + timedelta(days=1))

    def previous(self) -> Period:
        """The period right before this one."""
        if self.kind == "hour":
            before = self.start - timedelta(hours=1)
            return Period.parse("hour", f"{before:%Y-%m-%dT%H00Z}")
        return Period.containing(self.kind, self.first - timedelta(days=1))

    @property
    def start(self) -> datetime:
        """First instant, UTC (for `hour`; midnight UTC of the first day otherwise)."""
        if self.kind == "hour":
            return datetime.strptime(self.key, "%Y-%m-%dT%H%MZ").replace(tzinfo=UTC)
        return datetime(self.first.year, self.first.month, self.first.day, tzinfo=UTC)

    def fill(self, pattern: str) -> str:
        """Put this period into `{period:%Y%m%d}` and `{period_end:...}` of a path pattern."""

        def replaced(match: re.Match[str]) -> str:
            if not match[2]:
                return self.key
            if match[1] == "period_end":
                return self.last.strftime(match[2])
            return self.start.strftime(match[2])

        return _PLACEHOLDER.sub(replaced, pattern)


def _first_day(kind: str, key: str) -> date:
    match kind:
        case "week":
            return datetime.strptime(f"{key}-1", "%G-W%V-%u").date()  # noqa: DTZ007
        case "month":
            return datetime.strptime(key, "%Y-%m").date()  # noqa: DTZ007
        case "quarter":
            year, quarter = key.split("-Q")
            return date(int(year), 3 * int(quarter) - 2, 1)
        case "year":
            return date(int(key), 1, 1)
        case _:
            return date.fromisoformat(key[:10])


def _hour(key: str) -> Period | None:
    try:
        at = datetime.strptime(key, "%Y-%m-%dT%H%MZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return Period(at.date(), at.date(), "hour", f"{at:%Y-%m-%dT%H00Z}")
