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


HEADED = FORMAT.model_copy(update={"header": 2})
TITLE = "Prices of today\n"


def test_rows_begin_below_the_line_of_the_header(tmp_path: Path) -> None:
    text = TITLE + "id  name price \n   1Ann    1,50\nid  name price \n   2Bob    2,50\n"
    got = read(tmp_path, text.encode(), wanted=WANTED, fmt=HEADED)
    assert [row["id"] for row in got.rows] == [1, 2]
    assert got.reasons == ["repeats the header"]
    [sniffed] = got.plan.sniffed
    assert (sniffed.header_line, sniffed.columns) == (2, ("id", "name", "price"))
    [counts] = got.counts.files
    assert (counts.header_lines, counts.physical_lines) == (2, 5)


def test_a_header_in_another_order_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="its header has 'NAME' at the place of column id"):
        read(tmp_path, (TITLE + "NAMEid   price \n").encode(), wanted=WANTED, fmt=HEADED)


def test_a_file_without_rows_has_a_header_only(tmp_path: Path) -> None:
    got = read(tmp_path, (TITLE + "id  name price \n").encode(), wanted=WANTED, fmt=HEADED)
    assert got.rows == []
