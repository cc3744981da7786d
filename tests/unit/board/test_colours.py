"""Contrast by arithmetic: axe cannot tell it for signs, short numbers and what is scrolled away."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

import wharf

ROOMS = Path(wharf.__file__).parent
BOARD = ROOMS / "board/static/board.css"
PORTAL = ROOMS / "portal/static/portal.css"
TOKEN = re.compile(r"--([a-z0-9-]+): (#[0-9a-f]{3,6})")
BLOCK = re.compile(r":root[^{]*\{([^}]*)\}")
TEXT = {
    BOARD: [
        *(("ink", ground) for ground in ("page", "calm")),
        *(("ink2", ground) for ground in ("page", "calm")),
        ("link", "page"),
        *((f"{tone}-ink", tone) for tone in ("good", "warn", "bad", "odd")),
    ],
    PORTAL: [
        *(("ink", ground) for ground in ("page", "calm")),
        *(("ink2", ground) for ground in ("page", "calm")),
        ("link", "page"),
        ("page", "link"),
        *((f"{tone}-ink", tone) for tone in ("good", "warn")),
    ],
}
CASES = [(sheet, dark) for sheet in (BOARD, PORTAL) for dark in (False, True)]
NAMES = [f"{sheet.stem}-{'dark' if dark else 'light'}" for sheet, dark in CASES]


def tokens(sheet: Path, dark: bool) -> dict[str, str]:
    blocks = [dict(TOKEN.findall(block)) for block in BLOCK.findall(sheet.read_text())]
    light, *darks = [block for block in blocks if block]
    assert all(one == other for one, other in pairwise(darks)), "two dark themes that differ"
    return {**light, **darks[0]} if dark else light


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(("sheet", "dark"), CASES, ids=NAMES)
def test_every_text_can_be_read_on_its_ground(sheet: Path, dark: bool) -> None:
    found = tokens(sheet, dark)
    told = {pair: contrast(found[pair[0]], found[pair[1]]) for pair in TEXT[sheet]}
    assert {pair: ratio for pair, ratio in told.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_bars_of_strips_stand_out_from_the_page_and_from_a_line_pointed_at(dark: bool) -> None:
    found = tokens(BOARD, dark)
    told = {
        (mark, ground): contrast(found[f"m-{mark}"], found[ground])
        for mark in ("good", "warn", "bad", "odd", "calm")
        for ground in ("page", "calm")
    }
    assert {pair: ratio for pair, ratio in told.items() if ratio < 3} == {}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_chart_colours_stand_out_and_differ(dark: bool) -> None:
    found = tokens(PORTAL, dark)
    colours = [found[f"c{number}"] for number in range(1, 13)]
    assert len(set(colours)) == 12
    assert min(contrast(colour, found["page"]) for colour in colours) >= 3


def test_contrast_is_computed_as_the_guideline_does() -> None:
    assert contrast("#000", "#fff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
