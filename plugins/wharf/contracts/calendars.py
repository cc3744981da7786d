"""Calendars as a file writes them; `wharf.timeliness.calendars` computes with them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from wharf.contracts.spec import IDENTIFIER, OptionalText, Spec

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


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


class PublicHolidays(Spec):
    """Holidays of a country by the `holidays` library."""

    country: str
    subdivision: OptionalText = None


class Calendar(Spec):
    """One named calendar; one file `dags/calendars/<name>.yaml`."""

    calendar: Annotated[str, Field(pattern=IDENTIFIER)]
    about: str = ""
    weekmask: tuple[Weekday, ...] = WEEKDAYS
    public_holidays: PublicHolidays | None = None
    holidays: tuple[date, ...] = ()
    extra_days: tuple[date, ...] = ()
    closed: tuple[DateRange, ...] = ()
    until: date | None = None

    @field_validator("weekmask", mode="before")
    @classmethod
    def _splits_words(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(word.lower()[:3] for word in value.replace(",", " ").split())
        return value
