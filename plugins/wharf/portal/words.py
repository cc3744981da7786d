"""Values, states and policies as a page says them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

STATES = {
    "ON_TIME": "on time",
    "LATE_ARRIVED": "came late",
    "LATE": "late",
    "MISSING": "missing",
    "NOT_EXPECTED": "not expected",
    "AT_RISK": "at risk",
    "UNKNOWN": "unknown",
    "DUE": "awaited",
    "SCHEDULED": "scheduled",
    "NONE": "nothing came",
    "SEEN": "not usable",
    "PARTIAL": "in part",
    "COMPLETE": "complete",
    "VALIDATING": "being audited",
    "QUARANTINED": "in quarantine",
    "PUBLISHED": "published",
    "SUPERSEDED": "superseded",
    "WITHDRAWN": "taken back",
    "RELEASED": "released",
    "NOT_RELEASED": "not released",
}
POLICIES = {
    "published": "what was asked for",
    "same": "what was asked for",
    "anchored": "a batch that a person bound it to",
    "not_expected": "the newest there is; nothing newer is expected",
    "last_good": "the newest there is",
    "partial": "the part that is there",
    "skip": "nothing",
}
LONG_TEXT = 40
_CODE = re.compile(r"\b[A-Z][A-Z_]{2,}\b")


@dataclass(frozen=True)
class Shown:
    """A value of a table as text, and whether it is a number, a long text or neither."""

    text: str
    kind: str = ""


def spoken(text: str) -> str:
    """A text with the codes of states in it put into words."""
    return _CODE.sub(lambda found: STATES.get(found[0], found[0]), text)


def policy(name: str) -> str:
    """What a policy lets a product read."""
    return POLICIES.get(name, name.replace("_", " "))


def label(name: str) -> str:
    """A column's name for people."""
    return name.replace("_", " ")


def show(value: Any) -> Shown:
    """A value of the page's table, exact but for the last digits of a double."""
    match value:
        case None:
            return Shown("")
        case bool():
            return Shown("true" if value else "false")
        case int():
            return Shown(str(value), "number")
        case float():
            return Shown(f"{value:.8g}", "number")
        case Decimal():
            return Shown(f"{value:f}", "number")
        case datetime() | date() | time():
            return Shown(str(value))
        case list() | tuple() | dict():
            text = json.dumps(value, default=str, ensure_ascii=False)
        case _:
            text = str(value)
    return Shown(text, "long" if len(text) > LONG_TEXT else "")


def figure(value: Any) -> Shown:
    """A number of a chart or a metric: thousands set apart, four digits of a fraction."""
    match value:
        case bool() | None:
            return show(value)
        case int():
            return Shown(f"{value:,}", "number")
        case float() if value.is_integer() and abs(value) < 1e15:
            return Shown(f"{value:,.0f}", "number")
        case float():
            return Shown(f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}", "number")
    return show(value)


def size(value: int) -> str:
    """A number of bytes as people say it."""
    if value < 1000:
        return f"{value} bytes"
    return f"{value / 1e6:.1f} MB" if value >= 100_000 else f"{value / 1e3:.1f} kB"


def minute(text: str) -> str:
    """An ISO instant in UTC, to the minute."""
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M} UTC"


def rows(count: int) -> str:
    """A number of rows."""
    return "1 row" if count == 1 else f"{count:,} rows"


def days(count: int) -> str:
    """A number of days."""
    return f"{count} day" if count == 1 else f"{count} days"


def metrics(values: Mapping[str, Any]) -> list[tuple[str, Shown]]:
    """The single numbers among a model's metrics, by name."""
    single = (int, float)
    return [
        (label(name), figure(value)) for name, value in values.items() if isinstance(value, single)
    ]
