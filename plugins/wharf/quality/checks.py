"""One expectation's outcome, in our words, with nothing in it that readers may not see."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from wharf.quality.entries import is_query
from wharf.quality.evaluate import Evaluated
from wharf.quality.portability import columns_of
from wharf.quality.trend import identity
from wharf.quality.words import in_words, number, plural, shown

HIDDEN = "hidden"


@dataclass(frozen=True)
class Example:
    """One row that breaks an expectation."""

    file: str
    line: int | None
    value: str
    """`hidden` where the column is sensitive."""


@dataclass(frozen=True)
class Check:
    """What came out for one expectation of a suite."""

    type: str
    column: str
    """The columns it reads, joined; empty for the whole table."""
    severity: str
    success: bool
    expected: str
    """The expectation as a sentence."""
    observed: str
    """What was found, as a sentence."""
    unexpected_count: int | None
    element_count: int | None
    sample: tuple[Example, ...]
    error: str = ""
    """Why it could not be evaluated; such a check has neither passed nor failed on the rows."""
    notes: str = ""
    id: str = ""
    """By which it is known from batch to batch."""

    @property
    def sentence(self) -> str:
        """What was expected and what came, for messages."""
        end = f"could not be evaluated: {self.error}" if self.error else self.observed
        return f"{self.expected}: {end}"


def read_check(
    entry: Mapping[str, Any],
    outcome: Evaluated,
    failing: Iterable[Mapping[str, Any]],
    sensitive: Collection[str],
) -> Check:
    """Read what came out for one expectation.

    Args:
        entry: The expectation as the suite says it.
        outcome: What came out.
        failing: Some of the rows that break it, as they were written.
        sensitive: Columns of the table whose values must not be shown.
    """
    kwargs = entry.get("kwargs") or {}
    columns = columns_of(kwargs)
    # A query may give any column any name: with one sensitive column all its values are hidden.
    hide = bool(sensitive) if is_query(entry) else bool(set(columns) & set(sensitive))
    details = outcome.details
    count = details.get("observed_value" if is_query(entry) else "unexpected_count")
    notes = entry.get("notes") or ""
    return Check(
        type=str(entry["type"]),
        column=", ".join(columns),
        severity=str(entry.get("severity", "critical")),
        success=outcome.success,
        expected=str(entry.get("description") or in_words(str(entry["type"]), kwargs)),
        observed="" if outcome.error else _observed(details, count, hide),
        unexpected_count=_whole(count),
        element_count=_whole(details.get("element_count")),
        sample=tuple(_example(row) for row in failing),
        error=_safe_error(outcome.error, hide),
        notes="\n".join(notes) if isinstance(notes, list) else str(notes),
        id=identity(entry),
    )


def _safe_error(error: str, hide: bool) -> str:
    if error and hide:
        return "the message may hold values of a sensitive column and is not shown"
    return shown(error, 400)


def _observed(details: Mapping[str, Any], count: object, hide: bool) -> str:
    elements, unexpected = _whole(details.get("element_count")), _whole(count)
    if unexpected == 0:
        return "nothing breaks it"
    if unexpected is not None and elements:
        of = f"{number(unexpected)} of {number(elements)} {plural(elements, 'row')}"
        return f"{of} ({_percent(unexpected, elements)}) break it"
    if unexpected is not None:
        what = "row" if "observed_value" in details else "value"
        return f"{number(unexpected)} {plural(unexpected, what)} break it"
    value = details.get("observed_value")
    if value is None:
        return ""
    return f"it is {HIDDEN}" if hide else f"it is {shown(value, 400, rounded=True)}"


def _percent(part: int, whole: int) -> str:
    percent = 100 * part / whole
    return f"{percent:.2g} %" if percent < 10 else f"{math.floor(percent)} %"


def _example(row: Mapping[str, Any]) -> Example:
    value = shown(row["value"], 80)
    return Example(shown(row["file"] or "", 120), _whole(row["line"]), value)


def _whole(value: object) -> int | None:
    try:
        return None if value is None or isinstance(value, bool) else int(str(value))
    except ValueError:
        return None
