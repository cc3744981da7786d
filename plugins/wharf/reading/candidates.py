"""The types that a column of texts may turn out to have, the narrowest first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from wharf.contracts import Column
from wharf.reading.casts import Spelling, cast_text, cleaned
from wharf.reading.opened import text

NULL_WORDS: Final = (
    "na", "n/a", "#n/a", "null", "none", "nan", "nil", "-", "--", ".", "..", "?", "(null)",
)  # fmt: skip
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


def null_words(cell: str) -> str:
    """Whether a cell holds a word for "no value", as SQL."""
    return f"lower(trim({cell})) IN ({', '.join(map(text, NULL_WORDS))})"


def filled(cell: str, spelling: Spelling) -> str:
    """A cell as text, NULL where it is empty, as SQL."""
    return cleaned(cell, Column(type="string"), spelling)


def values(cell: str, spelling: Spelling) -> str:
    """A cell without blanks around it, NULL where it is empty or a word for that, as SQL."""
    value = cleaned(cell, Column(type="long"), spelling)
    return f"CASE WHEN NOT {null_words(cell)} THEN {value} END"


def candidates(name: str, spelling: Spelling) -> Iterator[tuple[Candidate, str]]:
    """What each type makes of `VALUE`, as SQL; NULL where it does not take it."""
    yield Candidate("boolean"), f"CASE WHEN lower({VALUE}) IN ('true', 'false') THEN 1 END"
    for type_ in _NUMBERS:
        yield Candidate(type_), _number(type_, spelling)
    dates = [Candidate("date", "%Y%m%d")] if _is_dated(name) else []
    dates += [Candidate(type_) for type_ in ("date", "timestamp", "timestamptz", "time")]
    for style in (*DATE_STYLES, *_OTHER_STYLES):
        dates.append(Candidate("timestamp" if ":" in style else "date", style))
    for candidate in dates:
        yield candidate, _cast(candidate, spelling)


VALUE: Final = "the_value"
_NUMBERS: Final = ("long", "decimal(18,2)", "decimal(18,4)", "double")


def _number(type_: str, spelling: Spelling) -> str:
    """A number that stays the same when written again: no leading zero, no lost digit."""
    cast = _cast(Candidate(type_), spelling)
    same = f"NOT regexp_matches({VALUE}, '^[+-]?0[0-9]|^[+]')"
    if type_ == "double":
        same += f" AND length(regexp_replace({VALUE}, '[^0-9]', '', 'g')) <= 17"
    return f"CASE WHEN {same} THEN {cast} END"


def _cast(candidate: Candidate, spelling: Spelling) -> str:
    return cast_text(VALUE, Column(type=candidate.type, format=candidate.format), spelling)


def _is_dated(name: str) -> bool:
    return any(word in {"date", "dt", "day", "ymd", "datum"} for word in name.split("_"))
