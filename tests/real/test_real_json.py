"""JSON that others wrote to try parsers, and events as a shop sends them, each read once."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path

import pytest
import zstandard
from reading_world import read
from real_world import ROOT

from wharf.reading import Refused, SourceFile, infer_contract

NO_TABLE = {"no_records", "empty"}
"""How valid JSON may end that holds no objects."""
TWICE = "a key stands twice in the object"
EMPTY = "its objects are empty"


def real_data(name: str) -> Path:
    """One file of the real data; skips the test without it."""
    root = Path(os.environ.get("WHARF_REAL_DATA") or ROOT.parent / "shared" / "data")
    if not (root / name).exists():
        pytest.skip("no real data; WHARF_REAL_DATA says where it lies")
    return root / name


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the JSON parsing test suite."""
    packed = real_data("badfiles/jsontestsuite.tar.zst")
    folder = tmp_path_factory.mktemp("jsontestsuite")
    with packed.open("rb") as handle:
        plain = zstandard.ZstdDecompressor().stream_reader(handle).read()
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def _outcome(path: Path, folder: Path) -> tuple[str, str]:
    """How a file ends, and why; anything but a refusal or rows is a crash of the test."""
    try:
        proposal = infer_contract(SourceFile(path, path.name))
        got = read(folder, path, wanted=proposal.columns, fmt=proposal.format)
    except Refused as refused:
        return refused.kind, refused.reason
    return ("quarantined" if got.counts.rows_quarantined else "loaded"), ""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_file_of_the_suite_ends_as_its_name_says(suite: Path, tmp_path: Path) -> None:
    files = sorted(suite.rglob("*.json"))
    assert len(files) == 340
    wrong = []
    for path in files:
        kind, reason = _outcome(path, tmp_path)
        said = reason.endswith((TWICE, EMPTY)) or "holds no table, only" in reason
        if path.name.startswith("n_") and kind == "loaded":
            wrong.append((path.name, kind, reason))
        if path.name.startswith("y_") and not (kind in {"loaded", *NO_TABLE} or said):
            wrong.append((path.name, kind, reason))
    assert wrong == []


def test_valid_objects_of_the_suite_are_loaded_with_their_values(
    suite: Path, tmp_path: Path
) -> None:
    for path in sorted(suite.rglob("y_object*.json")):
        if "duplicated" in path.name or "empty.json" in path.name:
            continue
        wanted = json.loads(path.read_bytes())
        proposal = infer_contract(SourceFile(path, path.name))
        [row] = read(tmp_path, path, wanted=proposal.columns, fmt=proposal.format).rows
        assert len(row) == len(wanted)
        for got, value in zip(row.values(), wanted.values(), strict=True):
            assert got == value or str(got) == str(value) or (got is None and not value)


def test_sessions_with_their_events_come_out_as_they_were_sent(tmp_path: Path) -> None:
    path = real_data("events/misc/otto_20_sessions.jsonl")
    sent = [json.loads(line) for line in path.read_bytes().splitlines()]
    proposal = infer_contract(SourceFile(path, path.name))
    types = {name: column.type for name, column in proposal.columns.items()}
    assert types["events"] == "list<struct<aid: long, ts: long, type: string>>"
    got = read(tmp_path, path, wanted=proposal.columns, fmt=proposal.format)
    assert got.rows == sent
    assert got.counts.rows_quarantined == 0
