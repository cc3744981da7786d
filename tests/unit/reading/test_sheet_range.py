"""A part of a sheet: what lies outside is neither read nor counted."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from pydantic import ValidationError
from reading_world import Read, columns, read

from wharf.contracts.formats import ExcelFormat

WANTED = columns(id="long!", name="string")
CELLS: dict[str, Any] = {
    "A1": "Prices of the week", "F2": "printed by hand",
    "B4": "id", "C4": "name", "D4": "secret", "B5": 1, "C5": "Ann", "D5": "x",
    "B7": 2, "C7": "Bob", "B9": "total", "C9": 3, "H1": "id", "I1": "name",
}  # fmt: skip


def read_part(folder: Path, cells: dict[str, Any] = CELLS, **fmt: Any) -> Read:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    for place, value in cells.items():
        page[place] = value
    out = io.BytesIO()
    book.save(out)
    settings = ExcelFormat.model_validate({"kind": "excel", **fmt})
    return read(folder, out.getvalue(), wanted=WANTED, fmt=settings)


def test_rows_and_columns_outside_of_the_range_are_not_counted(tmp_path: Path) -> None:
    got = read_part(tmp_path, range="B4:C8")
    assert got.rows == [{"id": 1, "name": "Ann"}, {"id": 2, "name": "Bob"}]
    assert got.lines == [5, 7]
    [counts] = got.counts.files
    assert (counts.header_lines, counts.blank, counts.physical_lines) == (1, 2, 5)
    assert got.plan.sniffed[0].header_line == 4
    assert got.counts.rows_quarantined == 0


def test_a_range_of_columns_takes_all_rows(tmp_path: Path) -> None:
    got = read_part(tmp_path, range="b:c")
    assert got.lines == [5, 7]
    assert [(row["line"], row["column"]) for row in got.quarantined] == [(9, "id")]
    assert got.notes["preamble"] == "the header stands in row 4, below 3 other rows"


def test_columns_keep_their_places_where_the_sheet_begins_inside_the_range(
    tmp_path: Path,
) -> None:
    cells = {"C1": 7, "D1": "Ann", "C2": 8, "D2": "Bob"}
    assert read_part(tmp_path, cells, range="C1:D2", header=0).counts.rows_staged == 2
    with pytest.raises(Exception, match="3 fields"):
        read_part(tmp_path, cells, range="B1:D2", header=0)


def test_a_header_row_is_named_as_the_sheet_numbers_it(tmp_path: Path) -> None:
    assert read_part(tmp_path, range="B3:C8", header=4).lines == [5, 7]


@pytest.mark.parametrize("text", ["B4", "B4:H", "B:H200", "H4:B9", "B9:H4", "B0:C2", "Z:AAAA"])
def test_what_is_no_range_is_refused_in_the_contract(text: str) -> None:
    with pytest.raises(ValidationError, match="B4:H200"):
        ExcelFormat(kind="excel", range=text)
