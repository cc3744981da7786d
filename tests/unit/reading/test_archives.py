"""Zip archives of several files: which members are read, how they are counted, what is refused."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from reading_world import Read, columns, read

from wharf.contracts.formats import CsvFormat
from wharf.reading import Limits, Refused, SourceFile, infer_contract, shape_of, try_file
from wharf.reading.archive import MOST, Choice, unpack
from wharf.reading.lines import line_of

ALL = CsvFormat(kind="csv", members="*.csv")
WANTED = columns(id="long!", name="string")
NORTH = b"id,name\n1,Ann\nx,Bob\n"
SOUTH = b"id,name\n3,Cho\n\n4,Dee\n5\n"


def zipped(folder: Path, name: str = "days.zip", /, **members: bytes) -> Path:
    path = folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return path


def read_zip(folder: Path, fmt: CsvFormat = ALL, /, **members: bytes) -> Read:
    return read(folder, zipped(folder, **members), wanted=WANTED, fmt=fmt, names=("days.zip",))


def test_members_of_a_pattern_are_one_delivery_and_each_has_counts_of_its_own(
    tmp_path: Path,
) -> None:
    members = {"north.csv": NORTH, "in/SOUTH.CSV": SOUTH, "notes.txt": b"hello"}
    got = read_zip(tmp_path, **members)
    counts = {each.name: each for each in got.counts.files}
    north, south = counts["days.zip!north.csv"], counts["days.zip!in/SOUTH.CSV"]
    assert (north.rows_staged, north.rows_quarantined, north.physical_lines) == (1, 1, 3)
    assert (south.rows_staged, south.rows_quarantined, south.blank) == (2, 1, 1)
    files = pq.read_table(got.good)["_file"].to_pylist()
    assert list(zip(files, got.lines, strict=True)) == [
        ("days.zip!north.csv", 2), ("days.zip!in/SOUTH.CSV", 2), ("days.zip!in/SOUTH.CSV", 4),
    ]  # fmt: skip
    assert {(row["file"], row["line"]) for row in got.quarantined} == {
        ("days.zip!north.csv", 3), ("days.zip!in/SOUTH.CSV", 5),
    }  # fmt: skip
    assert got.notes["members"] == "not read of the archive: 'notes.txt'"


def test_without_a_pattern_the_only_table_is_read_and_what_lies_beside_it_is_named(
    tmp_path: Path,
) -> None:
    beside = {"README.md": b"# hi", "meta.json": b"{}", "terms.pdf": b"%PDF", "__MACOSX/._a": b"x"}
    got = read_zip(tmp_path, CsvFormat(kind="csv"), **beside, **{"north.csv": NORTH})
    assert [each.name for each in got.counts.files] == ["days.zip"]
    assert got.notes["members"] == (
        "not read of the archive: 'README.md', 'meta.json', 'terms.pdf'"
    )


def test_several_tables_are_refused_by_a_contract_that_names_no_members(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"'north.csv', 'south.csv'") as refused:
        read_zip(tmp_path, CsvFormat(kind="csv"), **{"north.csv": NORTH, "south.csv": SOUTH})
    assert refused.value.kind == "several_files"
    assert "format.members" in refused.value.next_step


def test_a_pattern_that_no_member_has_is_refused_with_their_names(tmp_path: Path) -> None:
    fmt = CsvFormat(kind="csv", members="*.tsv")
    with pytest.raises(Refused, match=r"none of its members is '\*.tsv'; members: 'north.csv'"):
        read_zip(tmp_path, fmt, **{"north.csv": NORTH})


def test_a_member_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        read_zip(tmp_path, **{"north.csv": NORTH, "empty.csv": b""})
    assert (refused.value.file, refused.value.kind) == ("days.zip!empty.csv", "empty")


def test_members_of_one_header_are_proposed_as_one_feed_that_takes_them_all(
    tmp_path: Path,
) -> None:
    members = {"a.csv": b"id,name\n1,Ann\n", "b.csv": b"id,name\n2.5,Bob\n", "README.txt": b"hi"}
    path = zipped(tmp_path, **members)
    proposal = infer_contract(SourceFile(path, "days.zip"))
    assert proposal.format.members == "*.csv"
    assert proposal.rows == 2
    assert proposal.columns["id"].type != "long"
    got = read(tmp_path, path, wanted=proposal.columns, fmt=proposal.format)
    assert (got.counts.rows_staged, got.counts.rows_quarantined) == (2, 0)


def test_a_trial_counts_all_members(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    path = zipped(tmp_path, **{"a.csv": b"id,name\n1,Ann\n", "b.csv": b"id,name\n2,Bob\n"})
    trial = try_file(path, tmp_path / "work")
    assert (trial.outcome, trial.rows_in_file, trial.rows_staged) == ("loaded", 2, 2)


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (b"id,town\n1,Rye\n", "headers"),
        (b"id;name\n1;Ann\n", "delimiters"),
        (b'{"id": 1}', "kinds"),
    ],
)
def test_members_that_differ_are_refused_with_their_names(
    tmp_path: Path, other: bytes, what: str
) -> None:
    path = zipped(tmp_path, **{"a.csv": b"id,name\n1,Ann\n", "b.csv": other})
    with pytest.raises(Refused, match=f"2 files of different {what}: 'a.csv', 'b.csv'") as refused:
        infer_contract(SourceFile(path, "days.zip"))
    assert "format.members" in refused.value.next_step


def test_members_that_no_pattern_tells_apart_are_refused(tmp_path: Path) -> None:
    row = b"id,name\n1,Ann\n"
    path = zipped(tmp_path, **{"a.csv": row, "b.tab": row, "README.md": b"hi"})
    with pytest.raises(Refused, match="no pattern tells"):
        infer_contract(SourceFile(path, "days.zip"))


def test_limits_hold_over_all_members_together(tmp_path: Path) -> None:
    members = {f"{number}.csv": bytes(400_000) for number in range(5)}
    path = zipped(tmp_path, **members)
    with pytest.raises(Refused, match="expand") as refused:
        unpack(path, "days.zip", tmp_path, Choice("*"), Limits(bytes=1_000_000))
    assert refused.value.kind == "too_large"
    with pytest.raises(Refused, match="expand"):
        unpack(path, "days.zip", tmp_path, Choice("*"), Limits(ratio=100, free=1_000_000))


def test_very_many_members_are_refused_before_any_is_read(tmp_path: Path) -> None:
    path = zipped(tmp_path, **{f"{number}.csv": b"" for number in range(MOST + 1)})
    with pytest.raises(Refused, match="1,001 of its members") as refused:
        unpack(path, "days.zip", tmp_path, Choice("*"))
    assert refused.value.kind == "too_large"
    assert [each.name for each in tmp_path.iterdir()] == ["days.zip"]


@pytest.mark.parametrize("pattern", [None, "*.csv"])
def test_a_member_beside_the_wanted_ones_that_leaves_the_archive_refuses_it_all(
    tmp_path: Path, pattern: str | None
) -> None:
    path = zipped(tmp_path, **{"a.csv": b"a\n1\n", "../README.md": b"x"})
    with pytest.raises(Refused, match="leaves the archive") as refused:
        unpack(path, "days.zip", tmp_path, Choice(pattern))
    assert refused.value.kind == "unsafe_archive"


def test_members_that_share_bytes_are_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", bytes(100_000))
        archive.filelist.extend([archive.getinfo("a.csv")] * 50)
    (tmp_path / "days.zip").write_bytes(out.getvalue())
    with pytest.raises(Refused, match="share the same bytes") as refused:
        unpack(tmp_path / "days.zip", "days.zip", tmp_path, Choice("*"))
    assert refused.value.kind == "unsafe_archive"


def test_an_archive_in_an_archive_is_refused(tmp_path: Path) -> None:
    inner = zipped(tmp_path, "inner.zip", **{"a.csv": NORTH}).read_bytes()
    with pytest.raises(Refused, match="compressed twice"):
        read_zip(tmp_path, CsvFormat(kind="csv", members="*"), **{"a.zip": inner, "b.csv": NORTH})


def test_the_line_of_a_member_is_found_again(tmp_path: Path) -> None:
    got = read_zip(tmp_path, **{"north.csv": NORTH, "south.csv": SOUTH})
    shape = shape_of(got.plan.files[1])
    source = SourceFile(tmp_path / "days.zip", "days.zip")
    (tmp_path / "read").mkdir()
    assert line_of(source, 4, shape, ALL, WANTED, tmp_path / "read") == "4,Dee"
