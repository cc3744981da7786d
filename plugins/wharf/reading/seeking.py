"""Looking through a mapped file of any size without holding it in memory."""

from __future__ import annotations

import mmap
from weakref import WeakKeyDictionary

Buffer = bytes | mmap.mmap
_NEAR = 1 << 16
_PIECE = 16 << 20
_far: WeakKeyDictionary[mmap.mmap, dict[tuple[bytes, int, int], int]] = WeakKeyDictionary()


def seek(buffer: Buffer, mark: bytes, at: int = 0, end: int | None = None) -> int:
    """Where a mark stands first, as `find` says.

    What is far away is sought piece by piece, given back to the system, and remembered: many
    guesses about an endless line ask for its end.
    """
    last = len(buffer) if end is None else end
    found = buffer.find(mark, at, min(at + _NEAR, last))
    if found >= 0 or at + _NEAR >= last:
        return found
    if not isinstance(buffer, mmap.mmap):
        return buffer.find(mark, at, last)
    known = _far.setdefault(buffer, {})
    key = (mark, at, last)
    if key not in known:
        known[key] = _seek_far(buffer, mark, at, last)
    return known[key]


def give_back(buffer: mmap.mmap, start: int, end: int) -> None:
    """Give pages of a mapped file back, which would count as memory of this process."""
    start = start // mmap.PAGESIZE * mmap.PAGESIZE
    buffer.madvise(mmap.MADV_DONTNEED, start, end - start)


def _seek_far(buffer: mmap.mmap, mark: bytes, at: int, last: int) -> int:
    beyond = len(mark) - 1
    while at < last:
        upto = min(at + _PIECE, last)
        found = buffer.find(mark, at, min(upto + beyond, last))
        if found >= 0:
            return found
        give_back(buffer, at, upto)
        at = upto
    return -1
