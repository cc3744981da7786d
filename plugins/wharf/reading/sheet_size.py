"""How far the sheets of an .xlsx file reach: one far cell would make its reader end the process."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from typing import Final

from wharf.reading.refusals import Refused, shown

MOST_CELLS: Final = 100_000_000
"""The library holds a sheet as a full grid, about 30 bytes for each cell that might be there."""
_CHUNK: Final = 8 << 20
_OVERLAP: Final = 64
_COLUMN: Final = re.compile(rb"\sr=[\"']([A-Z]{1,9})\d")
_ROW: Final = re.compile(rb"\sr=[\"'][A-Z]{0,9}(\d{1,18})[\"']")


def refuse_far_cells(archive: zipfile.ZipFile, name: str) -> None:
    """Check that no sheet reaches further than memory does, whatever it says of itself.

    Raises:
        Refused: The sheet's part of the archive is named.
    """
    for part in archive.namelist():
        if not (part.startswith("xl/worksheets/") and part.endswith(".xml")):
            continue
        columns = rows = 0
        for text in _chunks(archive, part):
            columns = max([columns, *map(_number, set(_COLUMN.findall(text)))])
            rows = max([rows, *map(int, set(_ROW.findall(text)))])
        if columns * rows > MOST_CELLS:
            reason = f"{shown(part)} reaches over {rows:,} rows and {columns:,} columns"
            raise Refused(name, "too_large", reason)


def _chunks(archive: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    with archive.open(part) as sheet:
        before = b""
        while text := sheet.read(_CHUNK):
            yield before + text
            before = text[-_OVERLAP:]


def _number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
