"""Casts that lose nothing: every text is held against Python's own exact types."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wharf.contracts import Column
from wharf.reading.casts import Spelling, cast_text, cleaned, duckdb_type

PLAIN = Spelling()
EARLY, LATE = datetime.fromisoformat("0001-01-02"), datetime.fromisoformat("9999-12-30")


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def cast(
    database: duckdb.DuckDBPyConnection,
    texts: list[str],
    type_: str,
    spelling: Spelling = PLAIN,
    **more: Any,
) -> list[Any]:
    column = Column(type=type_, **more)
    given = cleaned("cell", column, spelling)
    found = database.execute(
        f"SELECT {cast_text('given', column, spelling)}::{duckdb_type(column.type)} "
        f"FROM (SELECT {given} AS given FROM (SELECT unnest(?) AS cell))",
        [texts],
    ).fetchall()
    return [row[0] for row in found]


NUMBERS = st.text(alphabet="0123456789+-.eE_, x", max_size=12)


@given(texts=st.lists(NUMBERS | st.integers().map(str), min_size=1, max_size=30))
@settings(max_examples=100, deadline=None)
def test_only_whole_numbers_become_integers(
    database: duckdb.DuckDBPyConnection, texts: list[str]
) -> None:
    for text, value in zip(texts, cast(database, texts, "long"), strict=True):
        whole = re.fullmatch(r"[+-]?[0-9]+", text.strip())
        expected = int(text) if whole and -(2**63) <= int(text) < 2**63 else None
        assert value == expected, text


@given(
    texts=st.lists(
        NUMBERS | st.decimals(allow_nan=False, allow_infinity=False).map("{:f}".format),
        min_size=1,
        max_size=30,
    )
)
@settings(max_examples=100, deadline=None)
def test_decimals_are_exact_or_not_cast(
    database: duckdb.DuckDBPyConnection, texts: list[str]
) -> None:
    for text, value in zip(texts, cast(database, texts, "decimal(14,2)"), strict=True):
        expected = None
        if re.fullmatch(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)", text.strip()):
            exact = Decimal(text)
            if exact == exact.quantize(Decimal("0.01")) if abs(exact) < 10**12 else False:
                expected = exact
        assert value == expected, text


@given(moment=st.datetimes(min_value=EARLY, max_value=LATE))
@settings(max_examples=100, deadline=None)
def test_iso_moments_come_out_as_they_were_written(
    database: duckdb.DuckDBPyConnection, moment: datetime
) -> None:
    text = moment.isoformat(sep=" ")
    assert cast(database, [text], "timestamp") == [moment]
    assert cast(database, [text + "Z"], "timestamptz") == [moment.replace(tzinfo=UTC)]


@pytest.mark.parametrize("text", ["1.5", "1.0", "1e3", "1_000", "0x1F", "1,000", "٣", "1 0", "-"])
def test_what_the_database_would_guess_is_no_integer(
    database: duckdb.DuckDBPyConnection, text: str
) -> None:
    assert cast(database, [text], "int") == [None]


@pytest.mark.parametrize(
    ("text", "type_", "value"),
    [
        ("007", "int", 7),
        (" 42 ", "int", 42),
        ("2147483648", "int", None),
        ("1.005", "decimal(14,2)", None),
        ("1.500", "decimal(14,2)", Decimal("1.50")),
        ("1e2", "decimal(14,2)", None),
        (".5", "decimal(14,2)", Decimal("0.50")),
        ("1000000000000", "decimal(14,2)", None),
        ("12345678901234567890.12", "decimal(38,2)", Decimal("12345678901234567890.12")),
        ("1e3", "double", 1000.0),
        ("1e999", "double", None),
        ("inf", "double", None),
        ("nan", "double", None),
        ("Yes", "boolean", True),
        ("0", "boolean", False),
        ("2", "boolean", None),
        ("2020-02-30", "date", None),
        ("2020-01-05 00:00:00", "date", date(2020, 1, 5)),
        ("2020-01-05 00:00:01", "date", None),
        ("20-01-05", "date", None),
        ("0000-01-05", "date", None),
        ("05/01/2020", "date", None),
        ("24:00", "time", None),
        ("06:07:08.5", "time", time(6, 7, 8, 500000)),
        ("2020-01-05T06:00:00+05:30", "timestamptz", datetime(2020, 1, 5, 0, 30, tzinfo=UTC)),
        ("2020-01-05T06:00:00+0530", "timestamptz", datetime(2020, 1, 5, 0, 30, tzinfo=UTC)),
        ("2020-01-05 06:00:00 UTC", "timestamptz", datetime(2020, 1, 5, 6, tzinfo=UTC)),
        ("2020-01-05 06:00:00.123456789", "timestamp", None),
        ("2020-01-05T06:00:00Z", "timestamp", None),
        ("2020-01-05 25:00:00", "timestamp", None),
        ("bytes", "binary", b"bytes"),
        ("", "int", None),
    ],
)
def test_a_text_is_cast_exactly_or_not_at_all(
    database: duckdb.DuckDBPyConnection, text: str, type_: str, value: Any
) -> None:
    assert cast(database, [text], type_) == [value]


@pytest.mark.parametrize(
    ("format_", "text", "value"),
    [
        ("%d/%m/%Y", "05/01/2020", date(2020, 1, 5)),
        ("%d/%m/%Y", "5/1/2020", date(2020, 1, 5)),
        ("%d/%m/%Y", "2020-01-05", None),
        ("%d/%m/%Y", "05/01/20", None),
        ("%Y%m%d", "20200105", date(2020, 1, 5)),
        ("%Y%m%d", "2020105", None),
        ("%d-%b-%Y", "05-Jan-2020", date(2020, 1, 5)),
        ("%d.%m.%y", "05.01.20", date(2020, 1, 5)),
        ("%d.%m.%y", "05x01x20", None),
    ],
)
def test_dates_are_read_by_the_contracts_format_only(
    database: duckdb.DuckDBPyConnection, format_: str, text: str, value: date | None
) -> None:
    assert cast(database, [text], "date", format=format_) == [value]


def test_the_first_of_several_date_formats_that_fits_is_taken(
    database: duckdb.DuckDBPyConnection,
) -> None:
    spelling = Spelling(date_formats=("%Y-%m-%d", "%d.%m.%Y"))
    assert cast(database, ["2020-01-05", "05.01.2020", "5/1/2020"], "date", spelling) == [
        date(2020, 1, 5), date(2020, 1, 5), None,
    ]  # fmt: skip


def test_a_moment_without_offset_is_local_time_of_the_contract(
    database: duckdb.DuckDBPyConnection,
) -> None:
    amsterdam = Spelling(tz="Europe/Amsterdam")
    texts = ["2020-07-01 12:00:00", "2020-01-01 12:00:00", "2020-07-01T12:00:00Z"]
    assert cast(database, texts, "timestamptz", amsterdam) == [
        datetime(2020, 7, 1, 10, tzinfo=UTC),
        datetime(2020, 1, 1, 11, tzinfo=UTC),
        datetime(2020, 7, 1, 12, tzinfo=UTC),
    ]


def test_a_local_time_that_the_clocks_leave_out_is_not_cast(
    database: duckdb.DuckDBPyConnection,
) -> None:
    amsterdam = Spelling(tz="Europe/Amsterdam")
    assert cast(database, ["2020-03-29 02:30:00"], "timestamptz", amsterdam) == [None]


def test_a_moment_in_a_format_of_the_contract(database: duckdb.DuckDBPyConnection) -> None:
    text, format_ = "05/01/2020 06:07 PM", "%d/%m/%Y %I:%M %p"
    assert cast(database, [text], "timestamp", format=format_) == [
        datetime.fromisoformat("2020-01-05T18:07")
    ]
    aware = cast(database, ["05/01/2020 06:07 +0200"], "timestamptz", format="%d/%m/%Y %H:%M %z")
    assert aware == [datetime(2020, 1, 5, 4, 7, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("decimal", "thousands", "text", "value"),
    [
        (",", "", "1,5", Decimal("1.50")),
        (",", "", "1.5", None),
        (",", ".", "1.234.567,89", Decimal("1234567.89")),
        (",", ".", "12.34,5", None),
        (".", ",", "1,234.50", Decimal("1234.50")),
        (".", ",", "1,23.50", None),
        (".", ",", "1234.5", Decimal("1234.50")),
        (",", " ", "1\u00a0234,5", Decimal("1234.50")),
        (".", "'", "1'234.5", Decimal("1234.50")),
    ],
)
def test_marks_of_numbers_are_the_contracts(
    database: duckdb.DuckDBPyConnection,
    decimal: str,
    thousands: str,
    text: str,
    value: Decimal | None,
) -> None:
    spelling = Spelling(decimal=decimal, thousands=thousands)
    assert cast(database, [text], "decimal(14,2)", spelling) == [value]


def test_only_the_contracts_null_spellings_are_null(database: duckdb.DuckDBPyConnection) -> None:
    assert cast(database, ["NA", "", "x"], "string") == ["NA", None, "x"]
    spelling = Spelling(nulls=("NA", "(none)"))
    assert cast(database, ["NA", "(none)", "", "NAN"], "string", spelling) == [
        None, None, "", "NAN",
    ]  # fmt: skip
    assert cast(database, ["-", "", "5"], "int", nulls=("-",)) == [None, None, 5]


def test_blanks_stay_in_texts_unless_the_contract_trims_them(
    database: duckdb.DuckDBPyConnection,
) -> None:
    assert cast(database, [" a ", "  "], "string") == [" a ", "  "]
    trimmed = cast(database, [" a\t", "\u00a0 "], "string", Spelling(trim=True))
    assert trimmed == ["a", None]


def test_the_noise_of_a_sheets_binary_numbers_is_no_precision(
    database: duckdb.DuckDBPyConnection,
) -> None:
    sheet = Spelling(excel=True)
    assert cast(database, ["41800000.009999998"], "decimal(14,2)", sheet) == [
        Decimal("41800000.01")
    ]
    assert cast(database, ["41800000.009999998"], "decimal(14,2)") == [None]
