"""Where records begin and end: the fast scan agrees with a slow, independent reader."""

from __future__ import annotations

import csv
import io
import mmap
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wharf.reading import scan as scan_module
from wharf.reading.layout import Layout
from wharf.reading.plain import glance
from wharf.reading.records import Dialect, count_breaks, read_record
from wharf.reading.scan import Scanned, Scanner
from wharf.reading.spans import Span

CELLS = st.text(alphabet='ab,;"\n\r é', max_size=6)


PLAIN = Dialect()


@dataclass(frozen=True)
class Found:
    """What a scan made of a text."""

    scanned: Scanned
    starts: list[int]
    lines: list[int]

    @property
    def layout(self) -> Layout:
        return self.scanned.layout

    @property
    def is_copy(self) -> bool:
        return any(span.is_copy for span in self.scanned.spans)


def starts_of(span: Span, content: bytes) -> list[int]:
    if span.starts is not None:
        return span.starts.tolist()
    starts = [span.start]
    while len(starts) < span.rows:
        starts.append(content.index(b"\n", starts[-1]) + 1)
    return starts


def scan(content: bytes, width: int, dialect: Dialect = PLAIN) -> tuple[Found, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(content)
        with path.open("rb") as handle:
            text = mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)
        scanned = Scanner(text, path, dialect, width, 0, 1, False, Path(folder)).scan()
        spans, copy = scanned.spans, b""
        if any(span.is_copy for span in spans):
            copy = scanned.copy.read_bytes()
        clean = b"".join(
            (copy if span.is_copy else content)[span.start : span.end] for span in spans
        )
        starts = [start for span in spans for start in starts_of(span, content)]
        lines = [line for span in spans for line in span.line_numbers().tolist()]
        assert [span.first for span in spans] == [
            sum(e.rows for e in spans[:i]) for i in range(len(spans))
        ]
        return Found(scanned, starts, lines), clean


def quoted(cell: str, always: bool) -> str:
    """Write a cell; in quotes always, or where it must be."""
    if always or {*cell} & {*',"\r\n'}:
        return '"' + cell.replace('"', '""') + '"'
    return cell


def parse(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline=""), strict=True))


@given(
    rows=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=12),
    end=st.sampled_from(["\n", "\r\n"]),
    always=st.booleans(),
    last_end=st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_sound_text_is_read_as_it_was_written(
    rows: list[tuple[str, str, str]], end: str, always: bool, last_end: bool
) -> None:
    content = "".join(",".join(quoted(cell, always) for cell in row) + end for row in rows).encode()
    content = content if last_end else content[: -len(end)]
    scanned, clean = scan(content, 3)
    assert parse(clean) == [list(row) for row in rows]
    assert len(scanned.starts) == scanned.layout.rows == len(rows)
    assert not scanned.layout.rejects
    assert scanned.layout.lines == count_breaks(content) + (not last_end)
    assert scanned.layout.lines == len(rows) + scanned.layout.continuation
    for start, line in zip(scanned.starts, scanned.lines, strict=True):
        assert line == 1 + count_breaks(content[:start])


@given(content=st.text(alphabet='a ,"\n\r', min_size=1, max_size=60).map(str.encode))
@settings(max_examples=600, deadline=None)
def test_every_line_of_any_text_is_accounted_for_once(content: bytes) -> None:
    scanned, clean = scan(content, 2)
    layout = scanned.layout
    lines = count_breaks(content) + (not content.endswith((b"\n", b"\r")))
    assert layout.lines == lines
    assert lines == len(scanned.starts) + len(layout.rejects) + layout.blank + layout.continuation
    assert all(len(row) == 2 for row in parse(clean))
    assert len(parse(clean)) == len(scanned.starts)
    for start, row in zip(scanned.starts, parse(clean), strict=True):
        fields = read_record(content, int(start), Dialect()).fields
        assert [field.decode() for field in fields] == row


@given(content=st.text(alphabet='a ,"\n', min_size=1, max_size=40).map(str.encode))
@settings(max_examples=200, deadline=None)
def test_small_windows_change_nothing(content: bytes) -> None:
    before, clean = scan(content, 2)
    scan_module.WINDOW, kept = 4, scan_module.WINDOW
    try:
        after, again = scan(content, 2)
    finally:
        scan_module.WINDOW = kept
    assert parse(clean) == parse(again)
    assert before.starts == after.starts
    assert before.lines == after.lines
    assert list(before.layout.rejects) == list(after.layout.rejects)


@given(
    content=st.text(alphabet='a ,"\n\r', min_size=1, max_size=60).map(str.encode),
    window=st.sampled_from([6, 16, 1 << 20]),
    width=st.sampled_from([1, 2, 3]),
)
@settings(max_examples=400, deadline=None)
def test_the_quick_look_and_the_close_one_find_the_same(
    content: bytes, window: int, width: int
) -> None:
    quick, clean = scan(content, width)
    kept = scan_module.WINDOW, scan_module.glance
    scan_module.WINDOW, scan_module.glance = window, lambda *_: None
    try:
        close, again = scan(content, width)
    finally:
        scan_module.WINDOW, scan_module.glance = kept
    assert parse(clean) == parse(again)
    assert (quick.starts, quick.lines) == (close.starts, close.lines)
    assert list(quick.layout.rejects) == list(close.layout.rejects)
    assert (quick.layout.blank, quick.layout.continuation) == (
        close.layout.blank, close.layout.continuation,
    )  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        '"a","b"\n"c","d"\n',
        '"a\nb","c"\n"d","e,f"\n',
        '"a""b",""\r\n"c\r\nd",e\r\n',
        'a,"b"\nc,d\n',
    ],
    ids=["plain cells", "line breaks", "doubled quotes", "some quotes"],
)
def test_regular_quotes_are_told_at_a_glance(content: str) -> None:
    seen = glance(content.encode(), PLAIN, 2)
    assert seen is not None
    assert (seen.rows, seen.end) == (len(parse(content.encode())), len(content))


def test_a_record_that_its_window_cuts_off_waits_for_the_next() -> None:
    seen = glance(b'"a","b"\n"c\n', PLAIN, 2)
    assert seen is not None
    assert (seen.rows, seen.lines, seen.end) == (1, 1, 8)


@pytest.mark.parametrize(
    ("content", "kept", "reasons"),
    [
        (b'a,b\n"c,d\ne,f\ng,h\n', b"a,b\ne,f\ng,h\n", ["unterminated quote"]),
        (b'a,b\n"c"x,d\ne,f\n', b"a,b\ne,f\n", ["malformed quote"]),
        (b'a,b\nc,"d\ne,f\ng,"h"\n', b'a,b\ne,f\n"g","h"\n', ["malformed quote"]),
        (b"a,b\nc\nd,e,f\n", b"a,b\n", ["too few fields", "too many fields"]),
        (b"a,b\n\xff,c\n", b"a,b\n", ["not valid in its encoding"]),
    ],
    ids=["open to the end", "text behind a quote", "open until another", "ragged", "encoding"],
)
def test_a_broken_row_takes_no_other_row_along(
    content: bytes, kept: bytes, reasons: list[str]
) -> None:
    scanned, clean = scan(content, 2)
    assert parse(clean) == parse(kept)
    assert [reason for _, _, _, reason in scanned.layout.rejects] == reasons


def test_a_file_that_is_regular_is_not_copied() -> None:
    assert not scan(b'a,b\n"c\nd","e""f"\n', 2)[0].is_copy


def test_a_quote_inside_a_plain_field_is_text() -> None:
    _, clean = scan(b'5" pipe,b\n', 2)
    assert parse(clean) == [['5" pipe', "b"]]


def test_a_row_with_a_line_break_keeps_the_line_it_begins_on() -> None:
    scanned, _ = scan(b'"a\nb",c\nd,e\n', 2)
    assert scanned.lines == [1, 3]
    assert scanned.layout.continuation == 1


@pytest.mark.parametrize("blank", ["", " ", "\t", " \t ", "\v"])
@pytest.mark.parametrize("windows", [1, 4000])
def test_a_line_of_white_space_is_blank_in_a_single_column_too(blank: str, windows: int) -> None:
    content = f"a\n{blank}\n b\n".encode() * windows
    found, _ = scan(content, width=1)
    assert (found.scanned.layout.rows, found.scanned.layout.blank) == (2 * windows, windows)


def test_without_a_quote_character_quotes_are_text() -> None:
    scanned, clean = scan(b'"a,b"\n', 2, Dialect(",", ""))
    assert clean == b'"a,b"\n'
    assert not scanned.layout.rejects


def test_a_line_of_many_megabytes_is_set_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (scan_module, __import__("wharf.reading.records", fromlist=["records"])):
        monkeypatch.setattr(module, "MAX_RECORD", 100)
    monkeypatch.setattr(scan_module, "WINDOW", 64)
    content = b"a,b\n" + b"x" * 500 + b",c\nd,e\n"
    scanned, clean = scan(content, 2)
    assert clean == b"a,b\nd,e\n"
    assert [reason for *_, reason in scanned.layout.rejects] == ["line too long"]
