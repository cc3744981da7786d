"""The text that the CSV reader gets: the file itself while all of it is regular, else a copy."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import IO, Final

import numpy as np
import numpy.typing as npt

from wharf.reading.layout import Positions
from wharf.reading.records import Dialect, Record

_CHUNK: Final = 4 << 20


class CleanCopy:
    """Writes a copy from the first irregularity on; before that nothing is written."""

    def __init__(
        self, text: mmap.mmap, dialect: Dialect, start: int, target: Path, always: bool
    ) -> None:
        self._text, self._dialect, self._target = text, dialect, target
        self._start = self._at = start
        self._out: IO[bytes] | None = None
        if always:
            self._begin()

    def take(
        self, starts: Positions, ends: Positions, nexts: Positions, good: npt.NDArray[np.bool_]
    ) -> None:
        """Take the good records of a stretch; line ends become single line feeds."""
        plain = nexts - ends <= 1
        if self._out is None and bool((good & plain).all()):
            self._at = int(nexts[-1])
            return
        out = self._begin()
        if bool(plain.all()):
            self._runs(out, starts, nexts, good)
        else:
            text = self._text
            pairs = zip(starts[good].tolist(), ends[good].tolist(), strict=True)
            out.write(b"".join([text[start:end] + b"\n" for start, end in pairs]))
        self._at = int(nexts[-1])

    def write(self, record: Record) -> None:
        """Write one record that the CSV reader might misread, with every field quoted."""
        quote = self._dialect.quote.encode()
        fields = record.fields
        if quote:
            fields = tuple(quote + each.replace(quote, quote * 2) + quote for each in fields)
        self._begin().write(self._dialect.delimiter.encode().join(fields) + b"\n")

    def skip_to(self, at: int) -> None:
        """Go on behind a record that was written or left out here."""
        self._begin()
        self._at = at

    def close(self, path: Path) -> tuple[Path, bool]:
        """Return what to read, and whether it is a copy (which begins with the data)."""
        if self._out is None:
            return path, False
        self._out.close()
        return self._target, True

    def _runs(
        self, out: IO[bytes], starts: Positions, nexts: Positions, good: npt.NDArray[np.bool_]
    ) -> None:
        edges = np.flatnonzero(np.diff(np.concatenate([[False], good, [False]]).astype(np.int8)))
        for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            text = self._text[int(starts[first]) : int(nexts[last - 1])]
            out.write(text if text.endswith(b"\n") else text + b"\n")

    def _begin(self) -> IO[bytes]:
        if self._out is None:
            self._out = self._target.open("wb")
            for at in range(self._start, self._at, _CHUNK):
                self._out.write(self._text[at : min(at + _CHUNK, self._at)])
        return self._out
