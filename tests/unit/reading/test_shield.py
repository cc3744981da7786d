"""Workbooks and Parquet of a delivery are looked at in a process that may be lost."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import openpyxl
import pytest
from reading_world import columns, read

from wharf.contracts.formats import ExcelFormat
from wharf.reading import Ceiling, Refused
from wharf.reading.apart import Shield


def _crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def _process() -> int:
    return os.getpid()


def _refuse() -> None:
    raise Refused("days.xlsx", "damaged", "it is cut off")


@pytest.fixture
def shield(monkeypatch: pytest.MonkeyPatch) -> Shield:
    monkeypatch.syspath_prepend(Path(__file__).parent)
    for function in (_crash, _process, _refuse):
        monkeypatch.setattr(function, "__module__", "test_shield")
    return Shield(Ceiling(seconds=60))


def test_a_reader_that_dies_is_a_refusal_and_the_next_file_is_read(shield: Shield) -> None:
    with pytest.raises(Refused, match=r"its reader ended by SIGSEGV") as refused:
        shield.call("days.xlsx", _crash)

    assert (refused.value.file, refused.value.kind) == ("days.xlsx", "reader_died")
    assert shield.call("more.xlsx", _process) != os.getpid()


def test_a_refusal_comes_back_as_it_is(shield: Shield) -> None:
    with pytest.raises(Refused) as refused:
        shield.call("days.xlsx", _refuse)

    assert (refused.value.kind, refused.value.reason) == ("damaged", "it is cut off")
    assert refused.value.next_step


def test_within_a_process_apart_no_other_is_started(
    shield: Shield, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Shield, "inside", True)

    assert shield.call("days.xlsx", _process) == os.getpid()


def test_a_workbook_that_kills_its_reader_leaves_the_task_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = Shield(Ceiling(seconds=60, memory=64 << 20))
    monkeypatch.setattr("wharf.reading.workbook.SHIELD", small)
    book = openpyxl.Workbook()
    book.active.append(["id"])
    book.active.append([1])
    book.save(tmp_path / "days.xlsx")

    with pytest.raises(Refused, match="over 64 MiB of memory"):
        read(
            tmp_path, tmp_path / "days.xlsx", wanted=columns(id="long"),
            fmt=ExcelFormat(kind="excel"),
        )  # fmt: skip
