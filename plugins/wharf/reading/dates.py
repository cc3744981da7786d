"""Dates, times and moments: read by the contract's formats, or as ISO 8601."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from wharf.reading.opened import text

ISO_DATE: Final = "%Y-%m-%d"
DATE: Final = "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
_CLOCK: Final = r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6}0*)?)?"
_OFFSET: Final = r" ?(?:Z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?)"
_MIDNIGHT: Final = r"[ T]00:00(?::00(?:\.0+)?)?"
_PIECES: Final = {
    "Y": "[0-9]{4}", "y": "[0-9]{2}", "m": "[0-9]{1,2}", "d": "[0-9]{1,2}", "H": "[0-9]{1,2}",
    "I": "[0-9]{1,2}", "M": "[0-9]{1,2}", "S": "[0-9]{1,2}", "f": "[0-9]{1,6}", "j": "[0-9]{1,3}",
    "b": "[[:alpha:]]{3}", "B": "[[:alpha:]]+", "a": "[[:alpha:]]{3}", "A": "[[:alpha:]]+",
    "p": "(?i:[ap]m)", "z": r"[+-][0-9]{2}(?::?[0-9]{2})?", "Z": "[A-Za-z/_]+", "%": "%",
}  # fmt: skip


def literal(fixed: str) -> str:
    """A pattern of a fixed text, for DuckDB (Python's own escapes blanks, which it refuses)."""
    return re.sub(r"([^\w\s])", r"\\\1", fixed)


def pattern_of(format_: str) -> str:
    """A pattern of what a date format may match; stricter than `strptime`, which guesses widths.

    Digits that touch the next field must have their full width: '2020105' is no '%Y%m%d'.
    """
    pieces = re.findall(r"%-?(.)|([^%]+)", format_, re.S)
    pattern = ""
    for place, (field, fixed) in enumerate(pieces):
        if fixed:
            pattern += literal(fixed)
            continue
        piece = _PIECES.get(field, ".*")
        touches = any(
            0 <= other < len(pieces) and pieces[other][0] in {*"YymdHIMSj"}
            for other in (place - 1, place + 1)
        )
        if touches and piece.endswith("{1,2}"):
            piece = "[0-9]{2}"
        pattern += piece
    return pattern


def date_of_formats(cell: str, formats: Sequence[str]) -> str:
    """Read a date by the first format that fits; a time behind it must be midnight."""
    choices = [_iso_date(cell) if each == ISO_DATE else _date(cell, each) for each in formats]
    return choices[0] if len(choices) == 1 else f"coalesce({', '.join(choices)})"


def _iso_date(cell: str) -> str:
    fits = f"regexp_full_match({cell}, {text(f'{DATE}(?:{_MIDNIGHT})?')})"
    value = f"try_cast(regexp_extract({cell}, {text('^' + DATE)}) AS DATE)"
    fast = f"regexp_full_match({cell}, {text(DATE)})"
    return (
        f"CASE WHEN {cell} < '0001' THEN NULL WHEN {fast} THEN try_cast({cell} AS DATE) "
        f"WHEN {fits} THEN {value} END"
    )


def _date(cell: str, format_: str) -> str:
    read = f"try_strptime({cell}, {text(format_)})"
    fits = f"regexp_full_match({cell}, {text(pattern_of(format_))})"
    return f"CASE WHEN {fits} AND {read} = {read}::DATE THEN {read}::DATE END"


def time_of_day(cell: str) -> str:
    """Read a time; sheets put their day zero in front of it."""
    bare = f"regexp_replace({cell}, '^(1899-12-3[01]|1900-01-00)[ T]', '')"
    return f"CASE WHEN regexp_full_match({bare}, {text(_CLOCK)}) THEN try_cast({bare} AS TIME) END"


def moment(cell: str, zoned: bool, tz: str, format_: str | None) -> str:
    """Read a timestamp; one without an offset is local time in the contract's zone.

    A local time that a change of clocks leaves out does not exist, and is not cast.
    """
    if format_:
        return _formatted(cell, zoned, tz, format_)
    bare = f"{DATE}(?:[ T]{_CLOCK})?"
    naive = (
        f"CASE WHEN {cell} < '0001' THEN NULL "
        f"WHEN regexp_full_match({cell}, {text(bare)}) THEN try_cast({cell} AS TIMESTAMP) END"
    )
    if not zoned:
        return naive
    offset = f"{DATE}[ T]{_CLOCK}{_OFFSET}"
    spelled = f"regexp_replace({cell}, '([+-][0-9]{{2}})([0-9]{{2}})$', '\\1:\\2')"
    spelled = f"regexp_replace({spelled}, ' ?(UTC|Z)$', '+00')"
    spelled = f"regexp_replace({spelled}, ' ([+-])', '\\1')"
    aware = (
        f"CASE WHEN {cell} < '0001' THEN NULL "
        f"WHEN regexp_full_match({cell}, {text(offset)}) "
        f"THEN try_cast({spelled} AS TIMESTAMPTZ) END"
    )
    return f"coalesce({_local(naive, tz)}, {aware})"


def _local(naive: str, tz: str) -> str:
    if tz == "UTC":
        return f"timezone('UTC', {naive})"
    there = f"timezone({text(tz)}, {naive})"
    return f"CASE WHEN timezone({text(tz)}, {there}) = {naive} THEN {there} END"


def _formatted(cell: str, zoned: bool, tz: str, format_: str) -> str:
    read = f"try_strptime({cell}, {text(format_)})"
    fits = f"regexp_full_match({cell}, {text(pattern_of(format_))})"
    has_offset = bool(re.search(r"%[zZ]", format_))
    if has_offset and not zoned:
        return "NULL::TIMESTAMP"
    value = f"CASE WHEN {fits} THEN {read} END"
    return value if has_offset or not zoned else _local(value, tz)
