"""Patterns vouch only for what the database reads as it is written; the rest is read exactly."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from reading_world import columns, read

from wharf.contracts.formats import JsonLinesFormat
from wharf.contracts.shapes import parse_type
from wharf.reading.json_patterns import Patterns, leaf, leaves_in, structure
from wharf.reading.json_values import read_object

LINES = JsonLinesFormat(kind="jsonl")
TYPES = ["int", "long", "double", "boolean", "decimal(18,2)", "decimal(9,4)", "decimal(38,9)"]
TOKENS = st.one_of(
    st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    st.sampled_from(["-0", "-0.0", "0.00001", "1.10", "1e400", "true", "null", "1E5", "0.0"]),
)


def _vouched(token: str, type_: str | None) -> tuple[bool, str]:
    found = leaf(parse_type(type_) if type_ else None)
    matches = pl.Series([token]).str.contains(f"^{found.pattern}$")
    return bool(matches[0]), found.duckdb


def _from_json(token: str, duckdb_type: str) -> Any:
    shape = json.dumps({"a": duckdb_type})
    [(value,)] = duckdb.execute(
        "SELECT from_json(?, ?)['a']", [f'{{"a": {token}}}', shape]
    ).fetchall()
    return value


@settings(max_examples=300, deadline=None)
@given(TOKENS, st.sampled_from(TYPES))
@example("0.29", "decimal(18,2)")
@example("999999999999.99", "decimal(18,2)")
@example("0.0001", "decimal(9,4)")
def test_a_number_that_a_pattern_vouches_for_comes_out_as_it_is_written(
    token: str, type_: str
) -> None:
    vouched, duckdb_type = _vouched(token, type_)
    if not vouched or token == "null":
        return
    value = _from_json(token, duckdb_type)
    if type_ == "double":
        assert value == float(token)
    elif type_ == "boolean":
        assert value is (token == "true")
    elif duckdb_type == "VARCHAR":
        assert value == token
    else:
        assert Decimal(str(value)) == Decimal(token)


@settings(max_examples=300, deadline=None)
@given(TOKENS)
@example("123456789.12345")
@example("0.0009")
def test_a_number_in_a_text_column_keeps_every_character(token: str) -> None:
    vouched, duckdb_type = _vouched(token, None)
    if vouched and token != "null":
        assert _from_json(token, duckdb_type) == token


@pytest.mark.parametrize(
    "line",
    [
        '{"a": 1, "a": 2}',
        '{"a": NaN}',
        '{"a": 1,}',
        '{"a": [1,]}',
        '{"a": 01}',
        '{"a": "\\ud800"}',
        '{"a": "x\ty"}',
        '{"b": 1, "a": 1}',
        '{"a" 1}',
        '{"a": 1} {"a": 2}',
        '{"a": 1',
        '{"a": 1e400}',
        '{"a": -0}',
        '{"a": 1.10}',
        '{"a": "\\x"}',
        '{"a": 1, "c": 1}',
        '{,"a": 1}',
        '{"a": 1 "b": 1}',
    ],
)
def test_no_pattern_vouches_for_a_surprise(line: str) -> None:
    patterns = Patterns(lambda _: None, {})
    patterns.learn(read_object(b'{"a": 1, "b": 2}'))
    patterns.learn(read_object(b'{"a": 1}'))
    assert pl.Series(['{"a": 5, "b":"x"}', '{ "a":null }']).str.contains(patterns.text).all()
    assert not pl.Series([line]).str.contains(patterns.text).any()


def test_nested_values_are_vouched_for_by_the_shape_of_the_contract() -> None:
    type_ = parse_type("list<struct<aid: long, ts: long, kind: string>>")
    patterns = Patterns(lambda _: type_, leaves_in([type_]))
    patterns.learn(read_object(b'{"e": [{"aid": 1, "ts": 2, "kind": "c"}, {"aid": 3}]}'))
    good = ['{"e": []}', '{"e":[{"aid":1},{"aid":2,"ts":3}]}', '{"e": null}']
    bad = [
        '{"e": [{"aid": 1, "aid": 2}]}',
        '{"e": [{"aid": "x"}]}',
        '{"e": {}}',
        '{"e": [{"n": 1}]}',
    ]
    assert pl.Series(good).str.contains(patterns.text).all()
    assert not pl.Series(bad).str.contains(patterns.text).any()
    assert structure(patterns.shape_of("e")) == [
        {"aid": "BIGINT", "ts": "BIGINT", "kind": "VARCHAR"}
    ]


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.text(max_size=6),
    st.decimals(-(10**6), 10**6, places=2).map(float), st.sampled_from(["2026-01-31", "1.10", "x"]),
)  # fmt: skip
OBJECTS = st.dictionaries(st.sampled_from(["id", "Name", "n", "é", "x y"]), SCALARS, min_size=1)


def _expected(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None
)
@given(st.lists(OBJECTS, min_size=1, max_size=12))
def test_texts_come_out_as_they_went_in_whatever_was_vouched_for(
    tmp_path: Path, objects: list[dict[str, Any]]
) -> None:
    lines = [json.dumps(each, ensure_ascii=False) for each in objects]
    got = read(tmp_path, "\n".join(lines).encode(), wanted=None, fmt=LINES)
    keys = list(dict.fromkeys(key for each in objects for key in each))
    names = {key: name for name, index in got.plan.files[0].mapped.cells.items()
             for key in [keys[index]]}  # fmt: skip
    assert got.rows == [{names[key]: _expected(each.get(key)) for key in keys} for each in objects]


def test_one_odd_row_among_many_changes_no_other(tmp_path: Path) -> None:
    lines = [b'{"id": %d, "v": %d.50, "t": "x"}' % (i, i) for i in range(3000)]
    lines[2000] = b'{"id": "2000", "v": 12345678901234567.10, "t": 1.10, "late": true}'
    got = read(
        tmp_path, b"\n".join(lines), fmt=LINES,
        wanted=columns(id="long", v="decimal(38,2)", t="string"),
    )  # fmt: skip
    assert [row["id"] for row in got.rows] == list(range(3000))
    assert got.rows[2000]["v"] == Decimal("12345678901234567.10")
    assert (got.rows[2000]["t"], got.rows[2000]["late"]) == ("1.10", "true")
    assert got.rows[1999] == {"id": 1999, "v": Decimal("1999.50"), "t": "x", "late": None}


def test_a_line_longer_than_is_held_is_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wharf.reading.json_rows.WINDOW", 64)
    monkeypatch.setattr("wharf.reading.json_rows.MAX_VALUE", 300)
    content = b'{"a": 1}\n{"a": "' + b"x" * 2000 + b'"}\n{"a": 2}\n{"a": "' + b"y" * 2000 + b'"}'
    got = read(tmp_path, content, wanted=columns(a="string"), fmt=LINES)
    assert got.rows == [{"a": "1"}, {"a": "2"}]
    assert [(row["line"], row["reason"]) for row in got.quarantined] == [
        (2, "line too long"),
        (4, "line too long"),
    ]
