"""The demo's five days, and which of them dune's offices are open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

DAYS = 5


@dataclass(frozen=True)
class Days:
    """D1..D5, the five days up to yesterday."""

    d1: date

    @classmethod
    def up_to(cls, today: date) -> Days:
        """The five days before a day."""
        return cls(today - timedelta(days=DAYS))

    @property
    def all(self) -> tuple[date, ...]:
        """D1..D5."""
        return tuple(self.d1 + timedelta(days=number) for number in range(DAYS))

    @property
    def d5(self) -> date:
        """Yesterday."""
        return self.all[-1]

    def number(self, day: date) -> int:
        """1 for D1, up to 5 for D5."""
        return (day - self.d1).days + 1


@dataclass(frozen=True)
class DuneDays:
    """What dune does on which day of the first run."""

    holiday: date
    earlier: date | None
    """One more open day, before D1, where D1..D5 hold too few for an older batch."""
    plain: tuple[date, ...]
    missing: date
    broken: date

    @classmethod
    def among(cls, days: Days) -> DuneDays:
        """Spread dune's story over five days.

        Any five days hold three to five weekdays. One becomes the holiday; the last open day
        breaks an expectation, the one before never comes, and one at least is plain.
        """
        weekdays = [day for day in days.all if is_weekday(day)]
        holiday = weekdays[1] if len(weekdays) > 3 else weekdays[0]
        opened = [day for day in weekdays if day != holiday]
        earlier = None
        if len(opened) < 3:
            earlier = days.d1 - timedelta(days=1)
            while not is_weekday(earlier):
                earlier -= timedelta(days=1)
        plain = tuple([earlier] if earlier else []) + tuple(opened[:-2])
        return cls(holiday, earlier, plain, opened[-2], opened[-1])


def is_weekday(day: date) -> bool:
    """Whether a day is Monday to Friday."""
    return day.weekday() < 5
