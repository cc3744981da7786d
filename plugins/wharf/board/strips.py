"""Strips: the days of one line as a drawing of few bytes, where height and shape say the state.

45,000 cells as links are 135,000 nodes; as strips they are some thousand, and scroll smoothly.
"""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import date
from functools import lru_cache

from markupsafe import Markup

from wharf.board.marks import ALL, NOTHING, count_tones

UNIT, GAP, HEIGHT = 10, 2, 20
# Tone -> middle of the bar. Bars stand on the ground: what is worse is taller, what never came
# is hollow, and what stands in quarantine is slit.
_MIDDLE = {
    "on-time": 16, "late-arrived": 13, "at-risk": 13, "late": 10, "missing": 10,
    "quarantined": 10, "unknown": 13, "not-expected": 19, "due": 17, "scheduled": 17,
}  # fmt: skip
_HOLLOW = {"missing": 10, "unknown": 13, "at-risk": 13}
_RUN = re.compile(r"(.)\1*")
_ORDER = tuple(_MIDDLE)


@lru_cache(maxsize=4096)
def strip(codes: str) -> Markup:
    """The days of a line as SVG: one path for each state, a run of equal days as one dashed line.

    Args:
        codes: A letter for each day.
    """
    paths: dict[str, list[str]] = defaultdict(list)
    for run in _RUN.finditer(codes):
        code = run.group(1)
        if code == NOTHING:
            continue
        start, days = run.start() * UNIT, run.end() - run.start()
        mark = ALL[code]
        length = days * UNIT - GAP
        paths[mark.tone].append(f"M{start} {_MIDDLE[mark.tone]}h{length}")
        if mark.tone in _HOLLOW:
            paths["hole"].append(f"M{start + 2} {_HOLLOW[mark.tone]}h{length - 4}")
        if mark.is_held:
            paths["slit"].append(f"M{start} 10h{length}")
    drawn = "".join(
        f'<path class="s-{tone}" d="{"".join(paths[tone])}"/>'
        for tone in (*_ORDER, "hole", "slit")
        if tone in paths
    )
    width = max(len(codes) * UNIT - GAP, 1)
    return Markup(
        f'<svg viewBox="0 0 {width} {HEIGHT}" preserveAspectRatio="none" aria-hidden="true">'
        f"{drawn}</svg>"
    )


@lru_cache(maxsize=4096)
def summary(codes: str) -> str:
    """The same in words: `3 late, 85 on time`."""
    counts = count_tones(codes)
    words = {mark.tone: mark.words for mark in ALL.values()} | {
        "quarantined": "in quarantine",
        "not-expected": "not expected",
    }
    told = [f"{counts[tone]} {words[tone]}" for tone in reversed(_ORDER) if counts[tone]]
    return ", ".join(told) or "nothing yet"


def ruler(days: tuple[date, ...]) -> Markup:
    """The days above the strips: a tick and a date for each Monday, and today's at the end."""
    if not days:
        return Markup("")
    every = 7 if len(days) <= 100 else 28
    marks = []
    for column, day in enumerate(days):
        if day.weekday() != 0 or (column // 7 * 7) % every:
            continue
        x = f"{100 * column / len(days):.2f}%"
        marks.append(f'<line x1="{x}" x2="{x}" y1="12" y2="20"/>')
        if column <= len(days) - 3:
            marks.append(f'<text x="{x}" dx="3" y="16">{day.day} {day:%b}</text>')
    return Markup(f'<svg class="ruler" aria-hidden="true">{"".join(marks)}</svg>')
