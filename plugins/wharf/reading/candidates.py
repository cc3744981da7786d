"""The types that a column of texts may turn out to have, the narrowest first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from wharf.contracts import Column
from wharf.reading.casts import Spelling, cast_text, cleaned
from wharf.reading.dates import DATE, literal, pattern_of
from wharf.reading.opened import text

NULL_WORDS: Final = (
    "na", "n/a", "#n/a", "null", "none", "nan", "nil", "-", "--", ".", "..", "?", "(null)",
)  # fmt: skip
NUMBERS: Final = ("long", "decimal(18,2)", "decimal(18,4)", "double")
DATE_STYLES: Final = (
    "%d/%m/%Y", "%m/%d/%Y", "%d/%m/%y", "%m/%d/%y",
    "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%Y", "%m.%d.%Y",
    "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S",
    "%d/%m/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M:%S %p",
)  # fmt: skip
_OTHER_STYLES: Final = (
    "%Y/%m/%d", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%B %d, %Y",
    "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S", "%Y/%m/%d %H:%M:%S",
)  # fmt: skip
_PARQUET: Final = {
    "BOOLEAN": "boolean", "TINYINT": "int", "SMALLINT": "int", "INTEGER": "int",
    "UTINYINT": "int", "USMALLINT": "int", "BIGINT": "long", "UINTEGER": "long",
    "UBIGINT": "decimal(20,0)", "HUGEINT": "decimal(38,0)", "FLOAT": "float", "DOUBLE": "double",
    "DATE": "date", "TIME": "time", "TIMESTAMP": "timestamp", "TIMESTAMP_MS": "timestamp",
    "TIMESTAMP_S": "timestamp", "TIMESTAMP WITH TIME ZONE": "timestamptz", "BLOB": "binary",
}  # fmt: skip
_WORDS = re.compile(r"true|false", re.I)
_DATED = re.compile(r"(?=.*\d)[\w/.:+-]+(?:[ ,]+[\w/.:+-]+)*")
_ISO = {
    "date": re.compile(rf"{DATE}(?:[ T]00:00.*)?"),
    "timestamp": re.compile(rf"{DATE}.*"),
    "timestamptz": re.compile(rf"{DATE}.*"),
    "time": re.compile(r"(?:1899-12-3[01] )?\d{1,2}:.*"),
}
_WRITTEN = re.compile(r"^[+-]?0[0-9]|^[+]")


@dataclass(frozen=True)
class Candidate:
    """A type that all values of a column may fit."""

    type: str
    format: str | None = None


def of_parquet(type_: str) -> Column:
    """The column for a DuckDB type; what Iceberg has no type for becomes a string."""
    if match := re.fullmatch(r"DECIMAL\((\d+), ?(\d+)\)", type_):
        return Column(type=f"decimal({match[1]},{match[2]})")
    return Column(type=_PARQUET.get(type_, "string"))


def is_null_word(cell: str) -> str:
    """Whether a cell holds a word for "no value", as SQL."""
    words = "|".join(map(literal, NULL_WORDS))
    return f"regexp_full_match({cell}, {text(rf'[ ]*(?i:{words})[ ]*')})"


def filled(cell: str, spelling: Spelling) -> str:
    """A cell as text, NULL where it is empty, as SQL."""
    return cleaned(cell, Column(type="string"), spelling)


def values(cell: str, spelling: Spelling) -> str:
    """A cell without blanks around it, NULL where it is empty or a word for that, as SQL."""
    value = cleaned(cell, Column(type="long"), spelling)
    return f"CASE WHEN NOT {is_null_word(cell)} THEN {value} END"


def thinkable(name: str, sample: Sequence[str], spelling: Spelling) -> Iterator[Candidate]:
    """Candidates for a column by the looks of some of its values, the narrowest first."""
    if not sample:
        return
    if all(map(_WORDS.fullmatch, sample)):
        yield Candidate("boolean")
    digits = all(map(str.isdecimal, sample))
    if digits and _is_dated(name) and all(len(value) == 8 for value in sample):
        yield Candidate("date", "%Y%m%d")
    yield from numbers(sample, spelling)
    if digits or not all(map(_DATED.fullmatch, sample)):
        return
    for type_, pattern in _ISO.items():
        if all(map(pattern.fullmatch, sample)):
            yield Candidate(type_)
    for style in (*DATE_STYLES, *_OTHER_STYLES):
        if all(map(_style_pattern(style).fullmatch, sample)):
            yield Candidate("timestamp" if ":" in style else "date", style)


def numbers(sample: Sequence[str], spelling: Spelling) -> Iterator[Candidate]:
    """Number types that some values may have, if numbers are written so."""
    mark, group = re.escape(spelling.decimal), re.escape(spelling.thousands)
    whole = rf"(?:\d{{1,3}}(?:{group}\d{{3}})+|\d+)" if group else r"\d+"
    if any(map(_WRITTEN.match, sample)):
        return
    number = rf"-?(?:{whole}(?:{mark}\d*)?|{mark}\d+)(?:[eE][+-]?\d+)?"
    if all(re.fullmatch(number, value) for value in sample):
        for type_ in NUMBERS:
            yield Candidate(type_)


@cache
def _style_pattern(style: str) -> re.Pattern[str]:
    return re.compile(pattern_of(style).replace("[[:alpha:]]", r"[^\W\d_]"))


def attempt(candidate: Candidate, value: str, spelling: Spelling) -> str:
    """What a candidate makes of a value, as SQL; NULL where it does not take it."""
    if candidate.type == "boolean":
        return f"CASE WHEN lower({value}) IN ('true', 'false') THEN 1 END"
    column = Column(type=candidate.type, format=candidate.format)
    cast = cast_text(value, column, spelling)
    if candidate.type not in NUMBERS:
        return cast
    # A number must stay the same when written again: no leading zero, no lost digit.
    same = f"NOT regexp_matches({value}, '^[+-]?0[0-9]|^[+]')"
    if candidate.type == "double":
        same += f" AND (length({value}) <= 17 OR NOT regexp_matches({value}, '[0-9]{{17}}'))"
    return f"CASE WHEN {same} THEN {cast} END"


def _is_dated(name: str) -> bool:
    return any(word in {"date", "dt", "day", "ymd", "datum"} for word in name.split("_"))
