"""The part of a sheet that a contract names, such as `B4:H200` or `B:H`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

_RANGE: Final = re.compile(r"([A-Z]+)(\d*):([A-Z]+)(\d*)")


@dataclass(frozen=True)
class SheetRange:
    """Columns and rows of a sheet, counted from 0; without an end they reach as far as it does."""

    column: int = 0
    last_column: int | None = None
    row: int = 0
    last_row: int | None = None

    @staticmethod
    def read(text: str | None) -> SheetRange:
        """The range that a contract names; the whole sheet where it names none."""
        match = _RANGE.fullmatch(text or "")
        if match is None:
            return SheetRange()
        first, top, last, bottom = match.groups()
        row, last_row = (int(top) - 1, int(bottom) - 1) if top else (0, None)
        return SheetRange(_index(first), _index(last), row, last_row)

    def cut(self, columns: Sequence[pa.Array], places: Sequence[int]) -> list[pa.Array]:
        """The cells inside, each column where the range has it.

        Args:
            columns: Columns of the sheet from its first row on.
            places: Which column of the sheet each is, from 0, ascending.
        """
        if self.last_column is None:
            return list(columns)
        held = dict(zip(places, columns, strict=True))
        inside = range(self.column, min(self.last_column, max(places, default=-1)) + 1)
        rows = len(columns[0]) if columns else 0
        found = [held.get(place, pa.nulls(rows, pa.string())) for place in inside]
        size = None if self.last_row is None else self.last_row - self.row + 1
        return [each.slice(self.row, size) for each in found]


def _index(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1
