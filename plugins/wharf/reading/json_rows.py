"""The objects of a text, one on each line, told apart from what is none: one pass over the bytes.

Patterns vouch for most objects; the rest are read exactly and written anew with every value as a
text, into a file beside. `json_stream.py` hands both to the database.
"""

from __future__ import annotations

from array import array
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from wharf.contracts.shapes import Type
from wharf.reading.header import MAX_COLUMNS
from wharf.reading.json_keys import KeyTypes
from wharf.reading.json_patterns import Patterns
from wharf.reading.json_values import MAX_VALUE, Unusable, as_texts, misfit, read_object
from wharf.reading.layout import Layout, Positions
from wharf.reading.refusals import TOO_LONG, Refused

WINDOW: Final = 4 << 20
MAX_KEYS: Final = MAX_COLUMNS // 10
_LESSONS: Final = 100
"""Objects of one window from which patterns are learned."""
_PATIENCE: Final = 40
"""Windows after which nothing new is learned."""
_AHEAD: Final = 4
"""Windows that are being matched or wait for it."""
_FEED: Final = 10
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Window:
    """Whole lines of a file that lie behind each other."""

    content: bytes
    offsets: Positions
    """Where each line begins in the content, and where the last ends."""
    at: int
    """Where the content begins in the file."""
    first: int = 0
    """The number of its first line, from 0."""
    long: int = 0
    """The bytes of its only line where that is too long to be held."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def line(self, index: int) -> bytes:
        """One line, with its end."""
        return self.content[self.offsets[index] : self.offsets[index + 1]]

    def texts(self, content: bytes | None = None) -> pa.StringArray:
        """The lines, without a copy."""
        offsets = pa.py_buffer(np.ascontiguousarray(self.offsets, np.int32))
        data = pa.py_buffer(self.content if content is None else content)
        return pa.StringArray.from_buffers(len(self), offsets, data)


@dataclass(frozen=True)
class _Lines:
    """Whole lines of a file, not told apart yet; see `Window`."""

    content: bytes
    at: int
    long: int = 0

    def split(self) -> Window:
        if self.long:
            return Window(b"", np.array([0, 0]), self.at, long=self.long)
        return split_lines(self.content, self.at)


def _whole_lines(path: Path, begins: int) -> Iterator[_Lines]:
    """Read a file in pieces of whole lines; a line that is too long has no content."""
    at, rest, held = begins, list[bytes](), 0
    with path.open("rb") as handle:
        handle.seek(begins)
        while piece := handle.read(WINDOW):
            too_long = held > MAX_VALUE
            cut = (piece.find(b"\n") if too_long else piece.rfind(b"\n")) + 1
            held += cut or len(piece)
            if not cut:
                rest = [] if too_long else [*rest, piece]
                continue
            yield _Lines(b"", at, held) if too_long else _Lines(b"".join([*rest, piece[:cut]]), at)
            at += held
            rest, held = [piece[cut:]], len(piece) - cut
            if too_long:
                handle.seek(at)
                rest, held = [], 0
    if held > MAX_VALUE:
        yield _Lines(b"", at, held)
    elif held:
        yield _Lines(b"".join(rest), at)


def split_lines(content: bytes, at: int, first: int = 0) -> Window:
    """A window of whole lines; the last of a file may have no end."""
    ends = np.flatnonzero(np.frombuffer(content, np.uint8) == _FEED) + 1
    if not len(ends) or ends[-1] != len(content):
        ends = np.append(ends, len(content))
    return Window(content, np.concatenate([[0], ends]), at, first)


@dataclass(frozen=True)
class Kept:
    """A window of which some lines are rows."""

    at: int
    size: int
    first: int
    """The number of its first line, from 0."""
    rows: int


@dataclass
class Anew:
    """Rows that were written anew: which, and where their texts end in the file beside."""

    path: Path
    rows: array[int] = field(default_factory=lambda: array("q"))
    ends: array[int] = field(default_factory=lambda: array("q", [0]))
    _out: IO[bytes] | None = None

    def add(self, row: int, content: bytes) -> None:
        """Add one row; rows come in their order."""
        self._out = self._out or self.path.open("wb")
        self._out.write(content)
        self.rows.append(row)
        self.ends.append(self.ends[-1] + len(content))

    def close(self) -> None:
        """All rows are there."""
        if self._out:
            self._out.close()


@dataclass
class Rows:
    """Takes in the lines of a file and tells its objects from what is none.

    Attributes:
        path: The file.
        begins: Where its first line begins.
        name: As the supplier calls it.
        work: Folder for what is written anew.
        types: Types of keys, as far as a contract knows them.
        valid: Whether all bytes are known to be UTF-8.
        ignore_new: Whether fields that a struct does not have are left out.
        exact: Whether to trust no pattern, for keys that the database cannot tell apart.
    """

    path: Path
    begins: int
    name: str
    work: Path
    types: KeyTypes
    valid: bool
    ignore_new: bool = False
    exact: bool = False
    layout: Layout = field(default_factory=Layout)
    keys: dict[str, int] = field(default_factory=dict)
    lines: Positions = field(init=False)
    """The number of each row's line, from 0."""
    starts: Positions = field(init=False)

    def __post_init__(self) -> None:
        self.anew = Anew(self.work / ("exact" if self.exact else "anew"))
        self._patterns = Patterns(self.types.of, {} if self.exact else self.types.leaves)
        self._pattern, self._lessons, self._count = "", 0, 0
        self.nested_values: Counter[str] = Counter()
        self._found: list[tuple[Positions, Positions]] = []
        self.kept: list[Kept] = []

    def read(self) -> None:
        """Go through all lines, matching some windows ahead on other threads."""
        try:
            self._read_windows()
        finally:
            self.anew.close()
        none = np.empty(0, np.int64)
        self.lines = np.concatenate([none, *(lines for lines, _ in self._found)])
        self.starts = np.concatenate([none, *(starts for _, starts in self._found)])
        self._found = []
        self.layout.rows = len(self.lines)

    def _read_windows(self) -> None:
        waiting: deque[Future[tuple[Window, Mask]]] = deque()
        with ThreadPoolExecutor(2, thread_name_prefix="wharf-read") as pool:
            for lines in _whole_lines(self.path, self.begins):
                if lines.at == self.begins:
                    first = lines.split()
                    self._learn(first, range(len(first)))
                waiting.append(pool.submit(_matches, lines, self._pattern, self.valid))
                while len(waiting) >= _AHEAD:
                    self._take(*waiting.popleft().result())
            while waiting:
                self._take(*waiting.popleft().result())

    def _learn(self, window: Window, lines: Iterable[int]) -> None:
        if self.exact or self._lessons >= _PATIENCE:
            return
        self._lessons += 1
        for index in [*lines][:_LESSONS]:
            try:
                row = self._object(window.line(index))
            except Unusable:
                continue
            self._know(row)
            self._patterns.learn(row)
        self._pattern = self._patterns.text

    def _take(self, window: Window, good: Mask) -> None:
        window = replace(window, first=self.layout.lines)
        self.layout.lines += len(window)
        if window.long:
            end = window.at + window.long
            self.layout.rejects.add(window.first + 1, window.at, end, TOO_LONG)
            return
        odd = np.flatnonzero(~good).tolist()
        before = self._count + np.cumsum(good)
        anew: list[int] = []
        for index in odd:
            content = window.line(index)
            if not content.strip():
                self.layout.blank += 1
            elif found := self._read(window, index, content):
                self.anew.add(int(before[index]) + len(anew), found)
                anew.append(index)
        good[anew] = True
        kept = np.flatnonzero(good)
        self._found.append((window.first + kept, window.at + window.offsets[kept]))
        self.kept.append(Kept(window.at, len(window.content), window.first, len(kept)))
        self._count += len(kept)
        if anew:
            self._learn(window, anew)

    def _read(self, window: Window, index: int, content: bytes) -> bytes:
        """Write one object anew; nothing where it is none."""
        try:
            row = self._object(content)
        except Unusable as error:
            start, end = (window.at + int(window.offsets[index + more]) for more in (0, 1))
            self.layout.rejects.add(window.first + index + 1, start, end, str(error))
            return b""
        self._know(row)
        self.nested_values.update(k for k, v in row.items() if isinstance(v, dict | list))
        return as_texts(
            (self.field(key), value, self.types.nested(key), self._is_typed(key, value))
            for key, value in row.items()
        )

    def _is_typed(self, key: str, value: Any) -> bool:
        return not self.exact and self._patterns.is_typed(key, value)

    def _object(self, content: bytes) -> dict[str, Any]:
        row = read_object(content)
        for key, value in row.items():
            type_ = self.types.nested(key)
            if type_ and (said := misfit(value, type_, key, ignore_new=self.ignore_new)):
                raise Unusable(said)
        return row

    def field(self, key: str) -> str:
        """The name of a key in the texts that the database gets."""
        return f"k{self.keys[key]}" if self.exact else key

    def _know(self, row: Mapping[str, Any]) -> None:
        for key in row:
            if key not in self.keys:
                if len(self.keys) >= MAX_KEYS:
                    reason = f"it has over {len(self.keys):,} different keys"
                    raise Refused(self.name, "too_many_columns", reason)
                self.keys[key] = len(self.keys)

    def shape_of(self, key: str) -> Type:
        """The type, in the database's words, as which the values of a key are to be read."""
        return self._patterns.shape_of(key)

    @property
    def is_ambiguous(self) -> bool:
        """Whether the database cannot tell these keys apart, or takes one of them for no name."""
        folded = {key.lower() for key in self.keys}
        return len(folded) < len(self.keys) or not all(key.strip("\0 ") for key in self.keys)


def _matches(lines: _Lines, pattern: str, valid: bool) -> tuple[Window, Mask]:
    """The lines one by one, and which of them a pattern vouches for."""
    window = lines.split()
    none = np.zeros(len(window), np.bool_)
    if not pattern or window.long:
        return window, none
    content, broken = (window.content, []) if valid else _readable(window)
    texts = pl.Series(pl.from_arrow(window.texts(content)))
    try:
        found = texts.str.contains(pattern).to_numpy().astype(np.bool_)
    except pl.exceptions.ComputeError:  # too large a pattern
        return window, none
    found[broken] = False
    return window, found


def _readable(window: Window) -> tuple[bytes, list[int]]:
    """The content with lines that are not UTF-8 blanked out, and which those are."""
    content, broken, at = bytearray(window.content), list[int](), 0
    while True:
        try:
            content[at:].decode("utf-8")
        except UnicodeDecodeError as error:
            line = int(np.searchsorted(window.offsets, at + error.start, "right")) - 1
            start, at = int(window.offsets[line]), int(window.offsets[line + 1])
            content[start:at] = b" " * (at - start)
            broken.append(line)
        else:
            return bytes(content), broken
