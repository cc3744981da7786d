from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from portal_world import FRESH, LEFT_OUT, METRICS, STALE

from wharf.portal import words
from wharf.portal.words import Shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, Shown("")),
        (True, Shown("true")),
        (1978, Shown("1978", "number")),
        (0.002156138420104, Shown("0.0021561384", "number")),
        (-87.654321, Shown("-87.654321", "number")),
        (Decimal("312000.00"), Shown("312000.00", "number")),
        (Decimal("1E+3"), Shown("1000", "number")),
        (datetime(2026, 11, 20, 6, 30), Shown("2026-11-20 06:30:00")),  # noqa: DTZ001
        (date(2026, 11, 20), Shown("2026-11-20")),
        ([1, "é"], Shown('[1, "é"]')),
        ("x" * 50, Shown("x" * 50, "long")),
    ],
)
def test_a_value_of_the_data_is_shown_as_it_is(value: Any, shown: Shown) -> None:
    assert words.show(value) == shown


@pytest.mark.parametrize(
    ("value", "text"),
    [(12633, "12,633"), (0.99333703, "0.9933"), (1234.5, "1,234"), (2.0, "2"), (20000.4, "20,000")],
)
def test_a_figure_has_thousands_and_few_digits(value: float, text: str) -> None:
    assert words.figure(value).text == text


def test_codes_of_states_become_words() -> None:
    assert words.spoken("2026-11-20 is LATE and NONE") == "2026-11-20 is late and nothing came"
    assert words.spoken("NASA is no state") == "NASA is no state"


def test_a_stale_input_says_what_is_read_and_why() -> None:
    assert STALE.shortfall.startswith("2026-11-18 is read, 2 days older: 2026-11-20 is on time")
    assert LEFT_OUT.shortfall == "left out: 2026-11-20 is late and nothing came"
    assert [each.is_fresh for each in (FRESH, STALE, LEFT_OUT)] == [True, False, False]


def test_single_numbers_of_a_model_are_its_metrics() -> None:
    said = [(name, shown.text) for name, shown in words.metrics(METRICS)]
    assert said == [("rows", "3,602"), ("accuracy", "0.9933")]


@pytest.mark.parametrize(
    ("count", "said"), [(45, "45 bytes"), (2400, "2.4 kB"), (1_700_000, "1.7 MB")]
)
def test_sizes_are_said_as_people_say_them(count: int, said: str) -> None:
    assert words.size(count) == said
