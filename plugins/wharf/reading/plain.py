"""The quick look at a window of text: lines of as many fields as the header, and nothing else."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from wharf.reading.records import Dialect

FEED: Final = 10
Bytes = npt.NDArray[np.uint8]


def plain_rows(text: bytes, dialect: Dialect, width: int) -> int:
    """Count the records of whole lines, each of which is one record as wide as the header.

    Returns:
        0 where anything needs a closer look: a quote, a lone return, an empty or ragged line.
    """
    if not text.endswith(b"\n") or (dialect.quote and dialect.quote.encode() in text):
        return 0
    pairs = 0
    if b"\r" in text:
        pairs = text.count(b"\r\n")
        if pairs != text.count(b"\r"):
            return 0
    data = np.frombuffer(text, np.uint8)
    feeds = np.flatnonzero(data == FEED)
    marks = np.flatnonzero(data == ord(dialect.delimiter))
    if len(marks) != len(feeds) * (width - 1):
        return 0
    before = np.concatenate([[-1], feeds[:-1]])
    if width == 1:
        is_sound = bool((feeds - before > (2 if pairs else 1)).all())
    else:
        first, last = marks[:: width - 1], marks[width - 2 :: width - 1]
        is_sound = bool((first > before).all()) and bool((last < feeds).all())
    return len(feeds) if is_sound else 0


def is_utf8(text: bytes) -> bool:
    """Whether bytes are valid UTF-8."""
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
