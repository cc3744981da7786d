"""Large deliveries: files of a size, rows in order, bad rows found without a second reading."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading_world import CONSTANTS, CSV, SYSTEM, columns, read

from wharf.contracts.feed import SchemaPolicy
from wharf.contracts.formats import FileFormat, ParquetFormat
from wharf.reading import Counts, SourceFile, parts_of, plan_reading, write_plan
from wharf.reading import parts as parts_module
from wharf.reading import scan as scan_module

WANTED = columns(n="long", name="string")
ROWS = 600_000


def written(
    folder: Path, sources: list[Path], fmt: FileFormat, file_size: int
) -> tuple[Counts, list[Path]]:
    files = [SourceFile(path, path.name) for path in sources]
    plan = plan_reading(files, fmt, WANTED, SchemaPolicy())
    ids = {name: place for place, name in enumerate([*plan.columns, *SYSTEM], start=1)}
    good = folder / "good.parquet"
    counts = write_plan(
        plan, good=good, bad=folder / "bad.parquet", field_ids=ids, constants=CONSTANTS,
        work=folder, file_size=file_size,
    )  # fmt: skip
    return counts, parts_of(good)


def numbers_of(paths: list[Path]) -> list[np.ndarray]:
    return [pq.read_table(path, columns=["n"])["n"].to_numpy() for path in paths]


def scattered(number: int) -> str:
    return f"{number},{number * 2654435761 % 4294967296:x}\n"


def test_a_large_text_becomes_several_files_in_the_order_of_its_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan_module, "WINDOW", 1 << 18)
    # The database holds the first million rows back, so what is on disk says nothing here.
    batches = itertools.count(1)
    monkeypatch.setattr(parts_module.Parts, "_is_full", lambda _: next(batches) % 10 == 0)
    source = tmp_path / "x.csv"
    source.write_text("n,name\n" + "".join(map(scattered, range(ROWS))))
    counts, paths = written(tmp_path, [source], CSV, 1 << 20)
    assert counts.rows_staged == ROWS
    assert len(paths) > 2
    assert np.concatenate(numbers_of(paths)).tolist() == list(range(ROWS))
    lines = np.concatenate([pq.read_table(path)["_line"].to_numpy() for path in paths])
    assert lines.tolist() == list(range(2, ROWS + 2))
    for path in paths:
        fields = pq.read_schema(path)
        assert [int(field.metadata[b"PARQUET:field_id"]) for field in fields] == [1, 2, 3, 4, 5, 6]


def test_a_large_parquet_file_becomes_several_files_in_the_order_of_its_rows(
    tmp_path: Path,
) -> None:
    source = tmp_path / "x.parquet"
    names = [scattered(number) for number in range(ROWS)]
    pq.write_table(pa.table({"n": range(ROWS), "name": names}), source)
    counts, paths = written(tmp_path, [source], ParquetFormat(kind="parquet"), 2 << 20)
    assert counts.rows_staged == ROWS
    assert len(paths) > 2
    assert np.concatenate(numbers_of(paths)).tolist() == list(range(ROWS))


def test_small_files_of_one_delivery_share_a_file(tmp_path: Path) -> None:
    sources = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for number, source in enumerate(sources):
        source.write_text(f"n,name\n{number},x\n")
    counts, paths = written(tmp_path, sources, CSV, 1 << 20)
    assert len(paths) == 1
    assert pq.read_table(paths[0])["_file"].to_pylist() == ["a.csv", "b.csv"]
    assert counts.rows_staged == 2


def test_large_files_of_one_delivery_are_written_apart_and_each_is_counted(
    tmp_path: Path,
) -> None:
    sources = [tmp_path / "a.csv", tmp_path / "b.csv"]
    sources[0].write_text("n,name\n" + "".join(map(scattered, range(1000))) + "bad,x\n")
    sources[1].write_text("n,name\nbad,x\n" + "".join(map(scattered, range(1000, 2000))))
    counts, paths = written(tmp_path, sources, CSV, 1000)
    assert [(each.rows_staged, each.rows_quarantined) for each in counts.files] == [(1000, 1)] * 2
    assert np.concatenate(numbers_of(paths)).tolist() == list(range(2000))
    assert pq.read_table(tmp_path / "bad.parquet")["line"].to_pylist() == [1002, 2]


@given(
    rows=st.lists(st.sampled_from(["1,a", "x,b", '2,"c\nd"', '3,"e"', "4", 'y,"f\ng"', ""])),
    window=st.sampled_from([8, 40, 1 << 20]),
    end=st.sampled_from(["\n", "\r\n"]),
)
@settings(max_examples=60, deadline=None)
def test_wherever_bad_rows_stand_each_is_kept_aside_with_its_own_text(
    tmp_path_factory: pytest.TempPathFactory, rows: list[str], window: int, end: str
) -> None:
    folder = tmp_path_factory.mktemp("parts")
    rows = [row.replace("\n", end) for row in rows]
    content = end.join(["n,name", *rows, ""]).encode()
    scan_module.WINDOW, kept = window, scan_module.WINDOW
    try:
        got = read(folder, content, wanted=WANTED)
    finally:
        scan_module.WINDOW = kept
    assert [row["n"] for row in got.rows] == [int(row[0]) for row in rows if row[:1] in {*"123"}]
    bad = sorted(got.quarantined, key=lambda row: int(row["line"]))
    assert [row["raw"] for row in bad] == [row for row in rows if row[:1] in {*"xy4"}]
    for row in bad:
        raw = row["raw"].encode()
        assert content[row["byte"] : row["byte"] + len(raw)] == raw


def test_bad_rows_are_looked_for_only_where_rows_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan_module, "WINDOW", 1000)
    lines = [scattered(number) for number in range(2000)]
    lines[700] = "seven hundred,x\n"
    source = tmp_path / "x.csv"
    source.write_text("n,name\n" + "".join(lines))
    plan = plan_reading([SourceFile(source, "x.csv")], CSV, WANTED, SchemaPolicy())
    stream = plan.files[0].stream
    assert stream is not None
    asked: list[int] = []
    make = stream.make
    stream.make = lambda chunks: (asked.append(len(chunks)), make(chunks))[1]
    counts = write_plan(
        plan, good=tmp_path / "good.parquet", bad=tmp_path / "bad.parquet", field_ids={},
        constants=CONSTANTS, work=tmp_path,
    )  # fmt: skip
    [row] = pq.read_table(tmp_path / "bad.parquet").to_pylist()
    assert (row["line"], row["column"], row["raw"]) == (702, "n", "seven hundred,x")
    assert counts.rows_staged == 1999
    assert asked == [len(stream.chunks), 1]
    assert len(stream.chunks) > 20
