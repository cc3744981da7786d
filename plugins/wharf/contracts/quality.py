"""What a feed's deliveries are compared with beside its expectation suite: their own past."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from wharf.contracts.spec import Spec

Notice = Literal["off", "warning", "critical"]


class _Watched(Spec):
    severity: Notice = "warning"

    @model_validator(mode="before")
    @classmethod
    def _accepts_a_word(cls, value: Any) -> Any:
        return {"severity": value} if isinstance(value, str) else value


class Unlimited(_Watched):
    """Something compared with the past alone: `off`, `warning` or `critical`."""


class Volume(_Watched):
    """How many rows come."""

    min: Annotated[int | None, Field(ge=0)] = None
    """Fewer rows than this are a finding, whatever came before."""
    max: Annotated[int | None, Field(ge=0)] = None

    @model_validator(mode="after")
    def _fits(self) -> Volume:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min is {self.min}, more than max, which is {self.max}")
        return self


class Share(_Watched):
    """A share of rows, from 0 to 1."""

    max: Annotated[float | None, Field(ge=0, le=1)] = None
    """A larger share than this is a finding, whatever came before."""


class Quality(Spec):
    """Findings beside the suite, each with its severity; critical ones block a batch."""

    volume: Volume = Volume()
    nulls: Share = Share()
    """Empty cells of a column."""
    quarantined: Share = Share()
    """Rows that could not be read; `on_arrival.max_quarantined` blocks on its own."""
    distinct: Unlimited = Unlimited()
    """Different values of a column; values of a small set that are new, or gone."""
    range: Unlimited = Unlimited()
    """Smallest, largest and mean value of numbers; earliest and latest of dates."""
    min_history: Annotated[int, Field(ge=4, le=1000)] = 7
    """So many earlier periods of the same kind it takes."""
    window: Annotated[int, Field(ge=4, le=1000)] = 60
    """So many of them are looked at."""

    @model_validator(mode="after")
    def _fits_its_window(self) -> Quality:
        if self.min_history > self.window:
            raise ValueError(f"min_history is {self.min_history}, more than window {self.window}")
        return self
