"""Files of past arrivals: what is read, and what is refused by line, column, value and choices."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest

from wharf.errors import ArrivalsError
from wharf.watch.rehearse.past import read_past

HEAD = "feed,period,file,submitted_utc,arrived_utc,status,bytes,sha256"
GOOD = "acme.prices,2026-11-20,p.csv,2026-11-20T08:00:00Z,2026-11-20T09:00:00Z,A,12,ab"


def write(folder: Path, *lines: str, head: str = HEAD) -> Path:
    path = folder / "arrivals.csv"
    path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    return path


def refusal(path: Path) -> str:
    with pytest.raises(ArrivalsError) as caught:
        read_past(path)
    return str(caught.value)


def test_a_line_is_read_with_its_times_in_utc(tmp_path: Path) -> None:
    [line] = read_past(write(tmp_path, GOOD.replace("09:00:00Z", "10:00:00+01:00"))).lines
    assert line.arrived_at == datetime(2026, 11, 20, 9, tzinfo=UTC)
    assert line.submitted_at == datetime(2026, 11, 20, 8, tzinfo=UTC)
    assert (line.size, line.sha256, line.number, line.withdrawn) == (12, "ab", 2, False)


def test_what_is_not_known_may_be_left_empty(tmp_path: Path) -> None:
    [line] = read_past(write(tmp_path, "a.b,2026-11-20,p.csv,,2026-11-20T09:00Z,M,,")).lines
    assert (line.size, line.sha256, line.submitted_at) == (None, "", None)


def test_bytes_and_hash_need_no_column(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.rsplit(",", 2)[0], head=HEAD.rsplit(",", 2)[0])
    assert read_past(path).lines[0].size is None


def test_lines_come_in_the_order_in_which_they_arrived(tmp_path: Path) -> None:
    later, sooner = GOOD, GOOD.replace("09:00", "07:00").replace("p.csv", "q.csv")
    same = GOOD.replace("p.csv", "r.csv")
    found = read_past(write(tmp_path, later, sooner, same)).lines
    assert [line.file for line in found] == ["q.csv", "p.csv", "r.csv"]


def test_a_line_said_twice_counts_once(tmp_path: Path) -> None:
    past = read_past(write(tmp_path, GOOD, GOOD))
    assert (len(past.lines), past.duplicates) == (1, (3,))


def test_a_byte_order_mark_windows_line_ends_and_gzip_are_read(tmp_path: Path) -> None:
    path = tmp_path / "arrivals.csv.gz"
    path.write_bytes(gzip.compress(f"\ufeff{HEAD}\r\n{GOOD}\r\n\r\n".encode()))
    assert len(read_past(path).lines) == 1


def test_no_line_at_all_is_no_past(tmp_path: Path) -> None:
    assert read_past(write(tmp_path)).lines == ()


BAD = {
    "a status nobody knows": (
        GOOD.replace(",A,", ",X,"),
        "line 2: status is 'X'; use A (added), M (changed), D (withdrawn)",
    ),
    "a time without a zone": (
        GOOD.replace("09:00:00Z", "09:00:00"),
        "line 2: arrived_utc is '2026-11-20T09:00:00', which names no zone",
    ),
    "a submission without a zone": (
        GOOD.replace("08:00:00Z", "08:00:00"),
        "line 2: submitted_utc is '2026-11-20T08:00:00', which names no zone",
    ),
    "a time nobody can read": (
        GOOD.replace("2026-11-20T09:00:00Z", "20/11/2026 9:00"),
        "line 2: arrived_utc is '20/11/2026 9:00'; write a time such as 2022-01-11T04:00:00Z",
    ),
    "a time before all calendars": (
        GOOD.replace("2026-11-20T09:00:00Z", "0001-01-01T00:00:00+14:00"),
        "which no calendar holds in UTC",
    ),
    "no arrival": (
        GOOD.replace("2026-11-20T09:00:00Z", ""),
        "line 2: arrived_utc is empty; write a time",
    ),
    "no feed": (GOOD.removeprefix("acme.prices"), "line 2: feed is empty"),
    "no period": (GOOD.replace("2026-11-20,", ",", 1), "line 2: period is empty"),
    "bytes that are no number": (GOOD.replace(",12,", ",1e3,"), "line 2: bytes is '1e3'; write"),
    "bytes below nothing": (GOOD.replace(",12,", ",-1,"), "line 2: bytes is '-1'; write"),
    "too few cells": (GOOD.rsplit(",", 1)[0], "line 2: has 7 cells, line 1 has 8"),
    "an open quote": (GOOD.replace("p.csv", '"p.csv'), "is no CSV file"),
    "a NUL in a name": (GOOD.replace("p.csv", "p\0.csv"), "line 2: file is 'p\\x00.csv'"),
}


@pytest.mark.parametrize(("line", "told"), BAD.values(), ids=BAD)
def test_a_bad_line_is_refused_by_number_column_and_value(
    line: str, told: str, tmp_path: Path
) -> None:
    assert told in refusal(write(tmp_path, line))


def test_every_bad_line_is_named_up_to_a_limit(tmp_path: Path) -> None:
    bad = [GOOD.replace(",A,", f",{number},") for number in range(30)]
    told = refusal(write(tmp_path, GOOD, *bad)).splitlines()
    assert told[0].startswith("arrivals.csv: line 3: status is '0'")
    assert told[-1] == "arrivals.csv: and 10 more problems"
    assert len(told) == 21


def test_a_long_value_is_shown_short(tmp_path: Path) -> None:
    assert len(refusal(write(tmp_path, GOOD.replace(",A,", f",{'x' * 9000},")))) < 300


def test_missing_columns_are_named(tmp_path: Path) -> None:
    told = refusal(write(tmp_path, head="feed,period,file,arrived,status"))
    assert "lacks the columns submitted_utc, arrived_utc; line 1 has feed, period, file" in told


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\x00a", b"\x00" * 50], ids=str)
def test_what_is_no_table_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "arrivals.csv"
    path.write_bytes(data)
    assert "arrivals.csv: " in refusal(path)


def test_a_broken_gzip_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "arrivals.csv.gz"
    path.write_bytes(gzip.compress(f"{HEAD}\n{GOOD}\n".encode())[:-9])
    assert "cannot be read" in refusal(path)
