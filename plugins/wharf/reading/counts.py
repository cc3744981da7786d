"""How many lines and rows a delivery has, and where each of them went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class FileCounts:
    """The counts of one file.

    `physical_lines` = `header_lines` + `rows_staged` + `rows_quarantined` + `rows_dropped` +
    `blank` + `continuation`. Lines are rows of the sheet in workbooks and rows in Parquet.
    """

    name: str
    physical_lines: int
    header_lines: int
    rows_staged: int
    rows_quarantined: int
    blank: int
    continuation: int
    rows_dropped: int = 0
    """Rows that a person left out for good."""

    @property
    def rows_in_file(self) -> int:
        """Rows the supplier delivered, good and bad."""
        return self.rows_staged + self.rows_quarantined + self.rows_dropped

    @property
    def reconciles(self) -> bool:
        """Whether every line is accounted for."""
        return self.physical_lines == (
            self.header_lines + self.rows_in_file + self.blank + self.continuation
        )


@dataclass(frozen=True)
class Counts:
    """The counts of a delivery."""

    files: tuple[FileCounts, ...]
    reasons: Mapping[str, int]
    """Reason -> quarantined rows."""

    @property
    def rows_in_file(self) -> int:
        """Rows delivered: staged and quarantined."""
        return sum(each.rows_in_file for each in self.files)

    @property
    def rows_staged(self) -> int:
        """Rows written to the good file."""
        return sum(each.rows_staged for each in self.files)

    @property
    def rows_quarantined(self) -> int:
        """Rows written to the bad file."""
        return sum(each.rows_quarantined for each in self.files)

    @property
    def rows_dropped(self) -> int:
        """Rows that a person left out for good."""
        return sum(each.rows_dropped for each in self.files)

    @property
    def blank(self) -> int:
        """Lines without content."""
        return sum(each.blank for each in self.files)

    @property
    def continuation(self) -> int:
        """Lines that go on with a row begun above them."""
        return sum(each.continuation for each in self.files)

    @property
    def header_lines(self) -> int:
        """Headers, with everything above them."""
        return sum(each.header_lines for each in self.files)

    @property
    def physical_lines(self) -> int:
        """All lines of all files."""
        return sum(each.physical_lines for each in self.files)

    def describe(self) -> dict[str, Any]:
        """The counts as a JSON object."""
        total: Counter[str] = Counter()
        for each in self.files:
            total.update({key: n for key, n in asdict(each).items() if key != "name"})
        return {
            **total,
            "rows_in_file": self.rows_in_file,
            "reasons": dict(self.reasons),
            "files": [asdict(each) for each in self.files],
        }
