"""Texts of fixed width: cells stand where the contract says, and every line is counted."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from reading_world import columns, read

from wharf.contracts.formats import FixedFormat
from wharf.reading import Refused

FORMAT = FixedFormat(
    kind="fixed", decimal=",", positions={"id": (1, 4), "name": (5, 9), "price": (10, 15)}
)
WANTED = columns(id="long!", name="string", price="decimal(8,2)!")


def test_cells_stand_at_their_positions_and_each_line_is_counted(tmp_path: Path) -> None:
    text = '   1Ann    1,50\n   2B"b\n\n   3Öz   12,00\nx  4Dee    2,00\n   5,;"\'\\  3,5'
    got = read(tmp_path, text.encode(), wanted=WANTED, fmt=FORMAT)
    assert [(row["id"], row["name"], str(row["price"])) for row in got.rows] == [
        (1, "Ann", "1.50"), (3, "Öz", "12.00"), (5, ",;\"'\\", "3.50"),
    ]  # fmt: skip
    assert got.lines == [1, 4, 6]
    assert [(row["line"], row["column"], row["reason"]) for row in got.quarantined] == [
        (2, "price", "required value is missing"), (5, "id", "not a long"),
    ]  # fmt: skip
    assert got.quarantined[0]["raw"] == '   2B"b'
    [counts] = got.counts.files
    assert (counts.blank, counts.physical_lines) == (1, 6)


def test_another_encoding_keeps_positions_of_characters(tmp_path: Path) -> None:
    fmt = FORMAT.model_copy(update={"encoding": "cp1252"})
    got = read(tmp_path, "   1Öäü    1,50\n".encode("cp1252"), wanted=WANTED, fmt=fmt)
    assert [row["name"] for row in got.rows] == ["Öäü"]


@given(st.lists(st.tuples(st.integers(0, 9999), st.text("abc,;\"'\\ é", max_size=5)), min_size=1))
@settings(max_examples=20, deadline=None)
def test_what_was_written_at_its_place_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, str]]
) -> None:
    text = "".join(f"{number:4}{name:5}  1,00\n" for number, name in rows)
    folder = tmp_path_factory.mktemp("fixed")
    got = read(folder, text.encode(), wanted=WANTED, fmt=FORMAT)
    assert [(r["id"], r["name"] or "") for r in got.rows] == [(n, t.strip()) for n, t in rows]


def test_positions_are_those_of_the_columns(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="differ: 'town'"):
        read(tmp_path, b"   1\n", wanted={**WANTED, **columns(town="string")}, fmt=FORMAT)


@pytest.mark.parametrize("place", [(0, 4), (5, 4)])
def test_what_is_no_position_is_refused_in_the_contract(place: tuple[int, int]) -> None:
    with pytest.raises(ValidationError):
        FixedFormat(kind="fixed", positions={"id": place})
