"""Calendars as a file writes them; `wharf.timeliness.calendars` computes with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from wharf.contracts.spec import IDENTIFIER, OptionalText, Spec

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
COMBINATORS = ("union", "intersection", "minus")


class DateRange(Spec):
    """Closed days, both ends included."""

    from_: date = Field(alias="from")
    until: date
    why: str = ""

    @model_validator(mode="after")
    def _runs_forward(self) -> DateRange:
        if self.until < self.from_:
            raise ValueError(f"until {self.until} is before from {self.from_}")
        return self


class Move(Spec):
    """What would be due on one day is due on another, once."""

    from_: date = Field(alias="from")
    to: date
    why: str = ""

    @model_validator(mode="after")
    def _goes_somewhere(self) -> Move:
        if self.to == self.from_:
            raise ValueError(f"to {self.to} is the day it is moved from")
        return self


class PublicHolidays(Spec):
    """Holidays of a country or of an exchange, by the `holidays` library."""

    country: str | None = None
    subdivision: OptionalText = None
    exchange: str | None = None
    categories: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _is_of_one_place(self) -> PublicHolidays:
        if (self.country is None) == (self.exchange is None):
            raise ValueError("name either a country (such as NL) or an exchange (such as XNYS)")
        if self.exchange and self.subdivision:
            raise ValueError("subdivision goes with a country, not with an exchange")
        return self

    def __str__(self) -> str:
        return self.exchange or "-".join(filter(None, (self.country, self.subdivision)))


class Calendar(Spec):
    """One named calendar; one file `dags/calendars/<name>.yaml`.

    A combined calendar names others where its file says so; in a `Project` those names are
    replaced by the calendars themselves, so one value holds all that decides its days.
    """

    calendar: Annotated[str, Field(pattern=IDENTIFIER)]
    about: str = ""
    weekmask: tuple[Weekday, ...] | None = None
    union: tuple[str | Calendar, ...] = ()
    intersection: tuple[str | Calendar, ...] = ()
    minus: tuple[str | Calendar, ...] = ()
    public_holidays: tuple[PublicHolidays, ...] = ()
    holidays: tuple[date, ...] = ()
    extra_days: tuple[date, ...] = ()
    half_days: tuple[date, ...] = ()
    one_off: tuple[Move, ...] = ()
    closed: tuple[DateRange, ...] = ()
    until: date | None = None

    @field_validator("weekmask", mode="before")
    @classmethod
    def _splits_words(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(word.lower()[:3] for word in value.replace(",", " ").split())
        return value

    @field_validator("public_holidays", mode="before")
    @classmethod
    def _accepts_one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _has_one_base(self) -> Calendar:
        given = [name for name in ("weekmask", "union", "intersection") if getattr(self, name)]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)}: a calendar takes its days from one of them")
        moved = [each.from_ for each in self.one_off]
        if twice := [day for day in moved if moved.count(day) > 1]:
            raise ValueError(f"one_off moves {twice[0]} twice")
        return self

    @property
    def named(self) -> Iterator[tuple[str, str]]:
        """The calendars this one names, each with the key that names it."""
        for key in COMBINATORS:
            for member in getattr(self, key):
                if isinstance(member, str):
                    yield key, member

    def without_public_holidays(self) -> Calendar:
        """The same calendar without what a library would have to tell."""
        members = {
            key: tuple(
                member.without_public_holidays() if isinstance(member, Calendar) else member
                for member in getattr(self, key)
            )
            for key in COMBINATORS
        }
        return self.model_copy(update={"public_holidays": (), **members})


def combine_calendars(
    found: Mapping[str, Calendar],
) -> tuple[dict[str, Calendar], dict[str, list[str]]]:
    """Put the calendars that others name in the place of their names.

    Args:
        found: Calendars as their files write them, by name.

    Returns:
        Those that are whole, and for each of the others what is wrong with it.
    """
    whole: dict[str, Calendar] = {}
    problems: dict[str, list[str]] = {}
    for name in sorted(found):
        _combine(name, found, (), whole, problems)
    return whole, problems


def _combine(
    name: str,
    found: Mapping[str, Calendar],
    path: tuple[str, ...],
    whole: dict[str, Calendar],
    problems: dict[str, list[str]],
) -> None:
    if name in whole or name in problems:
        return
    wrong = []
    for key, member in found[name].named:
        if member not in found:
            choices = ", ".join(sorted(set(found) - {name})) or "none yet"
            wrong.append(f"{key}: {member!r} is no calendar; calendars here: {choices}")
        elif member in (*path, name):
            circle = " -> ".join((*path, name, member))
            wrong.append(f"{key}: {circle} goes in a circle; take one of the names out")
        else:
            _combine(member, found, (*path, name), whole, problems)
            if member in problems:
                wrong.append(f"{key}: {member!r} is broken itself: {problems[member][0]}")
    if wrong:
        problems[name] = wrong
        return
    members = {
        key: tuple(
            whole[each] if isinstance(each, str) else each for each in getattr(found[name], key)
        )
        for key in COMBINATORS
    }
    whole[name] = found[name].model_copy(update=members)
