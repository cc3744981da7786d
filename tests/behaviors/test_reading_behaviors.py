"""What reading must do whatever the format: one suite over text, workbooks, JSON and Parquet."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from xml.sax.saxutils import escape

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from reading_world import Read, columns, read

from wharf.contracts import Column
from wharf.contracts.feed import SchemaPolicy
from wharf.contracts.formats import (
    CsvFormat,
    ExcelFormat,
    FileFormat,
    JsonLinesFormat,
    ParquetFormat,
)
from wharf.reading import Refused, SourceFile, infer_contract

Cell = str | None
Table = Sequence[Sequence[Cell]]

HEADER = ["Parcel No", "Value", "Stories", "Sold", "Note"]
ROWS: Table = [
    ["00123", "1234.5", "2", "2020-01-05", "Ångström, Ōsaka"],
    ["00124", "0.01", None, None, 'two\nlines and a "quote"'],
    ["00125", None, "-1", "1999-12-31", None],
]
WANTED = {
    "parcel": Column(type="string", required=True, aliases=("PARCEL_NO",)),
    **columns(value="decimal(14,2)", stories="int", sold="date", note="string"),
}
EXPECTED = [
    {
        "parcel": "00123",
        "value": Decimal("1234.50"),
        "stories": 2,
        "sold": date(2020, 1, 5),
        "note": "Ångström, Ōsaka",
    },
    {
        "parcel": "00124",
        "value": Decimal("0.01"),
        "stories": None,
        "sold": None,
        "note": 'two\nlines and a "quote"',
    },
    {
        "parcel": "00125",
        "value": None,
        "stories": -1,
        "sold": date(1999, 12, 31),
        "note": None,
    },
]


def as_text(table: Table, delimiter: str = ",", encoding: str = "utf-8", end: str = "\n") -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end)
    writer.writerows([cell or "" for cell in row] for row in table)
    return out.getvalue().encode(encoding)


def as_zip(table: Table) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner/table.txt", as_text(table))
    return out.getvalue()


def as_workbook(table: Table) -> bytes:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    for row in table:
        page.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def as_open_document(table: Table) -> bytes:
    def cell(value: Cell) -> str:
        if value is None:
            return "<table:table-cell/>"
        lines = "".join(f"<text:p>{escape(line)}</text:p>" for line in value.split("\n"))
        return f'<table:table-cell office:value-type="string">{lines}</table:table-cell>'

    rows = "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in table)
    spaces = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    content = (
        f"<?xml version='1.0' encoding='UTF-8'?><office:document-content{spaces}><office:body>"
        f"<office:spreadsheet><table:table table:name='S'>{rows}</table:table>"
        "</office:spreadsheet></office:body></office:document-content>"
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr("content.xml", content)
    return out.getvalue()


def as_json_lines(table: Table) -> bytes:
    header, *rows = table
    lines = [json.dumps(dict(zip(header, row, strict=True)), ensure_ascii=False) for row in rows]
    return "".join(line + "\n" for line in lines).encode()


def as_parquet(table: Table) -> bytes:
    header, *rows = table
    arrays = [pa.array([row[i] for row in rows], pa.string()) for i in range(len(header))]
    out = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, names=[str(name) for name in header]), out)
    return out.getvalue()


@dataclass(frozen=True)
class Kind:
    """One way of writing a table, and how a contract says so."""

    write: Callable[[Table], bytes]
    format: FileFormat
    first_line: int = 2
    can_be_cut: bool = True
    """Whether a cut shows in the bytes; a text simply ends."""


TEXT = CsvFormat(kind="csv")
TABS = CsvFormat.model_validate({"kind": "csv", "delimiter": "tab"})
WIDE = CsvFormat.model_validate({"kind": "csv", "encoding": "utf-16"})
SHEET = ExcelFormat(kind="excel")
LINES = JsonLinesFormat(kind="jsonl")
KINDS = {
    "csv": Kind(as_text, TEXT, can_be_cut=False),
    "csv windows": Kind(lambda table: as_text(table, end="\r\n"), TEXT, can_be_cut=False),
    "csv utf-16": Kind(lambda table: as_text(table, encoding="utf-16"), WIDE, can_be_cut=False),
    "tsv": Kind(lambda table: as_text(table, "\t"), TABS, can_be_cut=False),
    "csv gz": Kind(lambda table: gzip.compress(as_text(table)), TEXT),
    "csv bz2": Kind(lambda table: bz2.compress(as_text(table)), TEXT),
    "csv zst": Kind(lambda table: zstandard.compress(as_text(table)), TEXT),
    "csv zip": Kind(as_zip, TEXT),
    "xlsx": Kind(as_workbook, SHEET),
    "ods": Kind(as_open_document, SHEET),
    "jsonl": Kind(as_json_lines, LINES, first_line=1, can_be_cut=False),
    "jsonl gz": Kind(lambda table: gzip.compress(as_json_lines(table)), LINES, first_line=1),
    "parquet": Kind(as_parquet, ParquetFormat(kind="parquet"), first_line=1),
}


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = KINDS[request.param]
    return found


def reading(
    folder: Path,
    kind: Kind,
    rows: Table,
    header: Sequence[Cell] = HEADER,
    policy: SchemaPolicy | None = None,
) -> Read:
    content = kind.write([list(header), *rows])
    return read(folder, content, wanted=WANTED, fmt=kind.format, policy=policy)


def test_every_cell_comes_out_exactly(tmp_path: Path, kind: Kind) -> None:
    got = reading(tmp_path, kind, ROWS)
    assert got.rows == EXPECTED
    assert got.quarantined == []
    assert got.lines[:2] == [kind.first_line, kind.first_line + 1]
    assert (got.counts.rows_in_file, got.counts.rows_staged) == (3, 3)


def test_columns_may_stand_in_any_order(tmp_path: Path, kind: Kind) -> None:
    got = reading(tmp_path, kind, [row[::-1] for row in ROWS], HEADER[::-1])
    assert got.rows == EXPECTED
    assert list(got.plan.columns) == list(WANTED)


def test_a_row_that_cannot_be_cast_is_set_aside_whole(tmp_path: Path, kind: Kind) -> None:
    bad: Table = [
        ["00126", "1.005", "1", None, None],
        [None, "1", "1", None, "no id"],
        ["00127", "1", "1.5", None, None],
        ["00128", "1", "1", "31/12/1999", None],
    ]
    got = reading(tmp_path, kind, [*bad, *ROWS])
    assert got.rows == EXPECTED
    assert [(row["column"], row["reason"], row["line"]) for row in got.quarantined] == [
        ("value", "not a decimal(14, 2)", kind.first_line),
        ("parcel", "required value is missing", kind.first_line + 1),
        ("stories", "not a int", kind.first_line + 2),
        ("sold", "not a date", kind.first_line + 3),
    ]
    assert all(
        value in row["raw"]
        for row, value in zip(got.quarantined, ["1.005", "no id", "1.5", "31"], strict=True)
    )
    assert sum(got.counts.reasons.values()) == got.counts.rows_quarantined == 4


def test_a_new_column_follows_the_contracts_policy(tmp_path: Path, kind: Kind) -> None:
    header, rows = [*HEADER, "FLOOD ZONE"], [[*row, "AE"] for row in ROWS]
    got = reading(tmp_path, kind, rows, header)
    assert got.plan.columns["flood_zone"] == "string"
    assert {row["flood_zone"] for row in got.rows} == {"AE"}
    assert "new_column" in got.notes
    got = reading(tmp_path, kind, rows, header, SchemaPolicy(new_column="ignore"))
    assert got.rows == EXPECTED
    with pytest.raises(Refused, match="FLOOD ZONE"):
        reading(tmp_path, kind, rows, header, SchemaPolicy(new_column="quarantine"))


def test_a_dropped_column_follows_the_contracts_policy(tmp_path: Path, kind: Kind) -> None:
    rows = [row[:-1] for row in ROWS]
    with pytest.raises(Refused, match="'note'") as refused:
        reading(tmp_path, kind, rows, HEADER[:-1])
    assert refused.value.kind == "missing_columns"
    got = reading(tmp_path, kind, rows, HEADER[:-1], SchemaPolicy(dropped="null_fill"))
    assert got.rows == [{**row, "note": None} for row in EXPECTED]
    with pytest.raises(Refused, match="'parcel'"):
        reading(
            tmp_path,
            kind,
            [row[1:] for row in ROWS],
            HEADER[1:],
            SchemaPolicy(dropped="null_fill"),
        )


def test_two_columns_of_one_name_are_refused_by_name(tmp_path: Path, kind: Kind) -> None:
    with pytest.raises(Refused, match="PARCEL_NO") as refused:
        reading(tmp_path, kind, [["x", *row] for row in ROWS], ["PARCEL_NO", *HEADER])
    assert refused.value.kind == "duplicate_header"


@pytest.mark.parametrize("name", [name for name, each in KINDS.items() if each.can_be_cut])
def test_a_file_that_was_cut_off_is_never_read_in_part(tmp_path: Path, name: str) -> None:
    kind = KINDS[name]
    content = kind.write([HEADER, *ROWS])
    for cut in (1, 20, len(content) // 2):
        with pytest.raises(Refused) as refused:
            read(tmp_path, content[:-cut], wanted=WANTED, fmt=kind.format)
        assert refused.value.kind in {"truncated", "damaged"}


def test_the_name_of_a_file_says_nothing(tmp_path: Path, kind: Kind) -> None:
    content = kind.write([HEADER, *ROWS])
    got = read(tmp_path, content, wanted=WANTED, fmt=kind.format, names=("table.pdf.exe",))
    assert got.rows == EXPECTED


def test_parts_of_one_delivery_are_read_together(tmp_path: Path, kind: Kind) -> None:
    contents = [kind.write([HEADER, *rows]) for rows in (ROWS[:1], ROWS[1:])]
    got = read(tmp_path, *contents, wanted=WANTED, fmt=kind.format)
    assert got.rows == EXPECTED
    assert [each.rows_staged for each in got.counts.files] == [1, 2]


def test_an_inferred_contract_takes_in_the_file_it_came_from(tmp_path: Path, kind: Kind) -> None:
    path = tmp_path / "example"
    path.write_bytes(kind.write([HEADER, *ROWS]))
    proposal = infer_contract(SourceFile(path, "example"))
    got = read(tmp_path, path, wanted=proposal.columns, fmt=proposal.format)
    assert got.quarantined == []
    assert len(got.rows) == proposal.rows == 3
    assert proposal.key == ("parcel_no",)
    assert [row["parcel_no"] for row in got.rows] == ["00123", "00124", "00125"]
    assert proposal.format.kind == kind.format.kind
