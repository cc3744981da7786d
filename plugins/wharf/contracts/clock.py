"""Clock points as a contract writes them: `T+1bd 06:30`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time
from typing import Annotated, Literal

from pydantic import BeforeValidator

_POINT = re.compile(r"^(T|E)(?:([+-]\d+)(d|bd)?)?\s+([01]\d|2[0-3]):([0-5]\d)$")


@dataclass(frozen=True)
class ClockPoint:
    """A local wall time, some days from a period's first (T) or last (E) day."""

    base: Literal["T", "E"]
    days: int
    unit: Literal["d", "bd"]
    at: time

    @classmethod
    def parse(cls, text: str) -> ClockPoint:
        """Read `(T|E)[+-N(d|bd)] HH:MM`; `T+0` is `T`."""
        match = _POINT.match(text.strip())
        if not match or (match[2] and not match[3] and int(match[2]) != 0):
            raise ValueError("write it as T+1bd 06:30, T-1d 22:00, T 09:00 or E+0bd 18:00")
        base: Literal["T", "E"] = "T" if match[1] == "T" else "E"
        unit: Literal["d", "bd"] = "bd" if match[3] == "bd" else "d"
        return cls(base, int(match[2] or 0), unit, time(int(match[4]), int(match[5])))

    def __str__(self) -> str:
        offset = f"{self.days:+d}{self.unit}" if self.days or self.unit == "bd" else "+0"
        return f"{self.base}{offset} {self.at:%H:%M}"


def _parse(value: object) -> object:
    return ClockPoint.parse(value) if isinstance(value, str) else value


Point = Annotated[ClockPoint, BeforeValidator(_parse)]
