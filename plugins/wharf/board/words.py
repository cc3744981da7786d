"""States, lengths of time and changes as the board says them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

TIMELINESS = {
    "ON_TIME": ("✓", "on time"),
    "LATE_ARRIVED": ("◷", "came late"),
    "LATE": ("!", "late"),
    "MISSING": ("✕", "missing"),
    "NOT_EXPECTED": ("–", "not expected"),
    "AT_RISK": ("△", "at risk"),
    "UNKNOWN": ("?", "unknown"),
    "DUE": ("·", "awaited"),
    "SCHEDULED": ("·", "scheduled"),
}
DELIVERY = {
    "NONE": "nothing came",
    "SEEN": "not usable",
    "PARTIAL": "in part",
    "COMPLETE": "complete",
    "VALIDATING": "being audited",
    "QUARANTINED": "in quarantine",
    "PUBLISHED": "published",
    "SUPERSEDED": "superseded",
    "WITHDRAWN": "taken back",
}
_TOGETHER = "\N{NO-BREAK SPACE}"
_STEPS = ((120, "s", 1), (7200, "min", 60), (172800, "h", 3600))


def span(seconds: float | None) -> str:
    """A length of time as people say it: 45 s, 95 min, 26 h, 3 d."""
    if seconds is None:
        return "–"
    for limit, unit, step in _STEPS:
        if abs(seconds) < limit:
            return f"{abs(seconds) / step:.0f}{_TOGETHER}{unit}"
    return f"{abs(seconds) / 86400:.0f}{_TOGETHER}d"


def minute(at: datetime | None) -> str:
    """An instant in UTC to the minute; the zone stands in the heading above."""
    return f"{at:%Y-%m-%d %H:%M}" if at else "–"


def second(at: datetime | None) -> str:
    """An instant in UTC to the second; the zone stands in the heading above."""
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else "–"


def weekday(day: date) -> str:
    """The short name of a day of the week."""
    return f"{day:%a}"


def day_and_month(day: date) -> str:
    """A day without its year: 20 Nov."""
    return f"{day.day} {day:%b}"


def timeliness(state: str) -> str:
    """A timeliness in words; an unknown one as it is."""
    return TIMELINESS.get(state, ("", state.lower()))[1]


def delivery(state: str) -> str:
    """A delivery state in words; an unknown one as it is."""
    return DELIVERY.get(state, state.lower())


def condition(fields: Mapping[str, Any]) -> str:
    """What one side of a recorded change says, such as `late, in part`."""
    told = []
    for name, value in fields.items():
        match name:
            case "timeliness":
                told.append(timeliness(str(value)))
            case "delivery":
                told.append(delivery(str(value)))
            case "due_at":
                told.append(f"due {minute(datetime.fromisoformat(str(value)))}")
            case _:
                told.append(f"{name} {value}")
    return ", ".join(told)


def finding(found: object) -> str:
    """A remark on a batch as a sentence."""
    if isinstance(found, Mapping) and "message" in found:
        return str(found["message"])
    return str(found)


def capitalize_first(text: str) -> str:
    """A text as the beginning of a sentence; the rest of it stays as it is."""
    return text[:1].upper() + text[1:]


def percent(share: float | None) -> str:
    """A share in whole percent, which is 100 only where nothing is missing from it."""
    if share is None:
        return "–"
    return f"{int(share * 100)}{_TOGETHER}%"


def local(at: datetime | None, tz: str) -> str:
    """An instant on a feed's own clock, with its zone: Fri 2026-11-20 06:30 CET."""
    return f"{at.astimezone(ZoneInfo(tz)):%a %Y-%m-%d %H:%M %Z}" if at else "–"


def size(count: int) -> str:
    """A number of bytes as people say it: 812 B, 12.3 MB."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return (
                f"{amount:.0f}{_TOGETHER}{unit}"
                if unit == "B"
                else f"{amount:.1f}{_TOGETHER}{unit}"
            )
        amount /= 1000
    return f"{amount:.1f}{_TOGETHER}TB"


def change(bytes_more: int) -> str:
    """A change of size with its sign."""
    return f"{'-' if bytes_more < 0 else '+'}{size(abs(bytes_more))}"
