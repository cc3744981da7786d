"""What a file is made of: its rows, and every line that is none."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.int64]


@dataclass
class Rejects:
    """Rows that have no cells to cast: where they are, and why."""

    lines: array[int] = field(default_factory=lambda: array("q"))
    starts: array[int] = field(default_factory=lambda: array("q"))
    ends: array[int] = field(default_factory=lambda: array("q"))
    codes: array[int] = field(default_factory=lambda: array("q"))
    reasons: list[str] = field(default_factory=list)

    def add(self, line: int, start: int, end: int, reason: str) -> None:
        """Note one row; positions are bytes of the text that was read."""
        if reason not in self.reasons:
            self.reasons.append(reason)
        self.lines.append(line)
        self.starts.append(start)
        self.ends.append(end)
        self.codes.append(self.reasons.index(reason))

    def __len__(self) -> int:
        return len(self.lines)

    def __iter__(self) -> Iterator[tuple[int, int, int, str]]:
        for line, start, end, code in zip(
            self.lines, self.starts, self.ends, self.codes, strict=True
        ):
            yield line, start, end, self.reasons[code]


@dataclass
class Layout:
    """The lines of one file, each counted once."""

    header_lines: int = 0
    """The header with everything above it."""
    blank: int = 0
    continuation: int = 0
    """Lines that only go on with the row begun above them."""
    lines: int = 0
    """All physical lines, as the reader met them."""
    counted: int = 0
    """All physical lines, counted apart from the reader."""
    rows: int = 0
    """Rows with cells, before any cast."""
    rejects: Rejects = field(default_factory=Rejects)

    def problem(self) -> str:
        """Say where the counts do not reconcile; empty when they do."""
        parts = self.header_lines + self.blank + self.continuation + self.rows + len(self.rejects)
        if parts != self.lines:
            return f"{self.lines} lines, but header, rows, blank and continuation make {parts}"
        if self.lines != self.counted:
            return f"the reader met {self.lines} lines, a second count {self.counted}"
        return ""
