"""The quick look at a window of text: records of as many fields as the header, and nothing else.

What it says is what `scan.py` would say after a closer look; where it says nothing, that look is
taken. Quotes are told apart by places alone: a quoted text has one for every few bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from wharf.reading.layout import Positions
from wharf.reading.records import Dialect

FEED: Final = 10
RETURN: Final = 13
BLANKS: Final = np.frombuffer(b" \t\v\f", np.uint8)
"""A line of one column that begins so may hold nothing else."""
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Glance:
    """Records that lie behind each other, from the start of a window on."""

    end: int
    """Where the last of them ends."""
    rows: int
    lines: int
    """Physical lines that they take."""
    has_quotes: bool = False
    starts: Positions | None = None
    """Where each begins; None where each is one line."""
    offsets: Positions | None = None
    """How many lines stand above each; None where each is one line."""


def glance(text: bytes, dialect: Dialect, width: int) -> Glance | None:
    """Tell the records of whole lines.

    Returns:
        None where anything needs a closer look: an odd quote, a lone return, an empty or ragged
        line.
    """
    if not text.endswith(b"\n"):
        return None
    pairs = 0
    if b"\r" in text:
        pairs = text.count(b"\r\n")
        if pairs != text.count(b"\r"):
            return None
    data = np.frombuffer(text, np.uint8)
    if dialect.quote and dialect.quote.encode() in text:
        return _quoted(data, dialect, width, bool(pairs))
    feeds = np.flatnonzero(data == FEED)
    marks = np.flatnonzero(data == ord(dialect.delimiter))
    if not _is_even(data, feeds, marks, width, bool(pairs)):
        return None
    return Glance(len(text), len(feeds), len(feeds))


def _quoted(data: Bytes, dialect: Dialect, width: int, pairs: bool) -> Glance | None:
    """Tell records by what stands outside of quotes, if each quote stands where it may.

    The last record of a window may be cut off within quotes; it is not taken.
    """
    quote, delimiter = ord(dialect.quote), ord(dialect.delimiter)
    places = np.flatnonzero((data == quote) | (data == delimiter) | (data == FEED))
    kinds = data[places]
    quotes = kinds == quote
    inside = np.bitwise_xor.accumulate(quotes.view(np.uint8)).view(np.bool_)
    if not _are_regular(data, places[quotes], quote, delimiter):
        return None
    is_feed = kinds == FEED
    ends = np.flatnonzero(is_feed & ~inside)
    if not len(ends):
        return None
    upto = int(ends[-1]) + 1
    feeds = places[ends]
    marks = places[:upto][(kinds[:upto] == delimiter) & ~inside[:upto]]
    if not _is_even(data, feeds, marks, width, pairs):
        return None
    end, rows, lines = int(feeds[-1]) + 1, len(feeds), int(np.count_nonzero(is_feed[:upto]))
    if lines == rows:
        return Glance(end, rows, lines, True)
    begun = np.zeros(1, np.int64)
    above = np.cumsum(is_feed[:upto], dtype=np.int64)[ends[:-1]]
    starts = np.concatenate([begun, feeds[:-1] + 1])
    return Glance(end, rows, lines, True, starts, np.concatenate([begun, above]))


def _are_regular(data: Bytes, places: Positions, quote: int, delimiter: int) -> bool:
    """Whether quotes open behind a delimiter or line end and close before one, or are doubled."""
    before, after = data[places[::2] - 1], data[places[1::2] + 1]
    if places[0] == 0:
        before[0] = FEED
    opens, closes = np.zeros(256, np.bool_), np.zeros(256, np.bool_)
    opens[[delimiter, FEED, quote]] = True
    closes[[delimiter, FEED, RETURN, quote]] = True
    return bool(opens[before].all()) and bool(closes[after].all())


def _is_even(data: Bytes, feeds: Positions, marks: Positions, width: int, pairs: bool) -> bool:
    """Whether as many delimiters as the header has stand in each line."""
    if len(marks) != len(feeds) * (width - 1):
        return False
    before = np.concatenate([[-1], feeds[:-1]])
    if width == 1:
        is_white = np.isin(data[before + 1], BLANKS)
        return bool((feeds - before > (2 if pairs else 1)).all()) and not bool(is_white.any())
    first, last = marks[:: width - 1], marks[width - 2 :: width - 1]
    return bool((first > before).all()) and bool((last < feeds).all())


def is_utf8(text: bytes) -> bool:
    """Whether bytes are valid UTF-8."""
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
