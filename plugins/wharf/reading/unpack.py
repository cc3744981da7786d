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
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import zstandard

from wharf.reading.refusals import Refused, listed, shown

CHUNK = 1 << 20
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


@dataclass(frozen=True)
class Plain:
    """A file as it is without its compression."""

    path: Path
    compression: str
    """gz, bz2, xz, zst, zip, or empty."""


def expand(path: Path, name: str, work: Path, limits: Limits | None = None) -> Plain:
    """Undo one layer of compression, if the content has one.

    Args:
        path: The file.
        name: How the supplier calls it, for messages.
        work: Folder for the expanded copy.
        limits: How far it may expand.

    Raises:
        Refused: It is damaged, cut off, unsafe, encrypted, or expands too far.
    """
    kind = compression_of(path)
    if not kind or (kind == "zip" and _is_workbook(path)):
        return Plain(path, "")
    limits = limits or Limits()
    target = work / "expanded"
    with _whole(name, kind), _open(path, kind, name) as source, target.open("wb") as out:
        _copy(source, out, name, path.stat().st_size, limits)
    again = compression_of(target)
    if again and not (again == "zip" and _is_workbook(target)):
        raise Refused(name, "unreadable", f"it is compressed twice ({kind}, then {again})")
    return Plain(target, kind)


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


def _open(path: Path, kind: str, name: str) -> IO[bytes]:
    if kind == "gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    if kind == "bz2":
        return cast("IO[bytes]", bz2.open(path, "rb"))
    if kind == "xz":
        return cast("IO[bytes]", lzma.open(path, "rb"))
    if kind == "zst":
        return _open_zstd(path)
    return _only_member(path, name)


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


def _only_member(path: Path, name: str) -> IO[bytes]:
    with zipfile.ZipFile(path) as archive:
        members = [each for each in archive.infolist() if not _is_clutter(each)]
        if unsafe := [each.filename for each in members if _leaves(each.filename)]:
            raise Refused(name, "unsafe_archive", f"a member leaves the archive: {listed(unsafe)}")
        if not members:
            raise Refused(name, "empty", "it is an archive without files")
        if len(members) > 1:
            named = listed([each.filename for each in members])
            raise Refused(name, "several_files", f"it is an archive of {len(members)}: {named}")
        if members[0].flag_bits & 1:
            raise Refused(name, "encrypted", f"member {shown(members[0].filename)} has a password")
        return archive.open(members[0])


def _is_clutter(member: zipfile.ZipInfo) -> bool:
    return member.is_dir() or member.filename.startswith("__MACOSX/")


def _leaves(member: str) -> bool:
    parts = member.replace("\\", "/").split("/")
    return ".." in parts or member.startswith(("/", "\\")) or ":" in parts[0]


def _copy(source: IO[bytes], out: IO[bytes], name: str, packed: int, limits: Limits) -> None:
    done = 0
    while data := source.read(CHUNK):
        done += len(data)
        if done > limits.bytes or (done > limits.free and done > packed * limits.ratio):
            raise Refused(name, "too_large", f"its {packed:,} bytes expand to over {done:,}")
        out.write(data)


@contextmanager
def _whole(name: str, kind: str) -> Iterator[None]:
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
