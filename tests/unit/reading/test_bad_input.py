"""Bad input: each case ends in a state with a name, says what to do next, and loses nothing."""

from __future__ import annotations

import gzip
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from reading_world import columns, read

from wharf.contracts.formats import CsvFormat, ExcelFormat, FileFormat, JsonLinesFormat
from wharf.errors import DeliveryRefused, Terminal
from wharf.reading import REFUSALS, Refused, SourceFile, describe_refusal, infer_contract

WANTED = columns(account_id="string!", amount="decimal(18,2)")
GOOD = b"account_id,amount\n" + b"".join(b"a%d,%d.25\n" % (i, i) for i in range(2000))
PACKED = gzip.compress(GOOD)
EXCEL = ExcelFormat(kind="excel")
LINES = JsonLinesFormat(kind="jsonl")
TEXT = CsvFormat(kind="csv")
HTML = b"\n<!DOCTYPE html>\n<html><body><table><tr><td>a</td></tr></table></body></html>"


def flipped(content: bytes) -> bytes:
    changed = bytearray(content)
    changed[len(changed) // 2] ^= 4
    return bytes(changed)


def zipped(name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, GOOD)
    return out.getvalue()


@dataclass(frozen=True)
class Case:
    """A file, how the contract says it is read, and the kind of refusal it ends in."""

    content: bytes
    kind: str
    says: str
    fmt: FileFormat = TEXT


REFUSED = {
    "empty file": Case(b"", "empty", "the file is empty (0 bytes)"),
    "file of blank lines": Case(b"\n \r\n\n", "empty", "the file is empty"),
    "empty gz": Case(gzip.compress(b""), "empty", "the file is empty"),
    "truncated gz": Case(PACKED[:-30], "truncated", "end before their end marker"),
    "gz without its last 8 bytes": Case(PACKED[:-8], "truncated", "end marker"),
    "gz with a flipped byte": Case(flipped(PACKED), "damaged", "the gz data are damaged"),
    "wrong header": Case(b"x,y\n1,2\n", "no_header", "it begins with 'x', 'y'"),
    "header of an unfinished download": Case(
        b"Retrieving data. Wait a few seconds and try to cut or copy again.\n1,2\n",
        "no_header", "Retrieving data",
    ),
    "renamed column": Case(
        b"account_id,Amount EUR\na,1\n", "missing_columns", "'amount'",
        CsvFormat.model_validate({"kind": "csv", "header": 1}),
    ),
    "duplicated header": Case(
        b"account_id,amount,Amount\na,1,2\n", "duplicate_header", "'amount', 'Amount'"
    ),
    "duplicated new column": Case(
        b"account_id,amount,x,x\na,1,2,3\n", "duplicate_header", "'x'"
    ),
    "merge conflict": Case(
        b"<<<<<<< HEAD\n" + GOOD + b"=======\n" + GOOD + b">>>>>>> other\n",
        "conflict_markers", "conflict markers",
    ),
    "workbook that is HTML": Case(HTML, "unreadable", "HTML page", EXCEL),
    "workbook that is CSV": Case(GOOD, "other_format", "the file is plain text", EXCEL),
    "CSV that is JSON": Case(b'{"account_id": "a"}\n', "other_format", "the file is JSON"),
    "JSON lines that are CSV": Case(GOOD, "other_format", "the file is plain text", LINES),
    "zip member with ..": Case(zipped("../a.csv"), "unsafe_archive", "'../a.csv'"),
    "PDF": Case(b"%PDF-1.7\nnothing\n", "unreadable", "a PDF document"),
    "XML": Case(b"<?xml version='1.0'?><a/>", "unreadable", "an XML document"),
    "random bytes": Case(bytes(range(256)) * 9, "unreadable", "binary data"),
    "tar archive": Case(
        b"a" * 257 + b"ustar" + bytes(300), "unreadable", "a tar archive"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED.values(), ids=list(REFUSED))
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, case: Case) -> None:
    with pytest.raises(DeliveryRefused) as refused:
        read(tmp_path, case.content, wanted=WANTED, fmt=case.fmt)
    error = refused.value
    assert isinstance(error, Refused)
    assert isinstance(error, Terminal)
    assert (error.kind, error.file) == (case.kind, "file-0")
    assert case.says in error.reason
    told = describe_refusal(error)
    assert told.splitlines()[-1] == f"Next: {REFUSALS[case.kind]}"
    assert not list(tmp_path.glob("*.parquet"))


QUARANTINED = {
    "cut off last line": (GOOD[:-10] + b"\n", "too few fields", 1999),
    "bad encoding": (GOOD + b"\xff\xfe,1\n", "not valid in its encoding", 2000),
    "unterminated quote": (GOOD + b'"x,1\n', "unterminated quote", 2000),
    "text in a number": (GOOD + b"x,1.005\n", "not a decimal(18, 2)", 2000),
    "header twice": (GOOD + GOOD[: GOOD.index(b"\n") + 1], "repeats the header", 2000),
}


@pytest.mark.parametrize(
    ("content", "reason", "staged"), QUARANTINED.values(), ids=list(QUARANTINED)
)
def test_a_row_that_cannot_be_read_is_quarantined(
    tmp_path: Path, content: bytes, reason: str, staged: int
) -> None:
    got = read(tmp_path, content, wanted=WANTED)
    assert got.reasons == [reason]
    assert got.counts.rows_staged == staged


def test_the_second_of_two_files_is_refused_by_its_own_name(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        read(tmp_path, GOOD, PACKED[:-9], wanted=WANTED, names=("a.csv", "b.csv.gz"))
    assert refused.value.file == "b.csv.gz"


def test_two_parts_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="same name"):
        read(tmp_path, GOOD, GOOD, wanted=WANTED, names=("a", "a"))


def test_a_suppliers_text_cannot_forge_a_line_of_a_message(tmp_path: Path) -> None:
    content = b'account_id,amount,"x\x1b[2J\nERROR: all is lost"\na,1,2\n'
    with pytest.raises(Refused) as refused:
        read(
            tmp_path,
            content.replace(b"2J\n", b"2J") + b"\n" + content,
            wanted={**WANTED, **columns(gone="int!")},
        )
    assert refused.value.reason.isprintable()


@pytest.mark.parametrize(
    "content", [b"", HTML, b"just one word\n", b"\x00\x01\x02\x03" * 50, PACKED[:-5]]
)
def test_no_contract_is_made_up_for_what_is_no_table(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(Refused):
        infer_contract(SourceFile(path, "x.csv"))


def test_every_kind_of_refusal_has_a_next_step() -> None:
    assert all(step.endswith((".", "`.")) for step in REFUSALS.values())


def test_ten_thousand_columns_are_read_or_refused_but_do_not_hang(tmp_path: Path) -> None:
    header = ",".join(f"c{i}" for i in range(21_000)).encode()
    with pytest.raises(Refused, match="21,000 columns") as refused:
        read(tmp_path, header + b"\n", wanted=columns(c1="int", c2="int"))
    assert refused.value.kind == "too_many_columns"
