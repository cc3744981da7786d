"""Calendars: on which days a supplier delivers and an office works."""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property, lru_cache
from importlib.metadata import version
from typing import Any

from wharf.contracts.calendars import WEEKDAYS, Calendar, PublicHolidays
from wharf.errors import ContractError

_WORKING_WEEK = frozenset(range(5))
_ENGLISH = "en_US"
# The longest closed stretch a calendar may have; a longer one is a mistake in the file.
_LONGEST_CLOSURE = timedelta(days=3660)


@dataclass(frozen=True)
class OpenDays:
    """The open days of one calendar; without a calendar every day is open."""

    name: str = "every day"
    weekdays: frozenset[int] = frozenset(range(7))
    public: tuple[PublicHolidays, ...] = ()
    holidays: frozenset[date] = frozenset()
    extra: frozenset[date] = frozenset()
    closed: tuple[tuple[date, date, str], ...] = ()
    half: frozenset[date] = frozenset()
    moves: tuple[tuple[date, date, str], ...] = ()
    union: tuple[OpenDays, ...] = ()
    intersection: tuple[OpenDays, ...] = ()
    minus: tuple[OpenDays, ...] = ()
    ends: date | None = None
    """The last day that the file or the library behind it answers for; None when it has no end."""
    _years: dict[int, tuple[int, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def is_open(self, day: date) -> bool:
        """Whether a day is open; one listed as extra, or moved to another day, always is."""
        year, number = self._year(day.year), day.toordinal()
        at = bisect_left(year, number)
        return at < len(year) and year[at] == number

    def why_closed(self, day: date) -> str | None:
        """What closes a day, for people to read; None when it is open."""
        if day in self.extra or day in self._moved:
            return None
        if day in self.holidays:
            return f"holiday in {self.name}"
        for first, last, why in self.closed:
            if first <= day <= last:
                return why or f"closed in {self.name} from {first} to {last}"
        return self._closed_at_base(day) or self._public_holiday(day)

    def is_half(self, day: date) -> bool:
        """Whether an open day is only half of one."""
        if not self.is_open(day):
            return False
        if day in self.half or any(day in _half_days(each, day.year) for each in self.public):
            return True
        at_work = [each for each in self.union if each.is_open(day)]
        return any(each.is_half(day) for each in self.intersection) or (
            bool(at_work) and all(each.is_half(day) for each in at_work)
        )

    def moved_to(self, day: date) -> tuple[date, str] | None:
        """To which day, and why, what would be due on a day is moved; None when it is not."""
        return self._moved.get(day)

    def next_open(self, day: date) -> date:
        """The day itself when it is open, else the first open day after it.

        Raises:
            ContractError: The calendar has no open day within ten years.
        """
        last = _within_time(day, _LONGEST_CLOSURE).year
        for year in range(day.year, last + 1):
            days = self._year(year)
            at = bisect_left(days, day.toordinal())
            if at < len(days):
                return date.fromordinal(days[at])
        raise self._never_open(day)

    def previous_open(self, day: date) -> date:
        """The day itself when it is open, else the last open day before it.

        Raises:
            ContractError: The calendar has no open day within ten years.
        """
        first = _within_time(day, -_LONGEST_CLOSURE).year
        for year in range(day.year, first - 1, -1):
            days = self._year(year)
            at = bisect_right(days, day.toordinal())
            if at:
                return date.fromordinal(days[at - 1])
        raise self._never_open(day)

    def add_business_days(self, day: date, count: int) -> date:
        """Move by open days, beginning at the next open one: the third of a month is `T+2bd`.

        Args:
            day: Where to begin; a closed day stands for the next open one.
            count: Open days to go; negative goes back.

        Raises:
            ContractError: The calendar has no open day within ten years.
        """
        found = self.next_open(day)
        days = self._year(found.year)
        at = bisect_left(days, found.toordinal()) + count
        while at >= len(days):
            at -= len(days)
            found = self.next_open(date(found.year + 1, 1, 1))
            days = self._year(found.year)
        while at < 0:
            found = self.previous_open(date(found.year - 1, 12, 31))
            days = self._year(found.year)
            at += len(days)
        return date.fromordinal(days[at])

    def between(self, first: date, last: date) -> int:
        """How many open days lie after the first day, up to and with the last."""
        low, high = first.toordinal(), last.toordinal()
        return sum(
            bisect_right(days, high) - bisect_right(days, low)
            for days in map(self._year, range(first.year, last.year + 1))
            if low < high
        )

    def any_open(self, first: date, last: date) -> bool:
        """Whether a span of days, both ends included, has an open day."""
        return self.between(first - timedelta(days=1), last) > 0

    @cached_property
    def _moved(self) -> Mapping[date, tuple[date, str]]:
        return {day: (to, why) for day, to, why in self.moves}

    def _year(self, year: int) -> tuple[int, ...]:
        """The open days of a year by their ordinals, in order."""
        found = self._years.get(year)
        if found is None:
            first, last = date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal()
            numbers = range(first, last + 1)
            found = tuple(n for n in numbers if self.why_closed(date.fromordinal(n)) is None)
            self._years[year] = found
        return found

    def _closed_at_base(self, day: date) -> str | None:
        """What closes a day by the weekmask, or by the calendars that this one is made of."""
        told: list[str] = []
        if self.union:
            reasons = [each.why_closed(day) for each in self.union]
            told = [] if None in reasons else [str(reason) for reason in reasons]
        elif self.intersection:
            told = [reason for each in self.intersection if (reason := each.why_closed(day))]
        elif day.weekday() not in self.weekdays:
            told = [f"{day:%A} is no open day in {self.name}"]
        told += [
            f"{each.name} is open, which {self.name} leaves out"
            for each in self.minus
            if each.is_open(day)
        ]
        return "; ".join(dict.fromkeys(told)) or None

    def _public_holiday(self, day: date) -> str | None:
        names = (_public_holidays(each, day.year).get(day) for each in self.public)
        return next((name for name in names if name), None)

    def _never_open(self, day: date) -> ContractError:
        return ContractError(self.name, [f"has no open day within ten years of {day}"])


def open_days(calendar: Calendar | None, kind: str = "day") -> OpenDays:
    """The open days of a calendar.

    Args:
        calendar: What the file says, the calendars it names put in; None for no calendar.
        kind: The period kind; `business_day` without a calendar means Monday to Friday.
    """
    return _open_days(calendar, calendar is None and kind == "business_day")


def calendar_digest(calendar: Calendar | None) -> str:
    """A name for everything that decides a calendar's days; empty for no calendar.

    It changes with the file, with the calendars it is made of and, where public holidays count,
    with the library that knows them.
    """
    return _digest(calendar) if calendar else ""


def calendar_problems(calendar: Calendar, year: int) -> list[str]:
    """Why the days of a calendar cannot be computed; empty when all is well."""
    days = open_days(calendar)
    try:
        days.next_open(date(year, 1, 1))
    except ContractError as error:
        return list(error.problems)
    return []


@lru_cache(maxsize=512)
def _open_days(calendar: Calendar | None, is_working_week: bool) -> OpenDays:
    if calendar is None:
        return OpenDays("Monday to Friday", _WORKING_WEEK) if is_working_week else OpenDays()
    members = {
        key: tuple(_open_days(each, False) for each in getattr(calendar, key) if each)
        for key in ("union", "intersection", "minus")
    }
    return OpenDays(
        name=calendar.calendar,
        weekdays=frozenset(WEEKDAYS.index(day) for day in calendar.weekmask or WEEKDAYS),
        public=calendar.public_holidays,
        holidays=frozenset(calendar.holidays),
        extra=frozenset(calendar.extra_days),
        closed=tuple((each.from_, each.until, each.why) for each in calendar.closed),
        half=frozenset(calendar.half_days),
        moves=tuple((each.from_, each.to, each.why) for each in calendar.one_off),
        ends=_end(calendar, [each.ends for key in members for each in members[key]]),
        **members,
    )


def _end(calendar: Calendar, members: list[date | None]) -> date | None:
    """The last day a calendar answers for: its own word, else the end of its list of holidays."""
    own = calendar.until
    if own is None and calendar.holidays and not calendar.public_holidays:
        own = date(max(calendar.holidays).year, 12, 31)
    return min((day for day in (own, *members) if day), default=None)


@lru_cache(maxsize=512)
def _digest(calendar: Calendar) -> str:
    text = calendar.model_dump_json(by_alias=True)
    if '"country":' in text:
        text += version("holidays")
    return hashlib.sha256(text.encode()).hexdigest()


@lru_cache(maxsize=512)
def _public_holidays(public: PublicHolidays, year: int) -> Mapping[date, str]:
    return _asked(public, year, public.categories or ("public",))


@lru_cache(maxsize=512)
def _half_days(public: PublicHolidays, year: int) -> Mapping[date, str]:
    """The half-days of an exchange; a country's are for its offices to say, in `half_days`."""
    if public.exchange is None:
        return {}
    try:
        return _asked(public, year, ("half_day",))
    except ContractError:  # An exchange of which the library knows no half-days.
        return {}


def _asked(public: PublicHolidays, year: int, categories: tuple[str, ...]) -> Mapping[date, str]:
    """The days of some categories that the library knows of a year, by their English names.

    Left to itself it names them in the language of the machine, and no two would agree.
    """
    import holidays

    def ask(**options: Any) -> Mapping[date, str]:
        if public.exchange is not None:
            return holidays.financial_holidays(public.exchange, expand=False, **options)
        return holidays.country_holidays(
            str(public.country), subdiv=public.subdivision, expand=False, **options
        )

    try:
        known: Any = ask()
        language = _ENGLISH if _ENGLISH in known.supported_languages else known.default_language
        return dict(ask(years=year, categories=categories, language=language).items())
    except (NotImplementedError, ValueError) as error:
        hint = "see the entities and categories of the Python package holidays"
        raise ContractError("public_holidays", [f"{public}: {error}; {hint}"]) from error


def _within_time(day: date, span: timedelta) -> date:
    try:
        return day + span
    except OverflowError:
        return date.max if span > timedelta(0) else date.min
