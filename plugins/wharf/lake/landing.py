"""The landing area: what suppliers delivered, byte for byte, kept for ever."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from wharf.errors import Erased, LakeError
from wharf.lake.names import safe_name, segment
from wharf.lake.storage import CHUNK, Storage
from wharf.settings import Settings

_WHOLE = "whole"
_NOTE = ".erased"
"""Begins with a dot, as nothing does that a supplier named."""


class Landing:
    """Files by feed, period, part and content hash; the same bytes are stored once."""

    def __init__(self, root: str, s3: Mapping[str, str] | None = None) -> None:
        self.storage = Storage(root, s3)

    def store(
        self, local: Path, *, feed: str, period: str, part: str, sha256: str, name: str
    ) -> str:
        """Keep a delivered file.

        Args:
            local: The copy fetched from the source.
            feed: The feed it was delivered for.
            period: The period key it was delivered for.
            part: The part's name; empty where the feed has none.
            sha256: The hash taken while it was fetched.
            name: What the supplier called it; only a harmless form of it becomes a path.

        Returns:
            The address of the file; the standing one when these bytes were kept before.

        Raises:
            LakeError: The bytes changed since they were fetched, or the storage failed.
        """
        standing = self.exists(feed=feed, period=period, part=part, sha256=sha256)
        if _hash(local) != sha256:
            raise LakeError(
                f"{feed}: the bytes of {name!r} changed while they were landed; fetch them again"
            )
        uri = standing or f"{self._folder(feed, period, part, sha256)}/{safe_name(name)}"
        self.storage.put(local, uri)
        return uri

    def exists(self, *, feed: str, period: str, part: str, sha256: str) -> str | None:
        """The address of these bytes; None when they were never landed."""
        folder = self._folder(feed, period, part, sha256)
        names = [name for name in self.storage.names(folder) if not name.startswith(".")]
        return f"{folder}/{names[0]}" if names else None

    def fetch(self, uri: str, to: Path) -> Path:
        """Copy a landed file to a local path, and check that it is still what was landed.

        Raises:
            Erased: It was deleted on purpose.
            LakeError: It is not there, or its bytes are damaged.
        """
        if (note := self.note(uri)) is not None:
            raise Erased(f"{uri.rsplit('/', 1)[-1]} was erased on purpose: {note}")
        digest = hashlib.sha256()
        with self.storage.open(uri) as reading, to.open("wb") as writing:
            while chunk := reading.read(CHUNK):
                digest.update(chunk)
                writing.write(chunk)
        if digest.hexdigest() != uri.split("/")[-2]:
            raise LakeError(
                f"{uri} is damaged: its checksum is not its name. Restore it from a backup, "
                "or ask the supplier to deliver the file again."
            )
        return to

    def erase(self, uri: str, note: str) -> int:
        """Delete a landed file for good; a note beside it says why. Gives the bytes freed."""
        self.storage.write(_note_of(uri), note.encode())
        freed = self.storage.size(uri) or 0
        self.storage.remove(uri)
        return freed

    def note(self, uri: str) -> str | None:
        """Why a landed file is gone; None while it is there."""
        if self.storage.size(_note_of(uri)) is None:
            return None
        return self.storage.read(_note_of(uri)).decode()

    def _folder(self, feed: str, period: str, part: str, sha256: str) -> str:
        return "/".join(
            [
                self.storage.root,
                segment(feed, "feed"),
                segment(period, "period"),
                safe_name(part) if part else _WHOLE,
                segment(sha256, "sha256"),
            ]
        )


def _note_of(uri: str) -> str:
    return f"{uri.rsplit('/', 1)[0]}/{_NOTE}"


def open_landing(settings: Settings) -> Landing:
    """The landing area of an installation."""
    return Landing(settings.landing, settings.s3)


def _hash(local: Path) -> str:
    with local.open("rb") as reading:
        return hashlib.file_digest(reading, "sha256").hexdigest()
