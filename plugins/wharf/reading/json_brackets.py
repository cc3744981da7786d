"""Where the brackets of a JSON text stand and how deep they are, without reading its values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from wharf.reading.layout import Positions

_WINDOW: Final = 1 << 20
_QUOTE, _BACKSLASH = 34, 92
_CHANGE: Final = np.zeros(256, np.int8)
_CHANGE[[ord("{"), ord("[")]] = 1
_CHANGE[[ord("}"), ord("]")]] = -1
_SKIPPED: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[{\]}]', re.S)


@dataclass(frozen=True)
class Spans:
    """The bracketed values that stand side by side at one depth."""

    starts: Positions
    ends: Positions
    closes: int
    """Where the list closes that holds them; the end of the text where nothing does."""
    is_whole: bool
    """Whether no bracket and no text is open at the end."""


def find_spans(content: bytes, begins: int) -> Spans:
    """Find the values from a position on, up to the bracket that closes what holds them."""
    starts, ends = list[Positions](), list[Positions]()
    depth, inside, at = 0, False, begins
    while at < len(content):
        part = np.frombuffer(content, np.uint8, min(_WINDOW, len(content) - at), at)
        quotes = _quotes(content, part, at)
        places = np.flatnonzero(_CHANGE[part])
        outside = (np.searchsorted(quotes, places) + inside) % 2 == 0
        places = places[outside]
        change = _CHANGE[part[places]]
        after = depth + np.cumsum(change, dtype=np.int64)
        closed = np.flatnonzero(after < 0)
        upto = int(closed[0]) if len(closed) else len(places)
        places, change, after = places[:upto] + at, change[:upto], after[:upto]
        starts.append(places[(change > 0) & (after == 1)])
        ends.append(places[(change < 0) & (after == 0)] + 1)
        if len(closed):
            close = int(np.flatnonzero(_CHANGE[part])[outside][closed[0]]) + at
            return Spans(np.concatenate(starts), np.concatenate(ends), close, True)
        depth = int(after[-1]) if len(after) else depth
        inside = bool((len(quotes) + inside) % 2)
        at += len(part)
    none = np.empty(0, np.int64)
    begun, ended = np.concatenate([none, *starts]), np.concatenate([none, *ends])
    return Spans(begun, ended, len(content), not depth and not inside)


def _quotes(content: bytes, part: npt.NDArray[np.uint8], at: int) -> Positions:
    """Quotes that begin or end a text: those without an odd number of backslashes before them."""
    quotes = np.flatnonzero(part == _QUOTE)
    before = np.where(quotes > 0, part[quotes - 1] == _BACKSLASH, at > 0)
    escaped = []
    for place in np.flatnonzero(before).tolist():
        end = start = int(quotes[place]) + at
        while start and content[start - 1] == _BACKSLASH:
            start -= 1
        if (end - start) % 2:
            escaped.append(place)
    return np.delete(quotes, escaped)


def skip_value(content: bytes, at: int) -> int:
    """Where a bracketed value or a text that begins at a position ends; -1 where it does not."""
    depth = 0
    for found in _SKIPPED.finditer(content, at):
        mark = content[found.start()]
        depth += int(_CHANGE[mark])
        if depth <= 0:
            return found.end()
    return -1
