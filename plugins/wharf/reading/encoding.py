"""Character encodings: what the contract says, what the bytes say, and UTF-8 to go on with."""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from wharf.reading.detect import WIDER, detect

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
_SHIFTED: Final = {b"\x1b$B": "iso2022_jp", b"\x1b$@": "iso2022_jp", b"\x1b$)C": "iso2022_kr"}
_SAMPLE: Final = 1 << 17
_AROUND: Final = 1000
_ABOVE_ASCII: Final = re.compile(rb"[\x80-\xff]")
_SPELLED: Final = {
    "shift-jis": "shift_jis", "euc-jis-2004": "euc-jp", "iso2022-jp": "iso-2022-jp",
    "iso2022-kr": "iso-2022-kr",
}  # fmt: skip
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

    Marks, the zeros of UTF-16 and UTF-32, shift sequences and multi-byte UTF-8 are proof. With
    nothing proved and nothing declared, the encoding is detected.

    Args:
        path: The file, without compression.
        declared: The contract's encoding; None when there is no contract.
        work: Folder for a converted copy.
    """
    marked, bom = _marked(path)
    if marked.startswith(_WIDE) or marked in _SHIFTED.values():
        return _converted(path, marked, bom, declared, work)
    shape = _Shape(path, bom)
    if shape.valid:
        note = "" if shape.ascii else _difference(declared, "utf-8")
        return Text(path, "utf-8", bom, True, True, shape.feeds, shape.returns, note)
    wanted = canonical(declared) if declared else ""
    if marked or wanted == "utf-8" or (not wanted and _is_mostly_utf8(path)):
        other = _detected(shape)[0]
        note = f"the file is not valid UTF-8 throughout; it may be {canonical(other)}"
        return Text(path, "utf-8", bom, False, True, shape.feeds, shape.returns, note)
    if wanted and not wanted.startswith(_WIDE):
        return _converted(path, wanted, 0, declared, work)
    narrow, is_sure = _detected(shape)
    text = _converted(path, narrow, 0, declared, work)
    if is_sure or text.finding:
        return text
    note = f"its encoding is a guess from a few letters: {text.encoding}; say it in the contract"
    return replace(text, finding=note)


def canonical(encoding: str) -> str:
    """Spell an encoding's name in one way, that of most people."""
    name = codecs.lookup(encoding).name.replace("_", "-").removesuffix("-sig")
    return _SPELLED.get(name, re.sub("^iso8859-", "iso-8859-", name))


def _detected(shape: _Shape) -> tuple[str, bool]:
    found = detect(bytes(shape.sample)) if shape.sample else None
    return (found.encoding, found.is_sure) if found else (FALLBACK, False)


def _marked(path: Path) -> tuple[str, int]:
    """The encoding that a mark, shifts or the pattern of zeros prove; the length of the mark."""
    with path.open("rb") as handle:
        head = handle.read(4096)
        shifted = next((name for mark, name in _SHIFTED.items() if mark in head), "")
        if not shifted and b"\x1b$" in head + handle.read(1 << 20):
            handle.seek(0)
            start = handle.read(1 << 20)
            shifted = next((name for mark, name in _SHIFTED.items() if mark in start), "")
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return encoding, len(bom)
    if shifted and head.isascii():
        return shifted, 0
    return wide_without_mark(head), 0


def wide_without_mark(head: bytes) -> str:
    """The encoding of two or four bytes for each character that the zeros in a text prove."""
    if not head.count(0) or len(head) < 4:
        return ""
    head = head[: len(head) // 4 * 4]
    share = [head[i::4].count(0) * 4 / len(head) for i in range(4)]
    if share[2] == share[3] == 1 and share[0] < 0.1:
        return "utf-32-le"
    if share[0] == share[1] == 1 and share[3] < 0.1:
        return "utf-32-be"
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) * 40 < len(head) or min(even, odd) * 10 >= max(even, odd):
        return ""
    encoding = "utf-16-le" if odd > even else "utf-16-be"
    return encoding if _reads_well(head, encoding) else ""


def _reads_well(head: bytes, encoding: str) -> bool:
    """Whether a text decoded so has hardly a character that no text has."""
    text = head.decode(encoding, "replace")
    odd = sum(
        unicodedata.category(char) in {"Cc", "Cn", "Co", "Cs"}
        and char not in "\t\r\n\x01\x02\x1e\x1f"
        for char in text
    )
    plain = sum(" " <= char <= "~" for char in text)
    breaks, raw = text.count("\n") + text.count("\r"), head.count(b"\n") + head.count(b"\r")
    lined = breaks > 0 and breaks * 3 >= raw
    return odd * 50 <= len(text) and (lined or plain * 4 > 3 * len(text))


class _Shape:
    """One pass over the bytes: are they UTF-8, are they ASCII, and how many line feeds."""

    def __init__(self, path: Path, bom: int) -> None:
        self.ascii, self.valid, self.feeds, self.returns = True, True, 0, 0
        self.sample = bytearray()
        """Lines from all over the file that hold bytes above ASCII."""
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
                if self.ascii and chunk.isascii():
                    continue
                self.ascii = False
                if self.valid:
                    self.valid = _decodes(decoder, chunk)
                if not self.valid:
                    self._add(chunk)
        self.valid = self.valid and (self.ascii or _decodes(decoder, b""))

    def _add(self, chunk: bytes) -> None:
        at = 0
        while len(self.sample) < _SAMPLE and (found := _ABOVE_ASCII.search(chunk, at)):
            start = found.start()
            first = max(chunk.rfind(b"\n", at, start), start - _AROUND, at - 1) + 1
            after = chunk.find(b"\n", start, start + _AROUND)
            at = after if after >= 0 else min(start + _AROUND, len(chunk))
            self.sample += chunk[first:at] + b"\n"


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
    target = work / "utf8"
    valid = _convert(path, encoding, bom, target)
    wider = WIDER.get(codecs.lookup(encoding).name)
    if not valid and wider and _convert(path, wider, bom, target):
        encoding, valid = wider, True
    elif not valid and wider:
        _convert(path, encoding, bom, target)
    note = _difference(declared, encoding)
    shape = _Shape(target, 0)
    return Text(target, canonical(encoding), 0, valid, False, shape.feeds, shape.returns, note)


def _convert(path: Path, encoding: str, bom: int, target: Path) -> bool:
    """Write a text as UTF-8; what cannot be decoded is kept escaped, so that its row is found."""
    valid = True
    decoder = codecs.getincrementaldecoder(encoding)(_ESCAPE)
    with path.open("rb") as source, target.open("wb") as out:
        source.seek(bom)
        while True:
            chunk = source.read(CHUNK)
            text = decoder.decode(chunk, not chunk)
            valid = valid and not _ESCAPED.search(text)
            out.write(text.encode("utf-8", "surrogateescape"))
            if not chunk:
                return valid


_ESCAPE: Final = "wharf-escape"


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """Stand in for bytes that mean nothing; unlike Python's own, for codecs of several bytes."""
    assert isinstance(error, UnicodeDecodeError)
    wrong = error.object[error.start : error.end]
    return "".join(chr(0xDC00 + max(byte, 128)) for byte in wrong), error.end


codecs.register_error(_ESCAPE, _escaped)


def _difference(declared: str | None, encoding: str) -> str:
    if declared is None:
        return ""
    wanted, got = canonical(declared), canonical(encoding)
    if wanted == got or (wanted in _WIDE and got.startswith(wanted)):
        return ""
    if WIDER.get(codecs.lookup(declared).name) == codecs.lookup(encoding).name:
        return ""
    return f"the contract says encoding {wanted}, the bytes say {got}; it was read as {got}"
