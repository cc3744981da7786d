"""What a file is, by its bytes: never by its name."""

from __future__ import annotations

import mmap
import re
from pathlib import Path
from typing import Final

from wharf.reading.refusals import Refused

HEAD: Final = 1 << 16
_BINARY: Final = {
    b"%PDF": "a PDF document",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"SQLite format 3\x00": "an SQLite database",
    b"{\\rtf": "an RTF document",
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"\xfd7zXZ": "an xz archive",
    b"Obj\x01": "an Avro file",
    b"ORC": "an ORC file",
    b"ARROW1": "an Arrow file",
    b"\x7fELF": "a program",
    b"MZ\x90": "a program",
}
_MARKUP: Final = re.compile(rb"(?<!<)<\s*(!doctype\s+html|html|head|body|table|div|script)\b", re.I)
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_BOMS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_START: Final = b"<" * 7 + b" "
_END: Final = b">" * 7 + b" "


def kind_of(path: Path, name: str) -> str:
    """Say what kind of table a file holds: excel, parquet, json, or text.

    Raises:
        Refused: It is empty, or something that holds no table we read; the message names it.
    """
    with path.open("rb") as handle:
        head = handle.read(HEAD)
    if not head.strip(b" \t\r\n\x00\xef\xbb\xbf"):
        raise Refused(name, "empty", f"the file is empty ({path.stat().st_size:,} bytes)")
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"PARE"):
        raise Refused(name, "encrypted", "it is an encrypted Parquet file")
    if head.startswith(b"PK\x03\x04"):
        return "excel"
    if head.startswith(_OLE):
        return _ole(path, name)
    _refuse_foreign(head, name)
    text = _as_ascii(head).lstrip()
    if text.startswith((b"{", b"[")):
        return "json"
    return "text"


def _ole(path: Path, name: str) -> str:
    content = path.read_bytes()
    if "EncryptedPackage".encode("utf-16-le") in content:
        raise Refused(name, "encrypted", "it is a workbook with a password")
    if "WordDocument".encode("utf-16-le") in content:
        raise Refused(name, "unreadable", "it is a Word document")
    return "excel"


def _refuse_foreign(head: bytes, name: str) -> None:
    for magic, what in _BINARY.items():
        if head.startswith(magic):
            raise Refused(name, "unreadable", f"it is {what}")
    if head[8:12] == b"DUCK":
        raise Refused(name, "unreadable", "it is a DuckDB database")
    if head[257:262] == b"ustar":
        raise Refused(name, "unreadable", "it is a tar archive")
    text = _as_ascii(head)
    start = text.lstrip()[:1024]
    if start.startswith(b"<") and _MARKUP.search(start):
        raise Refused(name, "unreadable", "it is an HTML page, whatever its name says")
    if start.startswith(b"<?xml"):
        raise Refused(name, "unreadable", "it is an XML document")
    if not _is_text(head):
        raise Refused(name, "unreadable", "it is binary data of no kind known here")


def _as_ascii(head: bytes) -> bytes:
    """The head with byte-order mark and the zeros of UTF-16 taken out."""
    for bom in _BOMS:
        head = head.removeprefix(bom)
    return head.replace(b"\x00", b"")


def _is_text(head: bytes) -> bool:
    if head.startswith(_BOMS):
        return True
    zeros_even, zeros_odd = head[::2].count(0), head[1::2].count(0)
    if max(zeros_even, zeros_odd) > len(head) // 8 and min(zeros_even, zeros_odd) * 10 < len(head):
        return True  # UTF-16
    control = sum(head.count(byte) for byte in (*range(1, 9), *range(14, 27), 28, 29, 30))
    return (zeros_even + zeros_odd + control) * 50 < max(len(head), 150)


def refuse_conflict_markers(path: Path, name: str) -> None:
    """Refuse a file in which a version control system left both sides of a conflict.

    Raises:
        Refused: Lines begin with both kinds of conflict markers.
    """
    with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as text:
        # Looking for the bare mark first skips seven bytes at a time, ten times as fast.
        seen = text.find(_START[:7]) >= 0
        first = seen and (text[:8] == _START or text.find(b"\n" + _START) >= 0)
        if first and text.find(b"\n" + _END) >= 0:
            raise Refused(name, "conflict_markers", "it holds merge conflict markers")
