"""Expanding compressed files: recognised by content, checked to the last byte, limited in size."""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, cast

import zstandard
from isal import igzip, igzip_lib

from wharf.reading.refusals import Refused

CHUNK = 1 << 20
_QUICK: Any = igzip.open
_DAMAGED: Any = igzip_lib.IsalError
MAGIC = {
    b"\x1f\x8b": "gz",
    b"BZh": "bz2",
    b"\x28\xb5\x2f\xfd": "zst",
    b"PK\x03\x04": "zip",
    b"\xfd7zXZ\x00": "xz",
}
WORKBOOK_MEMBERS = ("xl/workbook.xml", "xl/workbook.bin", "content.xml", "word/document.xml")


@dataclass(frozen=True)
class Limits:
    """How far a compressed file may expand, and what reading may use."""

    bytes: int = 64 << 30
    ratio: int = 200
    """Only counts above `free`: small files of one repeated letter are no attack."""
    free: int = 256 << 20
    memory: int = 2 << 30
    """Bytes of memory that the database may take."""
    threads: int = 0
    """Threads of the database; 0 for one a core."""


@dataclass(frozen=True)
class Plain:
    """A file as it is without its compression."""

    path: Path
    compression: str
    """gz, bz2, xz, zst, zip, or empty."""


def expand(path: Path, name: str, work: Path, limits: Limits | None = None) -> Plain:
    """Undo one layer of compression of a file that is no archive, if the content has one.

    Args:
        path: The file.
        name: How the supplier calls it, for messages.
        work: Folder for the expanded copy.
        limits: How far it may expand.

    Raises:
        Refused: It is damaged, cut off, or expands too far.
    """
    kind = compression_of(path)
    if not kind or (kind == "zip" and _is_workbook(path)):
        return Plain(path, "")
    budget = Budget(name, path.stat().st_size, limits or Limits())
    target = work / "expanded"
    if not (kind == "gz" and _quickly(path, target, replace(budget))):
        with whole(name, kind), _open(path, kind) as source, target.open("wb") as out:
            budget.copy(source, out)
    once(target, name, kind)
    return Plain(target, kind)


def _quickly(path: Path, target: Path, budget: Budget) -> bool:
    """Expand a gz file at four times the usual speed; what is wrong with it says the usual way."""
    try:
        with _QUICK(path, "rb") as source, target.open("wb") as out:
            budget.copy(source, out)
    except (EOFError, gzip.BadGzipFile, _DAMAGED, ValueError):
        return False
    return True


def is_archive(path: Path) -> bool:
    """Whether a file is a zip archive of others, and no workbook."""
    return compression_of(path) == "zip" and not _is_workbook(path)


def once(path: Path, name: str, kind: str) -> None:
    """Check that what was expanded is not compressed again.

    Raises:
        Refused: It is.
    """
    again = compression_of(path)
    if again and not (again == "zip" and _is_workbook(path)):
        raise Refused(name, "unreadable", f"it is compressed twice ({kind}, then {again})")


def compression_of(path: Path) -> str:
    """Say how a file is compressed, by its first bytes; empty when it is not."""
    with path.open("rb") as handle:
        head = handle.read(6)
    if head.startswith(b"PK\x05\x06"):
        return "zip"
    return next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), "")


def _is_workbook(path: Path) -> bool:
    """Whether a zip file is an office document (they are read as they are)."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(member in archive.namelist() for member in WORKBOOK_MEMBERS)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False


def _open(path: Path, kind: str) -> IO[bytes]:
    if kind == "gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    if kind == "bz2":
        return cast("IO[bytes]", bz2.open(path, "rb"))
    if kind == "xz":
        return cast("IO[bytes]", lzma.open(path, "rb"))
    return _open_zstd(path)


def _open_zstd(path: Path) -> IO[bytes]:
    """Open a zstd stream; the library does not say when the last frame is cut off, so we look."""
    if not _ends_with_a_frame(path):
        raise EOFError
    reader = zstandard.ZstdDecompressor().stream_reader(path.open("rb"), read_across_frames=True)
    return cast("IO[bytes]", reader)


def _ends_with_a_frame(path: Path) -> bool:
    """Walk over frames and their blocks (RFC 8878) without expanding them."""
    size, at = path.stat().st_size, 0
    with path.open("rb") as handle:
        while at < size:
            handle.seek(at)
            head = handle.read(18)
            if head[1:4] == b"\x2a\x4d\x18" and head[0] >> 4 == 5:
                at += 8 + int.from_bytes(head[4:8], "little")
                continue
            at += zstandard.frame_header_size(head)
            last = False
            while not last:
                handle.seek(at)
                block = int.from_bytes(handle.read(3).ljust(3, b"\0"), "little")
                last, repeated = bool(block & 1), (block >> 1) & 3 == 1
                at += 3 + (1 if repeated else block >> 3)
                if at > size:
                    return False
            at += 4 * zstandard.get_frame_parameters(head).has_checksum
    return at == size


@dataclass
class Budget:
    """What the parts of one delivered file may expand to, all together."""

    name: str
    packed: int
    limits: Limits
    done: int = 0

    def copy(self, source: IO[bytes], out: IO[bytes]) -> None:
        """Write out what a stream holds.

        Raises:
            Refused: It is more than the limits allow.
        """
        limits = self.limits
        while data := source.read(CHUNK):
            self.done += len(data)
            far = self.done > limits.free and self.done > self.packed * limits.ratio
            if self.done > limits.bytes or far:
                reason = f"its {self.packed:,} bytes expand to over {self.done:,}"
                raise Refused(self.name, "too_large", reason)
            out.write(data)


@contextmanager
def whole(name: str, kind: str) -> Iterator[None]:
    """Turn each library's way of saying "cut off" or "damaged" into a refusal."""
    try:
        yield
    except EOFError as error:
        reason = f"the {kind} data end before their end marker"
        raise Refused(name, "truncated", reason) from error
    except zipfile.BadZipFile as error:
        cut = "not a zip file" in str(error)
        reason = "the zip directory at its end is missing" if cut else f"damaged: {error}"
        raise Refused(name, "truncated" if cut else "damaged", reason) from error
    except (zlib.error, lzma.LZMAError, zstandard.ZstdError, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's fault, not the file's
        raise Refused(name, "damaged", f"the {kind} data are damaged: {error}") from error
    except (NotImplementedError, RuntimeError) as error:
        raise Refused(name, "unreadable", f"the {kind} data cannot be read: {error}") from error


def remove(folder: Path) -> None:
    """Remove a working folder, whatever state it is in."""
    shutil.rmtree(folder, ignore_errors=True)
