"""Files made to do harm: each ends bounded, as loaded, quarantined or refused with a reason."""

from __future__ import annotations

import csv
import gzip
import io
import os
import random
import socket
import time
import zipfile
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pyarrow.parquet as pq
import pytest
from reading_world import columns, read

from wharf.contracts.formats import CsvFormat
from wharf.reading import Ceiling, Trial, try_all, try_file

NAMES = ["o'clock", 'say "x"', "two\nlines", "'; DROP TABLE f0; --", "<script>alert(1)</script>"]
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def tried(folder: Path, content: bytes, name: str = "sent") -> Trial:
    path, work = folder / name, folder / "work"
    path.write_bytes(content)
    work.mkdir()
    return try_file(path, work)


def workbook(sheet: str, dimension: str, **cells: str) -> bytes:
    """A workbook of inline texts that says of itself what it is told to."""
    rows: dict[str, str] = {}
    for place, text in cells.items():
        row = place.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        cell = f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'
        rows[row] = rows.get(row, "") + cell
    data = "".join(f'<row r="{row}">{cells}</row>' for row, cells in rows.items())
    parts = {
        "_rels/.rels": (
            f'<Relationships xmlns="{PACKAGE}"><Relationship Id="r1" Type="{OFFICE}/officeDocument"'
            ' Target="xl/workbook.xml"/></Relationships>'
        ),
        "xl/workbook.xml": (
            f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>'
            f'<sheet name={quoteattr(sheet)} sheetId="1" r:id="r1"/></sheets></workbook>'
        ),
        "xl/_rels/workbook.xml.rels": (
            f'<Relationships xmlns="{PACKAGE}"><Relationship Id="r1" Type="{OFFICE}/worksheet"'
            ' Target="worksheets/sheet1.xml"/></Relationships>'
        ),
        "xl/worksheets/sheet1.xml": (
            f'<worksheet xmlns="{MAIN}"><dimension ref="{dimension}"/>'
            f"<sheetData>{data}</sheetData></worksheet>"
        ),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize("width", [2_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_a_table_of_very_many_columns_is_read_in_seconds(tmp_path: Path, width: int) -> None:
    wide = ",".join(f"c{i}" for i in range(width)) + "\n" + ",".join(["1"] * width) + "\n"
    began = time.process_time()
    trial = tried(tmp_path, wide.encode())
    assert (trial.outcome, trial.rows_staged, len(trial.columns)) == ("loaded", 1, width)
    assert time.process_time() - began < 60


def test_a_table_of_fifty_thousand_columns_is_refused(tmp_path: Path) -> None:
    wide = ",".join(f"c{i}" for i in range(50_000)) + "\n" + ",".join(["1"] * 50_000) + "\n"
    trial = tried(tmp_path, wide.encode())
    assert (trial.outcome, trial.reason) == ("refused", "it has 50,000 columns")


@pytest.mark.parametrize(
    "megabytes", [200, pytest.param(1024, marks=pytest.mark.slow)], ids=["200 MB", "1 GiB"]
)
def test_an_endless_line_goes_to_quarantine_within_a_gibibyte(
    tmp_path: Path, megabytes: int
) -> None:
    path = tmp_path / "long.csv.gz"
    # Without the noise it would expand too far to be read at all.
    piece = random.Random(1).randbytes(1 << 13).hex().encode().ljust(1 << 20, b"a")
    with gzip.open(path, "wb", compresslevel=1) as out:
        out.write(b"id,name\n1,Ann\n2,")
        for _ in range(megabytes):
            out.write(piece)
        out.write(b"\n3,Cho\n")
    [trial] = try_all([path], Ceiling(seconds=300))
    assert (trial.outcome, trial.rows_staged, trial.rows_quarantined) == ("quarantined", 2, 1)
    assert trial.reason == "1 of 3 rows: line too long (1)"


def test_names_of_columns_are_names_whatever_they_hold(tmp_path: Path) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([NAMES, list("abcde"), list("fghij")])
    trial = tried(tmp_path, text.getvalue().encode())
    assert (trial.outcome, trial.rows_staged) == ("loaded", 2)
    assert list(trial.header) == NAMES
    assert all("\n" not in name for name in trial.columns)


def test_names_of_members_are_names_whatever_they_hold(tmp_path: Path) -> None:
    path = tmp_path / "sent.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in NAMES:
            archive.writestr(f"{name}.csv", "id,name\n1,Ann\n")
    fmt = CsvFormat(kind="csv", members="*.csv")
    got = read(tmp_path, path, wanted=columns(id="long", name="string"), fmt=fmt)
    files = pq.read_table(got.good)["_file"].to_pylist()
    assert files == [f"file-0!{name}.csv" for name in NAMES]


def test_a_refusal_shows_names_of_members_on_one_line(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number, name in enumerate(NAMES):
            archive.writestr(f"{name}.csv", f"id,x{number}\n1,Ann\n")
    trial = tried(tmp_path, out.getvalue())
    assert trial.outcome == "refused"
    assert "of different headers" in trial.reason
    assert r"two\nlines" in trial.reason
    assert "\n" not in trial.reason


@pytest.mark.parametrize("sheet", ["o'clock", 'say "x"', "'; DROP TABLE f0; --", "<script>"])
def test_names_of_sheets_are_names_whatever_they_hold(tmp_path: Path, sheet: str) -> None:
    trial = tried(tmp_path, workbook(sheet, "A1:B2", A1="id", B1="name", A2="1", B2="Ann"))
    assert (trial.outcome, trial.rows_staged, trial.sheet) == ("loaded", 1, sheet)


def test_a_sheet_that_claims_a_billion_rows_has_those_that_it_has(tmp_path: Path) -> None:
    content = workbook("S", "A1:XFD1000000000", A1="id", B1="name", A2="1", B2="Ann")
    trial = tried(tmp_path, content)
    assert (trial.outcome, trial.rows_in_file, trial.rows_staged) == ("loaded", 1, 1)


@pytest.mark.parametrize("far", ["XFD1048576", "B1000000000", "ZZZZZ9"])
def test_a_far_cell_is_refused_before_it_ends_the_process(tmp_path: Path, far: str) -> None:
    content = workbook("S", "A1:B2", **{"A1": "id", "B1": "name", "A2": "1", far: "x"})
    trial = tried(tmp_path, content)
    assert trial.outcome == "refused"
    assert "reaches over" in trial.reason


def test_what_is_no_file_is_refused_at_once_and_says_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    Path("folder").mkdir()
    os.mkfifo("pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        reasons = [try_file(Path(name), tmp_path).reason for name in ("folder", "pipe", "socket")]
    assert reasons == [
        "it is a folder, no file", "it is a named pipe, no file", "it is a socket, no file",
    ]  # fmt: skip


def test_a_file_that_may_not_be_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The tests may run as root, whom no mode stops.
    monkeypatch.setattr("wharf.reading.content.os.access", lambda *_: False)
    assert tried(tmp_path, b"a,b\n1,2\n").reason == "this user may not read it"
