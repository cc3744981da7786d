from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wharf.alerts.fitting import cut, cut_lines, fit, json_bytes, utf16
from wharf.alerts.message import Section

SIZES = st.sampled_from([utf16, json_bytes])
LINES = st.lists(st.text(max_size=60), max_size=30)


def test_short_text_stays_whole_and_long_text_says_that_it_was_cut() -> None:
    assert cut("acme", 4) == "acme"
    assert cut("acme.positions", 6) == "acme.…"
    assert cut("acme", 0) == ""


def test_character_that_counts_twice_is_never_cut_in_two() -> None:
    assert utf16("😀") == 2
    assert cut("😀😀😀", 4) == "😀…"
    assert cut("😀😀😀", 3) == "😀…"
    assert cut("😀😀", 2) == "…"


def test_text_in_json_counts_its_escapes() -> None:
    assert json_bytes('"') == 4
    assert json_bytes("a") == 2
    assert json_bytes("名") == 3


def test_lines_that_do_not_fit_are_counted() -> None:
    lines = [f"feed {number} is late" for number in range(10)]
    assert cut_lines(lines, 1000) == "\n".join(lines)
    assert cut_lines(lines, 45) == "feed 0 is late\nfeed 1 is late\nand 8 more"
    assert cut_lines(["x" * 100, "y"], 40) == "x" * 28 + "…\nand 1 more"
    assert cut_lines(["x" * 100], 10) == "x" * 9 + "…"
    assert cut_lines([], 10) == ""


def test_long_part_leaves_the_short_ones_whole() -> None:
    sections = [
        Section("What", ("acme.positions is late",)),
        Section("What depends on it", tuple(f"product {n} decides at 07:30" for n in range(500))),
        Section("Streak", ("the first in a row",)),
    ]
    told = fit(sections, 400, 300)
    assert [title for title, _ in told] == ["What", "What depends on it", "Streak"]
    assert told[0][1] == "acme.positions is late"
    assert told[2][1] == "the first in a row"
    assert "more" in told[1][1]


@given(text=st.text(), longest=st.integers(0, 80), size=SIZES)
def test_cut_text_fits_and_is_the_beginning(text: str, longest: int, size: object) -> None:
    shown = cut(text, longest, size)  # type: ignore[arg-type]
    assert size(shown) <= longest  # type: ignore[operator]
    assert shown == text or text.startswith(shown.removesuffix("…"))


@given(parts=st.lists(LINES, max_size=7), longest=st.integers(0, 600), size=SIZES)
def test_all_parts_together_fit_in_their_order(
    parts: list[list[str]], longest: int, size: object
) -> None:
    sections = [Section(f"part {n}", tuple(lines)) for n, lines in enumerate(parts)]
    told = fit(sections, longest, 120, size)  # type: ignore[arg-type]
    assert [title for title, _ in told] == [each.title for each in sections]
    assert all(size(text) <= 120 for _, text in told)  # type: ignore[operator]
    titles = sum(size(title) for title, _ in told)  # type: ignore[operator]
    texts = sum(size(text) for _, text in told)  # type: ignore[operator]
    assert titles + texts <= max(longest, titles)


@given(st.text())
def test_size_in_json_is_never_less_than_what_travels(text: str) -> None:
    plain = text.encode("utf-8", "replace").decode()
    written = json.dumps(plain, ensure_ascii=False).encode()
    assert len(written) - 2 <= json_bytes(plain)


@pytest.mark.parametrize("longest", range(12))
def test_smallest_room_is_never_exceeded(longest: int) -> None:
    assert utf16(cut_lines(["one line", "another"], longest)) <= longest
