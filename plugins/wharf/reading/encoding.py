"""Character encodings: what the contract says, what the bytes say, and UTF-8 to go on with."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

CHUNK: Final = 4 << 20
_CACHED: Final = 1 << 18
FALLBACK: Final = "cp1252"
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE: Final = ("utf-16", "utf-32")
_ESCAPED: Final = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True)
class Text:
    """A text file in UTF-8, and where it came from."""

    path: Path
    encoding: str
    """What the bytes were read as, such as utf-8, utf-16-le or cp1252."""
    bom: int
    """Bytes of a mark at the start of `path`."""
    valid: bool
    """Whether every byte of `path` is valid UTF-8."""
    exact: bool
    """Whether byte positions in `path` are those of the delivered (expanded) file."""
    feeds: int
    """Line feeds in `path`, counted here, apart from any reader."""
    returns: int
    """Carriage returns without a feed behind them, counted likewise."""
    finding: str = ""


def as_utf8(path: Path, declared: str | None, work: Path) -> Text:
    """Read a text as its bytes prove it must be read; where they prove nothing, as declared.

    Marks, the zeros of UTF-16 and multi-byte UTF-8 are proof. With nothing proved and nothing
    declared, cp1252.

    Args:
        path: The file, without compression.
        declared: The contract's encoding; None when there is no contract.
        work: Folder for a converted copy.
    """
    marked, bom = _marked(path)
    if marked.startswith(_WIDE):
        return _converted(path, marked, bom, declared, work)
    shape = _Shape(path, bom)
    if shape.valid:
        note = "" if shape.ascii else _difference(declared, "utf-8")
        return Text(path, "utf-8", bom, True, True, shape.feeds, shape.returns, note)
    wanted = canonical(declared) if declared else ""
    if marked or wanted == "utf-8" or (not wanted and _is_mostly_utf8(path)):
        note = f"the file is not valid UTF-8 throughout; it may be {FALLBACK}"
        return Text(path, "utf-8", bom, False, True, shape.feeds, shape.returns, note)
    narrow = FALLBACK if not wanted or wanted.startswith(_WIDE) else wanted
    return _converted(path, narrow, 0, declared, work)


def canonical(encoding: str) -> str:
    """Spell an encoding's name in one way."""
    return codecs.lookup(encoding).name.replace("_", "-").removesuffix("-sig")


def _marked(path: Path) -> tuple[str, int]:
    """The encoding that a mark or the pattern of zeros proves, and the length of the mark."""
    with path.open("rb") as handle:
        head = handle.read(4096)
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return encoding, len(bom)
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) * 8 > len(head) and min(even, odd) * 10 < max(even, odd):
        return ("utf-16-le" if odd > even else "utf-16-be"), 0
    return "", 0


class _Shape:
    """One pass over the bytes: are they UTF-8, are they ASCII, and how many line feeds."""

    def __init__(self, path: Path, bom: int) -> None:
        self.ascii, self.valid, self.feeds, self.returns = True, True, 0, 0
        last = b""
        decoder = codecs.getincrementaldecoder("utf-8")("strict")
        with path.open("rb") as handle:
            handle.seek(bom)
            while chunk := handle.read(CHUNK):
                self.feeds += _count_feeds(chunk)
                if last == b"\r" and chunk[:1] == b"\n":
                    self.returns -= 1
                if b"\r" in chunk:
                    self.returns += chunk.count(b"\r") - chunk.count(b"\r\n")
                last = chunk[-1:]
                self.ascii = self.ascii and chunk.isascii()
                if self.valid and not self.ascii:
                    self.valid = _decodes(decoder, chunk)
        self.valid = self.valid and _decodes(decoder, b"")


def _count_feeds(chunk: bytes) -> int:
    """Three times as fast as `bytes.count`, where feeds are many."""
    data = np.frombuffer(chunk, np.uint8)
    return sum(
        int(np.count_nonzero(data[at : at + _CACHED] == 10)) for at in range(0, len(data), _CACHED)
    )


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes) -> bool:
    try:
        decoder.decode(chunk, not chunk)
    except UnicodeDecodeError:
        return False
    return True


def _is_mostly_utf8(path: Path) -> bool:
    """Whether a text with a few broken bytes is UTF-8 none the less."""
    with path.open("rb") as handle:
        text = handle.read(CHUNK).decode("utf-8", "replace")
    wide = sum(1 for char in text if char > "\x7f")
    return wide > 5 * text.count("\ufffd")


def _converted(path: Path, encoding: str, bom: int, declared: str | None, work: Path) -> Text:
    target, valid = work / "utf8", True
    decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
    with path.open("rb") as source, target.open("wb") as out:
        source.seek(bom)
        while True:
            chunk = source.read(CHUNK)
            text = _decode(decoder, chunk)
            valid = valid and not _ESCAPED.search(text)
            out.write(text.encode("utf-8", "surrogateescape"))
            if not chunk:
                break
    note = _difference(declared, encoding)
    shape = _Shape(target, 0)
    return Text(target, canonical(encoding), 0, valid, False, shape.feeds, shape.returns, note)


def _decode(decoder: codecs.IncrementalDecoder, chunk: bytes) -> str:
    """Decode a chunk; what cannot be decoded is kept escaped, so that its row is found."""
    try:
        return decoder.decode(chunk, not chunk)
    except UnicodeDecodeError as error:
        decoder.reset()  # multi-byte encodings cannot escape half a character
        return bytes(error.object).decode("ascii", "surrogateescape")


def _difference(declared: str | None, encoding: str) -> str:
    if declared is None:
        return ""
    wanted, got = canonical(declared), canonical(encoding)
    if wanted == got or (wanted in _WIDE and got.startswith(wanted)):
        return ""
    return f"the contract says encoding {wanted}, the bytes say {got}; it was read as {got}"
