"""Expectations and values as a person reads them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

_SENTENCES = {
    "expect_column_values_to_not_be_null": "{column} is never empty",
    "expect_column_values_to_be_null": "{column} is always empty",
    "expect_column_values_to_be_unique": "{column} never repeats",
    "expect_column_values_to_be_between": "{column} is {range}",
    "expect_column_values_to_be_in_set": "{column} is one of {value_set}",
    "expect_column_values_to_not_be_in_set": "{column} is none of {value_set}",
    "expect_column_distinct_values_to_be_in_set": "{column} is one of {value_set}",
    "expect_column_distinct_values_to_contain_set": "{column} has each of {value_set}",
    "expect_column_distinct_values_to_equal_set": "{column} has exactly {value_set}",
    "expect_column_values_to_match_regex": "{column} looks like {regex}",
    "expect_column_values_to_not_match_regex": "{column} does not look like {regex}",
    "expect_column_value_lengths_to_be_between": "the length of {column} is {range}",
    "expect_column_value_lengths_to_equal": "the length of {column} is {value}",
    "expect_column_min_to_be_between": "the smallest {column} is {range}",
    "expect_column_max_to_be_between": "the largest {column} is {range}",
    "expect_column_mean_to_be_between": "the mean of {column} is {range}",
    "expect_column_median_to_be_between": "the median of {column} is {range}",
    "expect_column_stdev_to_be_between": "the spread of {column} is {range}",
    "expect_column_sum_to_be_between": "the sum of {column} is {range}",
    "expect_column_unique_value_count_to_be_between": "the count of different {column} is {range}",
    "expect_column_proportion_of_unique_values_to_be_between":
        "the share of different {column} is {range}",
    "expect_column_proportion_of_non_null_values_to_be_between":
        "the filled share of {column} is {range}",
    "expect_column_pair_values_a_to_be_greater_than_b": "{column_A} is greater than {column_B}",
    "expect_column_pair_values_to_be_equal": "{column_A} equals {column_B}",
    "expect_compound_columns_to_be_unique": "{column_list} together never repeat",
    "expect_column_to_exist": "there is a column {column}",
    "expect_table_row_count_to_be_between": "the number of rows is {range}",
    "expect_table_row_count_to_equal": "the number of rows is {value}",
    "expect_table_column_count_to_be_between": "the number of columns is {range}",
    "expect_table_columns_to_match_set": "the columns are {column_set}",
    "expect_column_to_keep_values_of_period_before":
        "the share of {column} of the period before that is gone is at most {max_missing}",
    "unexpected_rows_expectation": "this finds no row: {unexpected_rows_query}",
}  # fmt: skip
_SAID_ELSEWHERE = {"mostly", "row_condition", "condition_parser", "strict_min", "strict_max"}


def in_words(kind: str, kwargs: Mapping[str, Any]) -> str:
    """An expectation as a sentence."""
    said = {name: shown(value, 200) for name, value in kwargs.items()}
    sentence = _SENTENCES.get(kind)
    try:
        text = sentence.format(range=_range(kwargs), **said) if sentence else _plainly(kind, kwargs)
    except KeyError:
        text = _plainly(kind, kwargs)
    mostly = kwargs.get("mostly")
    if isinstance(mostly, int | float) and mostly != 1:
        text += f", in at least {number(mostly * 100.0)} % of rows"
    if condition := kwargs.get("row_condition"):
        text += f", where {shown(condition, 200)}"
    return text


def shown(value: object, limit: int, *, rounded: bool = False) -> str:
    """A value as it may stand on a page or in a message: one printable line, cut to a length."""
    if value is None or str(value) in {"<NA>", "nan", "NaT"}:
        return "empty"
    if isinstance(value, list | tuple | set | frozenset):
        text = ", ".join(shown(item, limit, rounded=rounded) for item in value)
    elif isinstance(value, Mapping):
        pairs = ((key, shown(item, limit, rounded=rounded)) for key, item in value.items())
        text = ", ".join(f"{key} {item}" for key, item in pairs)
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, int | float | Decimal):
        text = number(value, rounded=rounded)
    else:
        text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(value))
    return text if len(text) <= limit else text[: limit - 1] + "…"


def number(value: int | float | Decimal, *, rounded: bool = False) -> str:
    """A number with its thousands apart; rounded to about six digits if wished."""
    if isinstance(value, int) or not math.isfinite(value):
        return f"{value:,}"
    size = abs(float(value))
    if value == int(value) and size < 1e15:
        return f"{int(value):,}"
    if not rounded:
        return f"{value.normalize():,f}" if isinstance(value, Decimal) else f"{value:,}"
    return f"{value:,.6g}" if size < 1e6 else f"{value:,.2f}"


def plural(count: int, word: str) -> str:
    """A word in the form its count needs."""
    return word if count == 1 else word + "s"


def _range(kwargs: Mapping[str, Any]) -> str:
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    above = "above" if kwargs.get("strict_min") else "at least"
    below = "below" if kwargs.get("strict_max") else "at most"
    if low is None:
        return f"{below} {shown(high, 80)}"
    if high is None:
        return f"{above} {shown(low, 80)}"
    if low == high:
        return shown(low, 80)
    if above == "above" or below == "below":
        return f"{above} {shown(low, 80)} and {below} {shown(high, 80)}"
    return f"between {shown(low, 80)} and {shown(high, 80)}"


def _plainly(kind: str, kwargs: Mapping[str, Any]) -> str:
    words = kind.removeprefix("expect_").replace("_", " ")
    rest = [f"{name} {shown(value, 120)}" for name, value in kwargs.items()
            if name not in _SAID_ELSEWHERE]  # fmt: skip
    return f"{words} ({'; '.join(rest)})" if rest else words
