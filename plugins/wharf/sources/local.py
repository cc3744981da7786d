"""Files in a folder of this machine."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from wharf.errors import SettingsError, SourceError, UnsafePath
from wharf.settings import Connection
from wharf.sources.base import Fetched, Listing, Refused, Seen
from wharf.sources.limits import read_limits
from wharf.sources.paths import SegmentPatterns, oddity, segments, shown
from wharf.sources.receiving import CHUNK, receive


@dataclass
class _Node:
    """Where patterns may lead from one folder: segment -> what may follow it."""

    children: dict[str, _Node] = field(default_factory=dict)
    ends_here: bool = False


class LocalFolder:
    """A supplier's folder; links may point anywhere below the connection's root, not out of it."""

    def __init__(self, connection: Connection) -> None:
        root = Path(connection.root)
        if not connection.root or not root.is_absolute():
            raise SettingsError(
                f"connection {connection.id!r} needs `root` in its extra: the folder's absolute "
                f"path (it is {connection.root!r})"
            )
        self._id = connection.id
        self._root = root
        self._limit = read_limits(connection).max_bytes
        self._refused: list[Refused] = []

    @property
    def refused(self) -> Sequence[Refused]:
        """What the last listing met and did not follow."""
        return tuple(self._refused)

    def list(self, patterns: Sequence[str]) -> Listing:
        """Find matching files; each folder is read once, whatever the number of patterns."""
        self._refused = []
        tree = _tree(patterns)
        root = self._resolved_root()
        try:
            found = {seen.path: seen for seen in self._walk(root, root, "", tree)}
        except OSError as error:
            raise SourceError(f"{self._id}: cannot list {_said(error)}") from error
        return [found[path] for path in sorted(found)]

    def fetch(self, path: str, to: Path) -> Fetched:
        """Copy one file; a file that changes meanwhile is refused, to be tried again."""
        label = f"{self._id}: {shown(path)}"
        with self._open(path) as source:
            before = os.fstat(source.fileno())
            chunks = iter(lambda: source.read(CHUNK), b"")
            sha256, size = receive(chunks, to, label=label, limit=self._limit)
            after = os.fstat(source.fileno())
        if _fingerprint(before) != _fingerprint(after) or size != after.st_size:
            to.unlink(missing_ok=True)
            raise SourceError(f"{label} changed while it was read; it will be read again")
        return Fetched(sha256, size, _fingerprint(after), _written_at(after))

    def _resolved_root(self) -> Path:
        try:
            root = self._root.resolve(strict=True)
        except OSError as error:
            raise SourceError(
                f"{self._id}: {self._root} is not there ({error.strerror}); is it mounted?"
            ) from error
        if not root.is_dir():
            raise SourceError(f"{self._id}: {self._root} is not a folder")
        return root

    def _walk(self, root: Path, folder: Path, below: str, node: _Node) -> Iterator[Seen]:
        names = SegmentPatterns(tuple(node.children))
        with os.scandir(folder) as entries:
            matches = [
                (entry.name, children)
                for entry in entries
                if (children := [node.children[one] for one in names.matching(entry.name)])
            ]
        for name, children in matches:
            path = f"{below}{name}"
            inside = self._follow(root, folder / name, path)
            if inside is None:
                continue
            with suppress(FileNotFoundError, NotADirectoryError):
                status = inside.stat()
                if stat.S_ISDIR(status.st_mode):
                    deeper = _merged(children)
                    if deeper.children:
                        yield from self._walk(root, inside, f"{path}/", deeper)
                elif any(child.ends_here for child in children):
                    yield from self._seen(path, status)

    def _follow(self, root: Path, entry: Path, path: str) -> Path | None:
        """The entry's real place, None when it leaves the root or has an unfit name."""
        if odd := oddity(path):
            self._refused.append(Refused(shown(path), f"its name holds {odd}"))
            return None
        if not entry.is_symlink():
            return entry
        try:
            target = entry.resolve(strict=True)
        except (OSError, RuntimeError):
            return None
        if not target.is_relative_to(root):
            self._refused.append(Refused(path, "a link that leaves the connection's root"))
            return None
        return target

    def _seen(self, path: str, status: os.stat_result) -> Iterator[Seen]:
        if stat.S_ISREG(status.st_mode):
            yield Seen(path, status.st_size, _written_at(status), _fingerprint(status))
        else:
            self._refused.append(Refused(path, "not a regular file"))

    @contextmanager
    def _open(self, path: str) -> Iterator[BinaryIO]:
        wanted = "/".join(segments(path))
        root = self._resolved_root()
        label = f"{self._id}: {shown(path)}"
        try:
            target = (root / wanted).resolve(strict=True)
            if not target.is_relative_to(root):
                raise UnsafePath(f"{label} leaves the connection's root; it was not read")
            with open_below(root, target.relative_to(root).parts) as source:
                yield source
        except FileNotFoundError as error:
            raise SourceError(f"{label} is gone") from error
        except (OSError, RuntimeError) as error:
            raise SourceError(f"{label} cannot be read: {error}") from error


@contextmanager
def open_below(root: Path, parts: Sequence[str]) -> Iterator[BinaryIO]:
    """Open a regular file step by step, following no link on the way.

    A folder that is swapped for a link after it was checked is refused by the system.
    """
    at = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts[:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
            os.close(at)
            at = inner
        # A pipe would block the open without O_NONBLOCK.
        file = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=at)
    finally:
        os.close(at)
    with os.fdopen(file, "rb") as source:
        if not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
            raise OSError("it is not a regular file")
        yield source


def _tree(patterns: Sequence[str]) -> _Node:
    top = _Node()
    for pattern in patterns:
        node = top
        for segment in segments(pattern):
            node = node.children.setdefault(segment, _Node())
        node.ends_here = True
    return top


def _merged(nodes: Sequence[_Node]) -> _Node:
    if len(nodes) == 1:
        return nodes[0]
    merged = _Node()
    for node in nodes:
        for segment, child in node.children.items():
            standing = merged.children.get(segment)
            both = child if standing is None else _merged([standing, child])
            merged.children[segment] = both
    merged.ends_here = any(node.ends_here for node in nodes)
    return merged


def _fingerprint(status: os.stat_result) -> str:
    return f"{status.st_size}-{status.st_mtime_ns}"


def _written_at(status: os.stat_result) -> datetime | None:
    try:
        return datetime.fromtimestamp(status.st_mtime, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _said(error: OSError) -> str:
    return f"{error.filename or 'the folder'}: {error.strerror or error}"
