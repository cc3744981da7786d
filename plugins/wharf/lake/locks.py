"""One writer for each table at a time. The catalog's compare-and-swap stays the guard.

The lock only keeps writers from wasting work on conflicts. It binds our own processes: on one
machine with SQLite or REST, on every machine with Postgres.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Engine, make_url
from sqlalchemy.exc import OperationalError

from wharf.errors import LakeError
from wharf.lake.catalog import REST, catalog_engine
from wharf.lake.storage import Storage, local_path

PATIENCE = 600.0
"""Seconds to wait for a table. A publish takes well under one; ten minutes means a stuck writer."""
_PAUSE = 0.01
_SPACE = 7203116
"""First half of our advisory lock keys, so that they meet no other program's."""


class TableLocks(Protocol):
    """Serialises the writers of a table."""

    def hold(self, name: str) -> AbstractContextManager[None]:
        """Hold the lock of one name.

        Raises:
            LakeError: It was not had within ten minutes.
        """
        ...


class FileLocks:
    """Locks of files in one folder; released by the system when a process dies."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Hold the lock of one name; see `TableLocks`."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._folder / f"{name}.lock").open("a") as handle:
            deadline = time.monotonic() + PATIENCE
            while not _locked(handle.fileno()):
                if time.monotonic() > deadline:
                    raise LakeError(
                        f"{name} has been locked by another writer for {PATIENCE:.0f} s"
                    )
                time.sleep(_PAUSE)
            yield


class AdvisoryLocks:
    """Postgres advisory locks; released by the server when a connection ends."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Hold the lock of one name; see `TableLocks`."""
        with self._engine.connect() as connection:
            try:
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{PATIENCE:.0f}s'")
                connection.exec_driver_sql(
                    "SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (_SPACE, name)
                )
            except OperationalError as error:
                raise LakeError(f"{name} could not be locked: {error.orig}") from error
            yield


def table_locks(catalog_url: str, storage: Storage) -> TableLocks:
    """The locks that fit a catalog.

    A REST catalog has none to give: with files on S3 as well, only the writers of one machine
    wait for each other, and those of others meet at the catalog's compare-and-swap.
    """
    if catalog_url.startswith("postgres"):
        return AdvisoryLocks(catalog_engine(catalog_url))
    if storage.is_local:
        return FileLocks(Path(local_path(storage.root)) / "locks")
    if catalog_url.startswith(REST):
        mark = hashlib.sha256(f"{catalog_url} {storage.root}".encode()).hexdigest()[:16]
        return FileLocks(Path(tempfile.gettempdir()) / f"wharf-locks-{os.getuid()}-{mark}")
    return FileLocks(Path(str(make_url(catalog_url).database)).absolute().parent / "locks")


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
