"""What a file is, by its bytes: never by its name."""

from __future__ import annotations

import mmap
import os
import re
import stat
from pathlib import Path
from typing import Final

from wharf.reading.encoding import wide_without_mark
from wharf.reading.other_texts import other_text
from wharf.reading.refusals import Refused
from wharf.reading.seeking import seek

HEAD: Final = 1 << 16
_BINARY: Final = {
    b"%PDF": "a PDF document",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"II*\x00": "a TIFF image",
    b"MM\x00*": "a TIFF image",
    b"SQLite format 3\x00": "an SQLite database",
    b"\x00\x01\x00\x00Standard ": "an Access database",
    b"{\\rtf": "an RTF document",
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"\x1f\x9d": "a file of the old compress (.Z)",
    b"\x1f\xa0": "a file of the old compress (.Z)",
    b"\x04\x22\x4d\x18": "an lz4 file",
    b"LZIP": "an lzip file",
    b"MSCF": "a cabinet archive",
    b"!<arch>": "an ar archive",
    b"070701": "a cpio archive",
    b"Obj\x01": "an Avro file",
    b"ORC": "an ORC file",
    b"ARROW1": "an Arrow file",
    b"FEA1": "a Feather file",
    b"\xff\xff\xff\xff": "an Arrow stream",
    b"\x89HDF": "an HDF5 file",
    b"CDF\x01": "a NetCDF file",
    b"CDF\x02": "a NetCDF file",
    b"\x93NUMPY": "a NumPy array",
    b"<stata_dta>": "a Stata data set",
    b"$FL2": "an SPSS data set",
    b"$FL3": "an SPSS data set",
    b"HEADER RECORD*******": "a SAS transport file",
    b"RDX2": "an R data file",
    b"RDX3": "an R data file",
    b"X\n\x00\x00": "an R data file",
    b"\x7fELF": "a program",
    b"MZ\x90": "a program",
    b"\xca\xfe\xba\xbe": "a program",
}
_SAS: Final = bytes.fromhex("c2ea8160b31411cfbd92080009c7318c181f1011")
_MARKUP: Final = re.compile(rb"(?<!<)<\s*(!doctype\s+html|html|head|body|table|div|script)\b", re.I)
_ELEMENT: Final = re.compile(rb"<([A-Za-z][\w:.-]*)(\s[^<>]*)?/?>|<!--|<!\w")
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_STREAMS: Final = {
    "WordDocument": "a Word document",
    "PowerPoint Document": "a PowerPoint document",
    "__substg1.0": "an Outlook message",
}
_NO_FILE: Final = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
}
_BOMS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_START: Final = b"<" * 7 + b" "
_END: Final = b">" * 7 + b" "


def refuse_no_file(path: Path, name: str) -> None:
    """Refuse what is no plain file, or may not be read; opening a pipe would wait without end.

    Raises:
        Refused: It says what it is.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        what = _NO_FILE.get(stat.S_IFMT(mode), "a device")
        raise Refused(name, "no_file", f"it is {what}, no file")
    if not os.access(path, os.R_OK):
        raise Refused(name, "no_file", "this user may not read it")


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
    for stream, what in _STREAMS.items():
        if stream.encode("utf-16-le") in content:
            raise Refused(name, "unreadable", f"it is {what}")
    return "excel"


def _is_dbf(head: bytes) -> bool:
    """Whether the head is that of a dBase table: version, date, and lengths that fit."""
    if len(head) < 33 or head[0] not in {0x03, 0x30, 0x31, 0x83, 0x8B, 0xF5}:
        return False
    fields, rest = divmod(int.from_bytes(head[8:10], "little") - 33, 32)
    return 1 <= head[2] <= 12 and 1 <= head[3] <= 31 and fields > 0 and rest in {0, 263 % 32}


def _refuse_foreign(head: bytes, name: str) -> None:
    what = _known_binary(head) or _known_text(_as_ascii(head))
    if what:
        raise Refused(name, "unreadable", f"it is {what}")
    if not _is_text(head):
        raise Refused(name, "unreadable", "it is binary data of no kind known here")


def _known_binary(head: bytes) -> str:
    for magic, what in _BINARY.items():
        if head.startswith(magic):
            return what
    if head[12:32] == _SAS:
        return "a SAS data set"
    if head[8:12] == b"DUCK":
        return "a DuckDB database"
    if head[257:262] == b"ustar":
        return "a tar archive"
    return "a dBase table" if _is_dbf(head) else ""


def _known_text(text: bytes) -> str:
    start = text.lstrip()[:1024]
    if start.startswith(b"<") and _MARKUP.search(start):
        return "an HTML page, whatever its name says"
    if start.startswith(b"<?xml") or _ELEMENT.match(start):
        return "an XML document"
    what = other_text(text)
    return f"{what}, no table" if what else ""


def _as_ascii(head: bytes) -> bytes:
    """The head with byte-order mark and the zeros of UTF-16 taken out."""
    for bom in _BOMS:
        head = head.removeprefix(bom)
    return head.replace(b"\x00", b"")


def _is_text(head: bytes) -> bool:
    if head.startswith(_BOMS):
        return True
    if wide_without_mark(head[:4096]):
        return True
    control = sum(head.count(byte) for byte in (*range(3, 9), *range(14, 27), 28, 29))
    return (head.count(0) + control + _loose(head)) * 50 < max(len(head), 150)


def _loose(head: bytes) -> int:
    """Control bytes that may part fields, where they are too few to do so in each line."""
    lines = head.count(b"\n") or head.count(b"\r") or 1
    return sum(count for byte in (1, 2, 30) if (count := head.count(byte)) < lines)


def refuse_conflict_markers(path: Path, name: str) -> None:
    """Refuse a file in which a version control system left both sides of a conflict.

    Raises:
        Refused: Lines begin with both kinds of conflict markers.
    """
    with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as text:
        # Looking for the bare mark first skips seven bytes at a time, ten times as fast.
        seen = seek(text, _START[:7]) >= 0
        first = seen and (text[:8] == _START or seek(text, b"\n" + _START) >= 0)
        if first and seek(text, b"\n" + _END) >= 0:
            raise Refused(name, "conflict_markers", "it holds merge conflict markers")
