"""Text that goes to spreadsheets: a cell that would be taken for a formula is made plain text.

The way back is exact: `unguard(guard(text)) == text` for every text, and what somebody typed
without a guard stays as it is.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import Any, Final

# What Excel, LibreOffice and others begin a formula with, in half and full width, or skip before.
FORMULA: Final = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
_ANY: Final = f"[{re.escape(FORMULA)}]"
_RISKY: Final = re.compile(f"'*{_ANY}")
_GUARDED: Final = re.compile(f"'+{_ANY}")


def guard(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would take for a formula."""
    return f"'{text}" if _RISKY.match(text) else text


def unguard(text: str) -> str:
    """Take the apostrophe away that `guard` put there; any other apostrophe stays."""
    return text[1:] if _GUARDED.match(text) else text


def guarded(value: Any) -> Any:
    """A value for a cell: texts guarded, numbers and times as they are."""
    return guard(value) if isinstance(value, str) else value


def csv_line(cells: Iterable[Any]) -> str:
    """One line of CSV whose texts are guarded and quoted.

    Quotes around every text keep a spreadsheet that splits at another mark from finding a formula
    inside of one.
    """
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n").writerow(
        ["" if each is None else guarded(each) for each in cells]
    )
    return written.getvalue()


def guard_sql(expression: str) -> str:
    """The same guard as an SQL expression of DuckDB over a text."""
    found = f"regexp_matches({expression}, '^{_RISKY.pattern.replace(_QUOTE, 2 * _QUOTE)}')"
    return f"CASE WHEN {found} THEN concat({4 * _QUOTE}, {expression}) ELSE {expression} END"


_QUOTE: Final = "'"
