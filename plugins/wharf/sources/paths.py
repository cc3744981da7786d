"""Paths that suppliers and contracts name: relative, printable, below their root."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from wharf.errors import UnsafePath

# Control characters, half characters, line separators; and the marks that turn text around,
# which make a name look like another one.
_ODD_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}
_TURNS_TEXT = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# What upload programs call a file that is not whole yet.
_UNFINISHED = (".tmp", ".part", ".partial", ".filepart", ".crdownload", ".swp", "~")


def shown(path: str) -> str:
    """A path as it may stand in a message or log line."""
    return ascii(path)


def segments(path: str) -> tuple[str, ...]:
    """Split a path below a root into its segments.

    Raises:
        UnsafePath: The path is empty, absolute, leaves the root, or is not plain text.
    """
    parts = tuple(path.split("/"))
    if not path or "\\" in path or any(part in {"", ".", ".."} for part in parts):
        raise UnsafePath(f"{shown(path)} is not a plain path below the root; it was not followed")
    if odd := oddity(path):
        raise UnsafePath(f"{shown(path)} holds {odd}; it was not followed")
    return parts


def oddity(name: str) -> str:
    """What makes a name unfit to be kept and shown; empty when nothing does."""
    for character in name:
        if character in _TURNS_TEXT:
            return "a mark that turns text around"
        if unicodedata.category(character) in _ODD_CATEGORIES:
            return "a character that cannot be printed"
    return ""


class SegmentPatterns:
    """Many patterns for one path segment; finds those that match a name without trying all."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._by_prefix: dict[str, list[tuple[str, re.Pattern[str] | None]]] = {}
        for pattern in patterns:
            prefix = pattern.split("*", 1)[0]
            # Thousands of names without `*` are looked for: they are compared, not compiled.
            regex = _regex(pattern) if "*" in pattern else None
            self._by_prefix.setdefault(prefix, []).append((pattern, regex))
        self._lengths = sorted({len(prefix) for prefix in self._by_prefix})

    def matching(self, name: str) -> Iterator[str]:
        """The patterns that match a name.

        A `*` finds neither hidden names nor the names of unfinished uploads.
        """
        unfinished = name.startswith(".") or name.lower().endswith(_UNFINISHED)
        for length in self._lengths:
            if length > len(name):
                return
            for pattern, regex in self._by_prefix.get(name[:length], ()):
                if pattern == name or (regex and not unfinished and regex.fullmatch(name)):
                    yield pattern


def _regex(pattern: str) -> re.Pattern[str]:
    return re.compile("[^/]*".join(re.escape(piece) for piece in re.split(r"\*+", pattern)), re.S)
