"""One letter for the state of a cell, and what the letter means in words, colour and shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from wharf.ledger.heat import MARKS

NOTHING = " "
"""No period falls on that day."""


@dataclass(frozen=True)
class Mark:
    """What one letter means."""

    code: str
    tone: str
    """The class of the style sheet: timeliness, or quarantined where that is worse."""
    sign: str
    """One character, so that colour is never alone."""
    words: str
    weight: int = 0
    """How bad it is; 0 is fine."""
    is_held: bool = False
    """Whether something of it stands in quarantine."""

    @property
    def tones(self) -> frozenset[str]:
        """The classes it counts for: what is late may stand in quarantine as well."""
        return frozenset({self.tone, "quarantined"} if self.is_held else {self.tone})


ALL = {
    mark.code: mark
    for mark in (
        Mark("o", "on-time", "✓", "on time"),
        Mark("c", "late-arrived", "◷", "came late", 1),
        Mark("r", "at-risk", "△", "at risk", 3),
        Mark("l", "late", "!", "late", 6),
        Mark("m", "missing", "✕", "missing", 5),
        Mark("u", "unknown", "?", "unknown", 4),
        Mark("n", "not-expected", "–", "closed"),
        Mark("e", "not-expected", "–", "excused"),
        Mark("d", "due", "·", "awaited"),
        Mark("s", "scheduled", "·", "scheduled"),
        Mark("q", "quarantined", "▣", "on time", 4, is_held=True),
        Mark("k", "quarantined", "▣", "came late", 5, is_held=True),
        Mark("L", "late", "!", "late", 10, is_held=True),
        Mark("M", "missing", "✕", "missing", 9, is_held=True),
        Mark("U", "unknown", "?", "unknown", 8, is_held=True),
        Mark("R", "at-risk", "△", "at risk", 7, is_held=True),
    )
}
IN_TIME, COUNTED = "oq", "oqcklLmM"
"""What kept its promise, and all that is judged."""
OPEN = "lurqkLUR"
"""What somebody can still do something about, however old it is."""
AWAITED = "lurLUR"
"""What is not whole and may still come."""
TROUBLE = ("late", "missing", "quarantined", "unknown", "at-risk")
"""Tones that somebody should look at, worst first."""
_HELD = {"o": "q", "c": "k"}


def code_of(timeliness: str, delivery: str, is_expected: bool = True) -> str:
    """The letter of a state."""
    held = "q" if delivery == "QUARANTINED" else ""
    return code_of_text(MARKS.get(timeliness, "u") + held + ("" if is_expected else "x"))


def code_of_text(text: str) -> str:
    """The letter of a state as the ledger marks it: `o`, `lq`, `nx`."""
    letter = text[0]
    if letter == "n":
        return "n" if "x" in text else "e"
    if "q" in text:
        held = _HELD.get(letter, letter.upper())
        return held if held in ALL else letter
    return letter


def worst(codes: Iterable[str]) -> str:
    """The worst of some letters; what is fine beats what is closed, and that beats nothing."""
    return max(codes, key=_RANK.__getitem__)


def count_tones(codes: str) -> Counter[str]:
    """How many cells count for each tone."""
    found: Counter[str] = Counter()
    for code, times in Counter(codes).items():
        for tone in ALL[code].tones if code != NOTHING else ():
            found[tone] += times
    return found


def on_time_rate(codes: str) -> float | None:
    """The share of the judged cells that came in time; None where none is judged."""
    judged = sum(codes.count(code) for code in COUNTED)
    return sum(codes.count(code) for code in IN_TIME) / judged if judged else None


_FINE = {NOTHING: 0.0, "n": 0.1, "e": 0.2, "s": 0.3, "d": 0.4, "o": 0.5}
_RANK = {NOTHING: 0.0} | {code: _FINE.get(code, mark.weight) for code, mark in ALL.items()}
