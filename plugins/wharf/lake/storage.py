"""Files of the lake and the landing area: written whole, never over another, and made durable."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any

from pyarrow import fs

from wharf.errors import LakeError, LakeUnreached, disk_is_full, no_room
from wharf.lake.names import root_uri

CHUNK = 4 * 1024 * 1024
LOCAL = "file://"


def local_path(uri: str) -> str:
    """The path of a `file://` address; other addresses stay as they are."""
    return uri.removeprefix(LOCAL)


def sync_folder(folder: Path, root: Path) -> None:
    """Make the entries of a folder, and of every folder above it up to a root, durable."""
    for each in [folder, *folder.parents]:
        handle = os.open(each, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        if each == root:
            return


class BytesChanged(LakeError):
    """A file holds other bytes than it did when it was hashed."""


@dataclass(frozen=True)
class Written:
    """What reached the storage."""

    bytes: int
    sha256: str


class Storage:
    """One root on local disk or S3, addressed by full URIs.

    On local disk a file appears under its name only when it is complete and synced; on S3 an
    object appears when its upload completes.
    """

    def __init__(self, root: str, s3: Mapping[str, str] | None = None) -> None:
        self.root = root_uri(root)
        self.is_local = self.root.startswith(LOCAL)
        self._s3 = dict(s3 or {})
        self._remote: fs.FileSystem | None = None

    def put(self, source: Path, uri: str, *, sha256: str = "", is_ours: bool = False) -> Written:
        """Copy a local file to an address, hashing on the way.

        An address that holds the same number of bytes and the same hash is left alone, and made
        durable: whoever wrote it may have died before that.

        Args:
            source: The file.
            uri: Where it goes.
            sha256: What its hash must be, where it is known.
            is_ours: Whether nobody will write to it any more, so that on one disk a second name
                is as good as a copy.

        Raises:
            BytesChanged: Its hash is another one; nothing appeared at the address.
            LakeError: Other bytes stand there already, or the storage failed.
        """
        with _reaching(uri), source.open("rb") as reading:
            standing = self.size(uri)
            if standing is None and (self.is_local or not sha256):
                return self._write(uri, reading, sha256, source if is_ours else None)
            given = hashlib.file_digest(reading, "sha256").hexdigest()
            _refuse_other(sha256, given)
            if standing is not None:
                return self._same(uri, given, reading.tell(), standing)
            reading.seek(0)
            return self._write(uri, reading)

    def write(self, uri: str, content: bytes) -> None:
        """Write a small file once.

        Raises:
            LakeError: Another content stands there already, or the storage failed.
        """
        with _reaching(uri):
            if self.size(uri) is None:
                self._write(uri, io.BytesIO(content))
            elif self.read(uri) != content:
                raise LakeError(f"{uri} stands with another content; it is never overwritten")
            else:
                self._sync(uri)

    def point(self, uri: str, content: bytes) -> None:
        """Write a small file over the one that stands: a copy of what is known elsewhere.

        It is not synced: what a power cut takes is written again.
        """
        with _reaching(uri):
            path = self._inside(uri)
            if not self.is_local:
                with self.filesystem().open_output_stream(path) as remote:
                    remote.write(content)
                return
            part = Path(f"{path}.{secrets.token_hex(4)}.new")
            part.write_bytes(content)
            part.rename(path)

    def read(self, uri: str) -> bytes:
        """Read a small file."""
        with self.open(uri) as reading:
            return bytes(reading.read())

    @contextmanager
    def open(self, uri: str) -> Iterator[IO[bytes]]:
        """Open a file for reading, with seek."""
        with _reaching(uri):
            if self.is_local:
                with Path(self._inside(uri)).open("rb") as local:
                    yield local
            else:
                with self.filesystem().open_input_file(self._inside(uri)) as remote:
                    yield remote

    def size(self, uri: str) -> int | None:
        """Bytes of a file; None when there is no such file."""
        with _reaching(uri):
            path = self._inside(uri)
            if self.is_local:
                return Path(path).stat().st_size if Path(path).is_file() else None
            info = self.filesystem().get_file_info(path)
            return int(info.size) if info.type == fs.FileType.File else None

    def written_at(self, uri: str) -> datetime:
        """When a file was written, by the storage's clock."""
        with _reaching(uri):
            path = self._inside(uri)
            if self.is_local:
                return datetime.fromtimestamp(Path(path).stat().st_mtime, UTC)
            at: datetime = self.filesystem().get_file_info(path).mtime
            return at.astimezone(UTC)

    def names(self, uri: str) -> list[str]:
        """Names right below a folder, sorted; nothing for a folder that is not there."""
        with _reaching(uri):
            path = self._inside(uri)
            if self.is_local:
                folder = Path(path)
                return sorted(each.name for each in folder.iterdir()) if folder.is_dir() else []
            selector = fs.FileSelector(path, allow_not_found=True)
            infos = self.filesystem().get_file_info(selector)
            return sorted(PurePosixPath(info.path).name for info in infos)

    def lengths(self) -> Iterator[tuple[str, int]]:
        """Every file below the root: its path from there, and its bytes."""
        with _reaching(self.root):
            top = self._path_of_root
            if self.is_local:
                for folder, _, names in os.walk(top):
                    for name in names:
                        file = Path(folder) / name
                        yield str(file.relative_to(top)), file.lstat().st_size
                return
            selector = fs.FileSelector(top, recursive=True, allow_not_found=True)
            for info in self.filesystem().get_file_info(selector):
                if info.type == fs.FileType.File:
                    yield info.path.removeprefix(f"{top}/"), int(info.size)

    def remove(self, uri: str) -> None:
        """Delete a file for good; one that is not there is no fault."""
        with _reaching(uri):
            path = self._inside(uri)
            if self.is_local:
                Path(path).unlink(missing_ok=True)
                self._sync(uri)
            elif self.size(uri) is not None:
                self.filesystem().delete_file(path)

    def sha256(self, uri: str) -> str:
        """Hash a file without holding it in memory."""
        with self.open(uri) as reading:
            return hashlib.file_digest(reading, "sha256").hexdigest()  # type: ignore[arg-type]

    def _same(self, uri: str, given: str, size: int, standing: int) -> Written:
        if size != standing or self.sha256(uri) != given:
            raise LakeError(f"{uri} stands with other bytes; it is never overwritten")
        self._sync(uri)
        return Written(standing, given)

    def _write(
        self, uri: str, reading: IO[bytes], sha256: str = "", ours: Path | None = None
    ) -> Written:
        path = self._inside(uri)
        if not self.is_local:
            with self.filesystem().open_output_stream(path) as remote:
                return _copy(reading, remote)
        final = Path(path)
        final.parent.mkdir(parents=True, exist_ok=True)
        part = final.with_name(f".{final.name}.{secrets.token_hex(4)}.part")
        try:
            if ours is not None and _linked(ours, part):
                written = _copy(reading, None)
                os.fsync(reading.fileno())
            else:
                with part.open("xb") as local:
                    written = _copy(reading, local)
                    local.flush()
                    os.fsync(local.fileno())
            _refuse_other(sha256, written.sha256)
            part.chmod(0o444)
            part.rename(final)
        finally:
            part.unlink(missing_ok=True)
        self._sync(uri)
        return written

    def _sync(self, uri: str) -> None:
        if self.is_local:
            sync_folder(Path(self._inside(uri)).parent, Path(local_path(self.root)))

    def _inside(self, uri: str) -> str:
        """The path of an address that must be the root or lie below it."""
        if not f"{uri}/".startswith(f"{self.root}/") or ".." in uri.split("/"):
            raise LakeError(f"{uri!r} lies outside {self.root}")
        return local_path(uri) if self.is_local else uri.removeprefix("s3://")

    @property
    def _path_of_root(self) -> str:
        return local_path(self.root) if self.is_local else self.root.removeprefix("s3://")

    def filesystem(self) -> fs.FileSystem:
        """Pyarrow's file system of a remote root."""
        if self._remote is None:
            self._remote = fs.S3FileSystem(
                access_key=self._s3.get("access_key_id"),
                secret_key=self._s3.get("secret_access_key"),
                endpoint_override=self._s3.get("endpoint"),
                region=self._s3.get("region"),
            )
        return self._remote


def _copy(reading: IO[bytes], writing: Any) -> Written:
    digest, size = hashlib.sha256(), 0
    while chunk := reading.read(CHUNK):
        digest.update(chunk)
        if writing is not None:
            writing.write(chunk)
        size += len(chunk)
    return Written(size, digest.hexdigest())


def _linked(source: Path, target: Path) -> bool:
    """Give a file a second name, where its disk and file system let us."""
    try:
        target.hardlink_to(source)
    except OSError:
        return False
    return True


def _refuse_other(wanted: str, found: str) -> None:
    if wanted and found != wanted:
        raise BytesChanged(f"the bytes are not those that were hashed before: {found}")


@contextmanager
def _reaching(uri: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise LakeError(f"{uri} is not there") from error
    except OSError as error:
        if disk_is_full(error):
            raise LakeError(no_room(uri)) from error
        raise LakeUnreached(f"{uri} cannot be reached, try again: {error}") from error
