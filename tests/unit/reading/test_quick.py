"""The quick casts say what the patient ones say, of every text that they take."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wharf.contracts import Column
from wharf.reading.casts import Spelling, cast_text, cleaned
from wharf.reading.quick import quick

TYPES = ("int", "long", "decimal(9, 2)", "decimal(18,0)", "double", "float", "boolean", "date")
TRICKY = [
    "", " ", "NA", "0", "-0", "+1", " 1", "1 ", "1_000", "0x1F", "0b1", "1e3", "1E3", "1.5", "1.50",
    "1.", ".5", "2147483648", "9223372036854775808", "99999999.995", "12345.67", "-0.00", "01",
    "nan", "NaN", "inf", "-inf", "infinity", "1e999", "1e39", "true", "TRUE", "t", "1\n", "\uff11",
    "2026-11-20", "2026-1-2", "10000-01-01", "0000-12-31", "0044-03-15 (BC)", "-infinity", "epoch",
    "2026-02-30", "2026-11-20 00:00:00", "2026-11-20T06:07:08", "2026-11-20T06:07:08.5",
    "2026-11-20 06:07:08.500", "2026-11-20 06:07:08.123456", "2026-11-20 06:07:08.1234567",
    "2026-11-20T06:07:08Z", "2026-11-20T 06:07:08", "20T6-11-20 06:07:08", "2026-11-20 24:00:00",
]  # fmt: skip
SPELLINGS = {
    "plain": Spelling(),
    "words for nothing": Spelling(nulls=("", "NA", "nan", "inf")),
    "a number for nothing": Spelling(nulls=("", "0", "-99")),
    "true means nothing": Spelling(nulls=("true",)),
    "decimal comma": Spelling(decimal=",", thousands="."),
    "trimmed": Spelling(trim=True),
    "other dates": Spelling(date_formats=("%d-%m-%Y", "%Y-%m-%d")),
}
CONNECTION = duckdb.connect()
CONNECTION.execute("SET TimeZone = 'UTC'")


def both_ways(cells: list[str], column: Column, spelling: Spelling) -> list[tuple[object, ...]]:
    """Each text, what the patient cast makes of it, and what the quick one makes of it."""
    way = quick("c", "tried", column, spelling)
    patient = cast_text("given", column, spelling)
    fits, tried = (way.fits, way.value) if way else ("false", "NULL")
    return CONNECTION.execute(
        f"SELECT c, patient::VARCHAR, (CASE WHEN ok THEN tried ELSE patient END)::VARCHAR FROM ("
        f"SELECT *, {patient} AS patient, coalesce({fits}, false) AS ok FROM ("
        f"SELECT c, {cleaned('c', column, spelling)} AS given, {tried} AS tried "
        "FROM (SELECT unnest($1::VARCHAR[]) AS c)))",
        [cells],
    ).fetchall()


@pytest.mark.parametrize("kind", [*TYPES, "timestamp"])
@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_of_tricky_texts_both_say_the_same(kind: str, spelling: Spelling) -> None:
    for cell, patient, either in both_ways(TRICKY, Column(type=kind), spelling):
        assert either == patient, f"{cell!r} as {kind}"


@given(
    kind=st.sampled_from([*TYPES, "timestamp"]),
    cells=st.lists(st.text(alphabet="0123456789-+.,:eETZ \u00a0xinfa", max_size=20), max_size=30),
    spelling=st.sampled_from(list(SPELLINGS.values())),
)
@settings(max_examples=150, deadline=None)
def test_of_any_texts_both_say_the_same(kind: str, cells: list[str], spelling: Spelling) -> None:
    for cell, patient, either in both_ways(cells, Column(type=kind), spelling):
        assert either == patient, f"{cell!r} as {kind}"


def test_usual_values_are_cast_the_quick_way() -> None:
    usual = {
        "long": "-12", "decimal(9,2)": "12.30", "double": "0.1", "boolean": "true",
        "date": "2026-11-20", "timestamp": "2026-11-20T06:07:08",
    }  # fmt: skip
    for kind, cell in usual.items():
        way = quick("c", "tried", Column(type=kind), Spelling())
        assert way is not None
        [(fits,)] = CONNECTION.execute(
            f"SELECT {way.fits} FROM (SELECT c, {way.value} AS tried FROM (SELECT $1 AS c))", [cell]
        ).fetchall()
        assert fits, kind
