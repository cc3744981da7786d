"""Delimiter, quote, line end, encoding, title and header of files that nobody described."""

from __future__ import annotations

import random
from itertools import product
from pathlib import Path

import pytest

from wharf.reading import Trial, try_file

MARKS = (",", ";", "\t", "|", ":", "~", "^", "\x01", "\x1f", "||", "::", "~|~", "¦", "#|#")
WORDS = ("alpha", "Straße", "café", "müller", "x-ray", "long text", "of two words", "delta")
HEADER = ("name", "count", "amount", "day", "remark of it")
EVERY = list(
    product(
        MARKS, ('"', "'"), ("utf-8", "utf-8-sig", "utf-16", "utf-16-le"), ("\n", "\r\n", "\r"),
        (False, True), (False, True),
    )
)  # fmt: skip
SOME = random.Random(5).sample(EVERY, 60)


def tried(folder: Path, content: bytes) -> Trial:
    file, work = folder / "delivered", folder / "work"
    file.write_bytes(content)
    work.mkdir()
    return try_file(file, work)


def written(
    mark: str, quote: str, end: str, titled: bool, headed: bool, seed: str
) -> tuple[str, int]:
    chance = random.Random(seed)
    rows = [
        [
            chance.choice(WORDS), str(chance.randint(0, 99999)), f"{chance.random() * 1000:.2f}",
            f"2024-0{chance.randint(1, 9)}-1{chance.randint(0, 9)}",
            chance.choice((f"a{mark}b", "plain", "", f"two{end}lines", f"say {quote}hi{quote}")),
        ]
        for _ in range(chance.randint(5, 30))
    ]  # fmt: skip
    lines = ["Report of sales 2024", ""] if titled else []
    for row in [list(HEADER)] * headed + rows:
        cells = [quote + cell.replace(quote, quote * 2) + quote for cell in row]
        lines.append(mark.join(cells))
    return end.join(lines) + end, len(rows)


@pytest.mark.parametrize("case", SOME, ids=["-".join(map(repr, case)) for case in SOME])
def test_a_table_is_read_whole_however_it_is_written(
    tmp_path: Path, case: tuple[str, str, str, str, bool, bool]
) -> None:
    mark, quote, encoding, end, titled, headed = case
    text, rows = written(mark, quote, end, titled, headed, repr(case))
    trial = tried(tmp_path, text.encode(encoding))
    assert (trial.rows_staged, trial.rows_quarantined) == (rows, 0)
    assert (trial.delimiter, len(trial.columns)) == (mark, len(HEADER))
    assert trial.header_line == ((3 if titled else 1) if headed else None)


def test_the_first_line_may_name_the_delimiter(tmp_path: Path) -> None:
    trial = tried(tmp_path, b"sep=;\nid;name\n1;a,b\n2;c,d\n")
    assert (trial.delimiter, trial.header_line, trial.rows_staged) == (";", 2, 2)


def test_comment_lines_are_no_rows_and_no_header(tmp_path: Path) -> None:
    trial = tried(tmp_path, b"# made by hand\nid,name\n1,a\n# half way\n2,b\n")
    assert (trial.rows_in_file, trial.rows_staged, trial.header_line) == (2, 2, 2)


def test_a_backslash_takes_the_meaning_of_a_quote(tmp_path: Path) -> None:
    trial = tried(tmp_path, b'"id","said"\n"1","foo (\\"foo\\")"\n"2","a\\, b"\n')
    assert (trial.rows_staged, trial.rows_quarantined) == (2, 0)


def test_names_that_stand_twice_are_numbered_where_no_contract_forbids_it(tmp_path: Path) -> None:
    trial = tried(tmp_path, b"id,value,value\n1,2,3\n4,5,6\n")
    assert trial.columns == ("id", "value", "value_2")
    assert trial.rows_staged == 2


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"BEGIN:VCARD\nVERSION:3.0\nEND:VCARD\n", "vCard"),
        (b"BEGIN:VCALENDAR\nVERSION:2.0\nEND:VCALENDAR\n", "iCalendar"),
        (b"CREATE TABLE t (a int, b int);\nINSERT INTO t VALUES (1, 2);\n", "SQL"),
        (b"name: x\nitems:\n  - a\n  - b\nother:\n  key: 1\n", "YAML"),
        (b"[part]\nkey = 1\nother = 2\n", "INI"),
        (b"| a | b |\n|---|---|\n| 1 | 2 |\n", "Markdown"),
        (b"+---+---+\n| a | b |\n+---+---+\n", "drawn with lines"),
        (b"<rows><row a='1'/></rows>\n", "XML"),
        (b"\x1f\x9d\x90abc", "compress"),
        (b"\x89HDF\r\n\x1a\n" + b"\0" * 50, "HDF5"),
    ],
)
def test_what_is_no_table_is_refused_by_its_name(
    tmp_path: Path, content: bytes, named: str
) -> None:
    trial = tried(tmp_path, content)
    assert trial.outcome == "refused"
    assert named in trial.reason
