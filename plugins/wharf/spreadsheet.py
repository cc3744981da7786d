"""Tables for spreadsheets: texts that are no formulas, and a plain workbook.

The way back from a guarded text is exact: `unguard(guard(text)) == text` for every text, and what
somebody typed without a guard stays as it is.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from typing import Any, Final
from xml.sax.saxutils import escape

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


_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_ALWAYS = (1980, 1, 1, 0, 0, 0)

Cell = str | int | float | None
MOST_ROWS: Final = 1_048_576
LONGEST_TEXT: Final = 32_767
"""What a sheet takes at most."""
_NOT_IN_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def fits_a_sheet(text: str) -> bool:
    """Whether a workbook can hold a text as it is; a return comes back as a line feed."""
    return len(text) <= LONGEST_TEXT and not _NOT_IN_XML.search(text) and "\r" not in text


def workbook(sheet: str, rows: Iterable[Sequence[Cell]]) -> bytes:
    """Write one sheet, its texts marked as such: none of them is a formula.

    Args:
        sheet: Its name.
        rows: Cells of each row; None leaves a cell, an empty row leaves a row out.

    Returns:
        The .xlsx file's bytes, always the same for the same rows.
    """
    parts = {
        "[Content_Types].xml": (
            f'<Types xmlns="{_PACKAGE}/content-types">'
            f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.'
            f'relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
            f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/>'
            f"</Types>"
        ),
        "_rels/.rels": _relation("officeDocument", "xl/workbook.xml"),
        "xl/workbook.xml": (
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
            f'<sheet name="{escape(sheet)}" sheetId="1" r:id="rId1"/></sheets></workbook>'
        ),
        "xl/_rels/workbook.xml.rels": _relation("worksheet", "worksheets/sheet1.xml"),
        "xl/worksheets/sheet1.xml": (
            f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(_rows(rows))}</sheetData></worksheet>'
        ),
    }
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name, _ALWAYS), _XML + content, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def _relation(kind: str, target: str) -> str:
    return (
        f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/{kind}" Target="{target}"/></Relationships>'
    )


def _rows(rows: Iterable[Sequence[Cell]]) -> Iterable[str]:
    for number, row in enumerate(rows, start=1):
        if row:
            cells = (_cell(f"{_letter(at)}{number}", cell) for at, cell in enumerate(row))
            yield f'<row r="{number}">{"".join(cells)}</row>'


def _cell(at: str, value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return f'<c r="{at}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
    return f'<c r="{at}"><v>{value}</v></c>'


def _letter(column: int) -> str:
    left, last = divmod(column, 26)
    return (_letter(left - 1) if left else "") + chr(ord("A") + last)
