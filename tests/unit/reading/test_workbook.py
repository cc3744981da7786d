"""Workbooks: the sheet and its header are found, cells come as what the sheet shows."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from reading_world import columns, read

from wharf.contracts.formats import ExcelFormat
from wharf.reading import Refused

FORMAT = ExcelFormat(kind="excel")
WANTED = columns(parcel="string!", price="decimal(14,2)", built="int", sold="date")
SEEN = datetime.fromisoformat("2020-01-05T06:07:08")
ROW: list[Any] = ["00123", 1234.5, 1987, date(2020, 1, 5)]


def workbook(*rows: list[Any], sheet: str = "Sheet1", first: int = 1) -> bytes:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.title = sheet
    for number, row in enumerate(rows, start=first):
        for place, value in enumerate(row, start=1):
            page.cell(row=number, column=place, value=value)
    return saved(book)


def saved(book: openpyxl.Workbook) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def changed(content: bytes, member: str, old: bytes, new: bytes) -> bytes:
    """Change one part of a workbook."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(out, "w") as after:
        for name in before.namelist():
            part = before.read(name)
            if name == member:
                part, times = re.subn(old, new, part)
                assert times
            after.writestr(name, part)
    return out.getvalue()


def test_a_header_below_a_preamble_with_line_breaks_and_blanks_is_found(tmp_path: Path) -> None:
    rows = [
        ["All sales"],
        [],
        ["as of today", None, "note"],
        ["Parcel\nNO ", " PRICE", "Built", "SOLD"],
    ]
    wanted = {**WANTED, "parcel": WANTED["parcel"].model_copy(update={"aliases": ("PARCEL NO",)})}
    got = read(tmp_path, workbook(*rows, ROW, [], ROW), wanted=wanted, fmt=FORMAT)
    assert got.rows == 2 * [
        {"parcel": "00123", "price": Decimal("1234.50"), "built": 1987, "sold": date(2020, 1, 5)}
    ]
    assert got.lines == [5, 7]
    assert (got.counts.header_lines, got.counts.blank) == (4, 1)
    assert got.plan.sniffed[0].header_line == 4


def test_rows_are_numbered_as_in_the_sheet_where_it_begins_further_down(tmp_path: Path) -> None:
    content = workbook(["parcel", "price", "built", "sold"], ROW, first=7)
    assert read(tmp_path, content, wanted=WANTED, fmt=FORMAT).lines == [8]


def test_cells_come_as_what_they_are(tmp_path: Path) -> None:
    values = [
        (12, "long", 12),
        (12, "string", "12"),
        (12.0, "string", "12"),
        (0.1 + 0.2, "decimal(14,2)", Decimal("0.30")),
        (1.005, "decimal(14,3)", Decimal("1.005")),
        ("  padded  ", "string", "padded"),
        ("  12 ", "int", 12),
        (True, "boolean", True),
        (SEEN, "timestamp", SEEN),
        (time(6, 7), "time", time(6, 7)),
        ("05/01/2020", "string", "05/01/2020"),
        ("two\nlines", "string", "two\nlines"),
    ]
    wanted = columns(**{f"c{i}": kind for i, (_, kind, _) in enumerate(values)})
    content = workbook([*wanted], [value for value, _, _ in values])
    got = read(tmp_path, content, wanted=wanted, fmt=FORMAT)
    assert list(got.rows[0].values()) == [value for _, _, value in values]


def test_errors_of_the_sheet_are_no_nulls(tmp_path: Path) -> None:
    content = workbook(["n", "s"], [1, "x"], ["#DIV/0!", "#N/A"], [None, None])
    got = read(tmp_path, content, wanted=columns(n="int", s="string"), fmt=FORMAT)
    assert got.rows == [{"n": 1, "s": "x"}]
    [row] = got.quarantined
    assert (row["line"], row["column"], row["raw"]) == (3, "n", '["#DIV/0!", "#N/A"]')


def test_a_text_in_a_number_column_puts_its_row_aside(tmp_path: Path) -> None:
    rows = [["parcel", "price", "built", "sold"], ROW, ["x", "n/a", 1, None], [None, 1, 1, None]]
    got = read(tmp_path, workbook(*rows), wanted=WANTED, fmt=FORMAT)
    assert [(row["line"], row["column"]) for row in got.quarantined] == [
        (3, "price"),
        (4, "parcel"),
    ]


def test_the_sheet_with_the_header_is_read(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(io.BytesIO(workbook(["about"], ["nothing"], sheet="Notes")))
    page = book.create_sheet("Data")
    for row in (["parcel", "price", "built", "sold"], ROW):
        page.append(row)
    got = read(tmp_path, saved(book), wanted=WANTED, fmt=FORMAT)
    assert got.plan.sniffed[0].sheet == "Data"
    assert "'Notes'" in got.notes["sheets"]


def test_a_sheet_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    fmt = ExcelFormat.model_validate({"kind": "excel", "sheet": "Data"})
    with pytest.raises(Refused, match="'Sheet1'") as refused:
        read(tmp_path, workbook(["parcel"]), wanted=WANTED, fmt=fmt)
    assert refused.value.kind == "no_sheet"


@pytest.mark.parametrize(
    "extension", [b"", b'<extLst><ext uri="{1}" xmlns:x14="urn:x"><x14:workbookPr/></ext></extLst>']
)
def test_dates_count_from_1904_where_the_workbook_says_so(tmp_path: Path, extension: bytes) -> None:
    book = openpyxl.Workbook()
    book.epoch = CALENDAR_MAC_1904
    page = book.active
    assert page is not None
    page.append(["parcel", "sold"])
    page.append(["a", date(2020, 1, 5)])
    content = changed(saved(book), "xl/workbook.xml", b"</workbook>", extension + b"</workbook>")
    got = read(tmp_path, content, wanted=columns(parcel="string", sold="date"), fmt=FORMAT)
    assert got.rows == [{"parcel": "a", "sold": date(2020, 1, 5)}]


def test_a_duration_is_no_date(tmp_path: Path) -> None:
    content = workbook(["a", "d"], ["x", timedelta(hours=30)])
    got = read(tmp_path, content, wanted=columns(a="string", d="date"), fmt=FORMAT)
    assert got.reasons == ["not a date"]


def test_an_empty_workbook_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no cells") as refused:
        read(tmp_path, workbook(), wanted=WANTED, fmt=FORMAT)
    assert refused.value.kind == "empty"


def test_a_damaged_workbook_is_refused(tmp_path: Path) -> None:
    content = changed(workbook(["parcel"]), "xl/worksheets/sheet1.xml", b"<sheetData>", b"<sheet")
    with pytest.raises(Refused) as refused:
        read(tmp_path, content, wanted=WANTED, fmt=FORMAT)
    assert refused.value.kind == "damaged"


def test_a_workbook_with_a_password_is_refused_by_name(tmp_path: Path) -> None:
    content = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500)
    content += "EncryptedPackage".encode("utf-16-le") + bytes(500)
    with pytest.raises(Refused, match="password") as refused:
        read(tmp_path, content, wanted=WANTED, fmt=FORMAT)
    assert refused.value.kind == "encrypted"


def test_duplicate_header_cells_of_a_sheet_are_refused_with_their_names(tmp_path: Path) -> None:
    content = workbook(["parcel", "price", "Price ", "built", "sold"], ["x", 1, 2, 3, None])
    with pytest.raises(Refused, match="'price', 'Price'") as refused:
        read(tmp_path, content, wanted=WANTED, fmt=FORMAT)
    assert refused.value.kind == "duplicate_header"
