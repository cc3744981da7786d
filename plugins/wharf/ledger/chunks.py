"""Long lists in short statements: a database takes only so many values in one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

ItemT = TypeVar("ItemT")
MOST = 500


def chunks(many: Sequence[ItemT], size: int = MOST) -> Iterator[Sequence[ItemT]]:
    """A list in slices of at most `size`."""
    for start in range(0, len(many), size):
        yield many[start : start + size]
