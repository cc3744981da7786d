"""Disks that fail: a sync or a read that answers EIO, a full tmpfs; and what was surely synced."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.io.pyarrow import PyArrowFile

from wharf.lake.storage import local_path


class Syncs:
    """Stands before `os.fsync`: counts, fails at one call, and knows what is on disk."""

    def __init__(self, failing: int | None = None) -> None:
        self.failing = failing
        self.asked: list[str] = []
        self.synced: set[tuple[int, int]] = set()
        self.last_failed = ""
        self.repeated: list[str] = []
        """Files asked again after their sync had failed: that answers yes, and means nothing."""
        self._sync = os.fsync

    def __call__(self, handle: int) -> None:
        path = str(Path(f"/proc/self/fd/{handle}").readlink())
        self.asked.append(path)
        if path == self.last_failed and not Path(path).is_dir():
            self.repeated.append(path)
        if len(self.asked) == self.failing:
            self.last_failed = path
            raise OSError(errno.EIO, "Input/output error", path)
        self._sync(handle)
        found = os.fstat(handle)
        self.synced.add((found.st_dev, found.st_ino))

    @contextmanager
    def standing(self) -> Iterator[Syncs]:
        """Every sync of this process goes through here."""
        with patch("os.fsync", self):
            yield self

    def has(self, path: str) -> bool:
        """Whether a file's bytes, and its name in its folder, were synced."""
        file = Path(local_path(path))
        return all(
            (each.stat().st_dev, each.stat().st_ino) in self.synced for each in (file, file.parent)
        )


@contextmanager
def unreadable(pattern: str) -> Iterator[list[str]]:
    """Files whose reading answers EIO, as a worn disk does; gives which were asked for."""
    asked: list[str] = []
    of_path, of_iceberg = Path.open, PyArrowFile.open

    def refuse(path: str) -> None:
        if re.search(pattern, path):
            asked.append(path)
            raise OSError(errno.EIO, "Input/output error", path)

    def open_path(self: Path, mode: str = "r", *rest: Any, **said: Any) -> Any:
        if "r" in mode:
            refuse(str(self))
        return of_path(self, mode, *rest, **said)

    def open_iceberg(self: PyArrowFile, *rest: Any, **said: Any) -> Any:
        refuse(self.location)
        return of_iceberg(self, *rest, **said)

    with patch.object(Path, "open", open_path), patch.object(PyArrowFile, "open", open_iceberg):
        yield asked


def files_named_by(catalog_url: str, warehouse: str, table: str) -> list[str]:
    """Every file that readers of a table are led through, from its metadata to its data."""
    catalog = SqlCatalog("wharf", uri=catalog_url, warehouse=warehouse)
    found = catalog.load_table(table)
    snapshot = found.current_snapshot()
    assert snapshot is not None
    files = [found.metadata_location, snapshot.manifest_list]
    for manifest in snapshot.manifests(found.io):
        files.append(manifest.manifest_path)
        files.extend(each.data_file.file_path for each in manifest.fetch_manifest_entry(found.io))
    catalog.engine.dispose()
    return files


def may_mount() -> bool:
    """Whether this process may mount a disk of its own."""
    folder = tempfile.mkdtemp(prefix="wharf-mount-")
    try:
        tried = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "wharf", folder], capture_output=True
        )
        if tried.returncode == 0:
            subprocess.run(["umount", folder], check=True)
        return tried.returncode == 0
    except OSError:
        return False
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A disk of its own with so much room."""
    folder.mkdir()
    size = f"size={megabytes}m"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "wharf", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def nearly_full(disk: Path, left: int) -> Iterator[None]:
    """Fill a disk until so many bytes are left."""
    ballast = disk / "ballast"
    free = shutil.disk_usage(disk).free
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(free - left, 1))
    try:
        yield
    finally:
        ballast.unlink()
