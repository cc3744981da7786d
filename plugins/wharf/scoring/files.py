"""Files of a scoring task: opened where they lie, written whole, on local disk or S3.

Executors import this and nothing of the lake: no catalog client starts in a task.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
from pyarrow import fs

from wharf.errors import LakeError

_LOCAL = "file://"


@dataclass(frozen=True)
class Written:
    """What reached the storage."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Files:
    """Access to `file://` and `s3://` addresses; small enough to send to an executor."""

    s3: Mapping[str, str] = field(repr=False)

    def open(self, uri: str) -> pa.NativeFile:
        """Open a file for reading, with seek.

        Raises:
            LakeError: It is not there or cannot be reached.
        """
        try:
            if uri.startswith(_LOCAL):
                return pa.OSFile(uri.removeprefix(_LOCAL))
            return self._remote().open_input_file(uri.removeprefix("s3://"))
        except OSError as error:
            raise LakeError(f"{uri} cannot be read: {error}") from error

    def put(self, write: Callable[[Path], None], uri: str) -> Written:
        """Write a file under a name where nobody sees it half done.

        Args:
            write: Writes the content to a local path.
            uri: Where it must appear.

        Raises:
            LakeError: The storage cannot be written.
        """
        try:
            if uri.startswith(_LOCAL):
                return _put_local(write, Path(uri.removeprefix(_LOCAL)))
            with tempfile.TemporaryDirectory() as folder:
                local = Path(folder) / "part"
                write(local)
                written = _written(local)
                with (
                    local.open("rb") as reading,
                    self._remote().open_output_stream(uri.removeprefix("s3://")) as remote,
                ):
                    while chunk := reading.read(4 * 1024 * 1024):
                        remote.write(chunk)
                return written
        except OSError as error:
            raise LakeError(f"{uri} cannot be written: {error}") from error

    def _remote(self) -> fs.S3FileSystem:
        return fs.S3FileSystem(
            access_key=self.s3.get("access_key_id"),
            secret_key=self.s3.get("secret_access_key"),
            endpoint_override=self.s3.get("endpoint"),
            region=self.s3.get("region"),
        )


def _put_local(write: Callable[[Path], None], final: Path) -> Written:
    final.parent.mkdir(parents=True, exist_ok=True)
    part = final.with_name(f".{final.name}.{secrets.token_hex(4)}.part")
    try:
        write(part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.chmod(0o444)
        written = _written(part)
        part.rename(final)
    finally:
        part.unlink(missing_ok=True)
    _sync(final.parent)
    return written


def _written(path: Path) -> Written:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Written(path.stat().st_size, digest)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
