"""What every kind of source can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Seen:
    """One file at the supplier's side, at one look."""

    path: str
    """Path below the connection's root, with `/`."""
    size: int
    """Bytes."""
    source_ts: datetime | None
    """When the supplier says it was last written, UTC; None when it does not say."""
    fingerprint: str
    """Changes when the bytes may have changed."""


@dataclass(frozen=True)
class Refused:
    """Something at the supplier's side that was not followed."""

    path: str
    reason: str


@dataclass(frozen=True)
class Fetched:
    """One file copied from the supplier's side, unchanged."""

    sha256: str
    size: int
    fingerprint: str
    """Of the bytes fetched, in the terms of `Seen.fingerprint`."""
    source_ts: datetime | None


Listing = list[Seen]


class Source(Protocol):
    """The supplier's side, as one connection reaches it."""

    @property
    def refused(self) -> Sequence[Refused]:
        """What the last listing met and did not follow: links that leave the root, odd names."""
        ...

    def list(self, patterns: Sequence[str]) -> Listing:
        """Find the files that match any of the patterns, in one listing, sorted by path.

        Args:
            patterns: Paths below the root; `*` stands for any run of characters within one
                segment, everything else for itself.

        Raises:
            SourceError: The look failed; nothing can be said about what lies there.
            UnsafePath: A pattern leaves the root.
        """
        ...

    def fetch(self, path: str, to: Path) -> Fetched:
        """Copy one file to `to`, which appears only when it is whole.

        Raises:
            SourceError: The file is gone, changed while it was read, or could not be read.
            UnsafePath: The path leaves the root.
        """
        ...
