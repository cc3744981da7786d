"""The landing area: what suppliers delivered, byte for byte, kept for ever."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from wharf.errors import Erased, LakeError
from wharf.lake.names import safe_name, segment
from wharf.lake.storage import CHUNK, BytesChanged, Storage, local_path
from wharf.settings import Settings

_WHOLE = "whole"
_NOTE = ".erased"
"""Begins with a dot, as nothing does that a supplier named."""


@dataclass(frozen=True)
class LandedFile:
    """One file as it lies in the landing area: all that its place says of it."""

    feed: str
    period: str
    part: str
    """The part as a path shows it, see `safe_name`; empty for a feed without parts."""
    sha256: str
    name: str
    uri: str
    size: int
    at: datetime


class Landing:
    """Files by feed, period, part and content hash; the same bytes are stored once."""

    def __init__(self, root: str, s3: Mapping[str, str] | None = None) -> None:
        self.storage = Storage(root, s3)

    def store(
        self,
        local: Path,
        *,
        feed: str,
        period: str,
        part: str,
        sha256: str,
        name: str,
        is_ours: bool = False,
    ) -> str:
        """Keep a delivered file.

        Args:
            local: The copy fetched from the source.
            feed: The feed it was delivered for.
            period: The period key it was delivered for.
            part: The part's name; empty where the feed has none.
            sha256: The hash taken while it was fetched.
            name: What the supplier called it; only a harmless form of it becomes a path.
            is_ours: Whether the copy is nobody else's, and will not be written to any more.

        Returns:
            The address of the file; the standing one when these bytes were kept before.

        Raises:
            LakeError: The bytes changed since they were fetched, or the storage failed.
        """
        standing = self.exists(feed=feed, period=period, part=part, sha256=sha256)
        uri = standing or f"{self._folder(feed, period, part, sha256)}/{safe_name(name)}"
        try:
            self.storage.put(local, uri, sha256=sha256, is_ours=is_ours)
        except BytesChanged as error:
            raise LakeError(
                f"{feed}: the bytes of {name!r} changed while they were landed; fetch them again"
            ) from error
        return uri

    def exists(self, *, feed: str, period: str, part: str, sha256: str) -> str | None:
        """The address of these bytes; None when they were never landed."""
        folder = self._folder(feed, period, part, sha256)
        names = [name for name in self.storage.names(folder) if not name.startswith(".")]
        return f"{folder}/{names[0]}" if names else None

    def files(self) -> Iterator[LandedFile]:
        """Every landed file, by feed, period and part; half-copied ones are left out."""
        root, storage = self.storage.root, self.storage
        for feed in storage.names(root):
            for period in storage.names(f"{root}/{feed}"):
                for part in storage.names(f"{root}/{feed}/{period}"):
                    yield from self._files_of(feed, period, part)

    def _files_of(self, feed: str, period: str, part: str) -> Iterator[LandedFile]:
        home = f"{self.storage.root}/{feed}/{period}/{part}"
        for sha256 in self.storage.names(home):
            for name in self.storage.names(f"{home}/{sha256}"):
                uri = f"{home}/{sha256}/{name}"
                size = self.storage.size(uri)
                if name.startswith(".") or size is None:
                    continue
                said = "" if part == _WHOLE else part
                at = self.storage.written_at(uri)
                yield LandedFile(feed, period, said, sha256, name, uri, size, at)

    def fetch(self, uri: str, to: Path) -> Path:
        """Have a landed file at hand, checked to be still what was landed.

        Args:
            uri: Its address.
            to: Where to copy it, unless it lies on a disk of this machine: then it is read there.

        Returns:
            Where it can be read; not to be written to.

        Raises:
            Erased: It was deleted on purpose.
            LakeError: It is not there, or its bytes are damaged.
        """
        try:
            if self.storage.is_local:
                to, found = Path(local_path(uri)), self.storage.sha256(uri)
            else:
                found = self._copied(uri, to)
        except LakeError as error:
            if (note := self.note(uri)) is not None:
                name = uri.rsplit("/", 1)[-1]
                raise Erased(f"{name} was erased on purpose: {note}") from error
            raise
        if found != uri.split("/")[-2]:
            raise LakeError(
                f"{uri} is damaged: its checksum is not its name. Restore it from a backup, "
                "or ask the supplier to deliver the file again."
            )
        return to

    def _copied(self, uri: str, to: Path) -> str:
        digest = hashlib.sha256()
        with self.storage.open(uri) as reading, to.open("wb") as writing:
            while chunk := reading.read(CHUNK):
                digest.update(chunk)
                writing.write(chunk)
        return digest.hexdigest()

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
