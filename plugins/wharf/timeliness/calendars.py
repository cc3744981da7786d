"""Calendars: on which days a supplier delivers and an office works."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from wharf.contracts.calendars import WEEKDAYS, Calendar, PublicHolidays
from wharf.errors import ContractError

_DAY = timedelta(days=1)
_WORKING_WEEK = frozenset(range(5))
# The longest closed stretch a calendar may have; a longer one is a mistake in the file.
_LONGEST_CLOSURE = 3660


@dataclass(frozen=True)
class OpenDays:
    """The open days of one calendar; without a calendar every day is open."""

    name: str = "every day"
    weekdays: frozenset[int] = frozenset(range(7))
    public: PublicHolidays | None = None
    holidays: frozenset[date] = frozenset()
    extra: frozenset[date] = frozenset()
    closed: tuple[tuple[date, date, str], ...] = ()

    def is_open(self, day: date) -> bool:
        """Whether a day is open; a day listed as extra always is."""
        return self.why_closed(day) is None

    def why_closed(self, day: date) -> str | None:
        """What closes a day, for people to read; None when it is open."""
        if day in self.extra:
            return None
        if day in self.holidays:
            return f"holiday in {self.name}"
        for first, last, why in self.closed:
            if first <= day <= last:
                return why or f"closed in {self.name} from {first} to {last}"
        if day.weekday() not in self.weekdays:
            return f"{day:%A} is no open day in {self.name}"
        return _public_holidays(self.public, day.year).get(day) if self.public else None

    def next_open(self, day: date) -> date:
        """The day itself when it is open, else the first open day after it.

        Raises:
            ContractError: The calendar has no open day within ten years.
        """
        return self._search(day, _DAY)

    def previous_open(self, day: date) -> date:
        """The day itself when it is open, else the last open day before it.

        Raises:
            ContractError: The calendar has no open day within ten years.
        """
        return self._search(day, -_DAY)

    def add_business_days(self, day: date, count: int) -> date:
        """Move by open days, beginning at the next open one: the third of a month is `T+2bd`.

        Args:
            day: Where to begin; a closed day stands for the next open one.
            count: Open days to go; negative goes back.

        Raises:
            ContractError: The calendar has no open day within ten years.
        """
        found, step = self.next_open(day), _DAY if count > 0 else -_DAY
        for _ in range(abs(count)):
            found = self._search(found + step, step)
        return found

    def between(self, first: date, last: date) -> int:
        """How many open days lie after the first day, up to and with the last."""
        return sum(self.is_open(day) for day in _each(first + _DAY, last))

    def any_open(self, first: date, last: date) -> bool:
        """Whether a span of days, both ends included, has an open day."""
        return any(self.is_open(day) for day in _each(first, last))

    def _search(self, day: date, step: timedelta) -> date:
        found = day
        for _ in range(_LONGEST_CLOSURE):
            if self.is_open(found):
                return found
            found += step
        raise ContractError(self.name, [f"has no open day within ten years of {day}"])


def open_days(calendar: Calendar | None, kind: str = "day") -> OpenDays:
    """The open days of a calendar.

    Args:
        calendar: What the file says; None for no calendar.
        kind: The period kind; `business_day` without a calendar means Monday to Friday.
    """
    if calendar is None:
        return OpenDays("Monday to Friday", _WORKING_WEEK) if kind == "business_day" else OpenDays()
    return OpenDays(
        name=calendar.calendar,
        weekdays=frozenset(WEEKDAYS.index(day) for day in calendar.weekmask),
        public=calendar.public_holidays,
        holidays=frozenset(calendar.holidays),
        extra=frozenset(calendar.extra_days),
        closed=tuple((each.from_, each.until, each.why) for each in calendar.closed),
    )


@lru_cache(maxsize=512)
def _public_holidays(public: PublicHolidays, year: int) -> Mapping[date, str]:
    import holidays

    try:
        found = holidays.country_holidays(
            public.country, subdiv=public.subdivision, years=year, expand=False
        )
    except NotImplementedError as error:
        raise ContractError("public_holidays", [str(error)]) from error
    return dict(found.items())


def _each(first: date, last: date) -> Iterator[date]:
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)
