"""One expectation's outcome, in our words, with nothing in it that readers may not see."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from wharf.quality.entries import columns_of
from wharf.quality.words import in_words, number, plural, shown

EXAMPLES = 5
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

    @property
    def sentence(self) -> str:
        """What was expected and what came, for messages."""
        end = f"could not be evaluated: {self.error}" if self.error else self.observed
        return f"{self.expected}: {end}"


def read_check(
    entry: Mapping[str, Any], result: Mapping[str, Any], sensitive: Collection[str]
) -> Check:
    """Read one result of Great Expectations.

    Args:
        entry: The expectation as the suite says it.
        result: Its result as a JSON-able mapping.
        sensitive: Columns of the table whose values must not be shown.
    """
    kwargs = entry.get("kwargs") or {}
    columns = columns_of(kwargs)
    # A query may give any column any name: with one sensitive column all its values are hidden.
    hide = bool(sensitive) if _is_query(entry) else bool(set(columns) & set(sensitive))
    details: Mapping[str, Any] = result.get("result") or {}
    error = raised(result.get("exception_info") or {})
    count = details.get("unexpected_count")
    if _is_query(entry):
        count = details.get("observed_value")
    notes = entry.get("notes") or ""
    return Check(
        type=str(entry["type"]),
        column=", ".join(columns),
        severity=str(entry.get("severity", "critical")),
        success=bool(result.get("success")) and not error,
        expected=str(entry.get("description") or in_words(str(entry["type"]), kwargs)),
        observed="" if error else _observed(details, count, hide),
        unexpected_count=_whole(count),
        element_count=_whole(details.get("element_count")),
        sample=() if error else _examples(details, columns, hide),
        error=_safe_error(error, hide),
        notes="\n".join(notes) if isinstance(notes, list) else str(notes),
    )


def raised(exception_info: Mapping[str, Any]) -> str:
    """The message of what an expectation raised; empty when it was evaluated.

    The library gives either one flat mapping, or one for each metric it computed.
    """
    flat = [exception_info] if "raised_exception" in exception_info else exception_info.values()
    for info in flat:
        if isinstance(info, Mapping) and info.get("raised_exception"):
            message = str(info.get("exception_message") or "it raised an error")
            message = message.removeprefix("Error: ").replace(" in BatchData ", " ")
            return " ".join(message.split())
    return ""


def _is_query(entry: Mapping[str, Any]) -> bool:
    return str(entry["type"]) == "unexpected_rows_expectation"


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


def _examples(
    details: Mapping[str, Any], columns: Collection[str], hide: bool
) -> tuple[Example, ...]:
    rows = details.get("partial_unexpected_index_list")
    if isinstance(rows, list) and rows and isinstance(rows[0], Mapping):
        return tuple(_example(row, columns, hide) for row in rows[:EXAMPLES])
    values = details.get("partial_unexpected_list") or []
    if hide:
        return ()
    distinct = list(dict.fromkeys(shown(value, 80) for value in values))
    return tuple(Example("", None, value) for value in distinct[:EXAMPLES])


def _example(row: Mapping[str, Any], columns: Collection[str], hide: bool) -> Example:
    values = [row[name] for name in columns if name in row]
    value = HIDDEN if hide else shown(values[0] if len(values) == 1 else values, 80)
    return Example(shown(row.get("_file") or "", 120), _whole(row.get("_line")), value)


def _whole(value: object) -> int | None:
    try:
        return None if value is None or isinstance(value, bool) else int(str(value))
    except ValueError:
        return None
