"""JSON documents: elements of a list, each on its place; what is no JSON is refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reading_world import columns, read

from wharf.contracts.feed import SchemaPolicy
from wharf.contracts.formats import JsonFormat
from wharf.reading import Refused, SourceFile, infer_contract
from wharf.reading.json_brackets import find_spans

DOCUMENT = JsonFormat(kind="json")


def test_elements_are_rows_with_the_line_and_byte_on_which_they_begin(tmp_path: Path) -> None:
    content = b'[{"a": 1},\n {"a":\n 2}, 5,\n {"a": NaN}, {"a": "x\ny"}, {"a": "3"}]\n'
    got = read(tmp_path, content, wanted=columns(a="int"), fmt=DOCUMENT)
    assert got.rows == [{"a": 1}, {"a": 2}, {"a": 3}]
    assert got.lines == [1, 2, 5]
    assert [(row["line"], row["byte"], row["reason"]) for row in got.quarantined] == [
        (3, 23, "not a JSON object"),
        (4, 27, "NaN or Infinity is not JSON"),
        (4, 39, "not valid JSON"),
    ]
    assert got.quarantined[2]["raw"] == '{"a": "x\ny"}'
    assert got.counts.physical_lines == 6


@pytest.mark.parametrize(
    ("content", "records"),
    [
        (b'{"n": 2, "data": {"items": [{"a": 1}, {"a": 2}]}}', "data.items"),
        (b'{"type": "FeatureCollection", "features": [{"a": 1},\n{"a": 2}]}', "features"),
        (b'{"skip": [[{"a": 9}], "]}"], "rows": [{"a": 1}, {"a": 2}], "b": {}}', "rows"),
        (b'{"a": 1}\n{\n"a": 2\n}', None),
        (b'{"a": 1}{"a": 2}', None),
        (b'\xef\xbb\xbf[\n{"a": 1}\n,\n{"a": 2}\n]', None),
        ('[{"a": 1}, {"a": 2}]'.encode("utf-16"), None),
    ],
    ids=["path", "features", "behind others", "spread", "side by side", "marked", "utf-16"],
)
def test_the_list_is_found_where_the_contract_says(
    tmp_path: Path, content: bytes, records: str | None
) -> None:
    fmt = JsonFormat(kind="json", records=records)
    assert read(tmp_path, content, wanted=columns(a="int"), fmt=fmt).rows == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    ("content", "records", "kind", "said"),
    [
        (b'[{"a": 1}, {"a"', None, "truncated", "inside its element 2"),
        (b'[{"a": 1}', None, "truncated", "before its list of records does"),
        (b'{"r": [{"a": 1}]', "r", "unreadable", "outside its list of records it is not valid"),
        (b'[{"a": 1}] x', None, "unreadable", "outside its list of records"),
        (b'[{"a": 1},]', None, "unreadable", "line 1, byte 10"),
        (b'[{"a": 1} {"a": 2}]', None, "unreadable", "not valid JSON: line 1"),
        (b'[{"a": 1},, {"a": 2}]', None, "unreadable", "not valid JSON: line 1"),
        (b'{"x": 1, "x": 2, "r": [{"a": 1}]}', "r", "unreadable", "a key stands twice"),
        (b'{"x": NaN, "r": [{"a": 1}]}', "r", "unreadable", "NaN or Infinity"),
        (b'{"r": [{"a": 1}]}', "s", "no_records", "the document has no key 's'; it has 'r'"),
        (b'{"r": 5}', "r", "no_records", "r is no list"),
        (b'[{"a": 1}]', "r", "no_records", "no object with a key 'r'"),
        (b"[1, 2]", None, "no_records", "no table: none of its 2 values is an object"),
        (b"[]", None, "empty", "its list of records is empty"),
        (b'{"a": 1} {"b"', None, "truncated", "inside its element 2"),
    ],
)
def test_what_is_no_list_of_objects_is_refused_by_name(
    tmp_path: Path, content: bytes, records: str | None, kind: str, said: str
) -> None:
    fmt = JsonFormat(kind="json", records=records)
    with pytest.raises(Refused, match=said) as refused:
        read(tmp_path, content, wanted=columns(a="int"), fmt=fmt)
    assert refused.value.kind == kind


def test_an_undescribed_document_is_proposed_with_its_list(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(
        b'{"next": null, "data": {"items": [{"id": 1, "tags": ["x"], "at": {"lat": 1.5}},'
        b' {"id": 2, "tags": [], "at": null}]}}'
    )
    proposal = infer_contract(SourceFile(path, "x"))
    assert proposal.format == JsonFormat(kind="json", records="data.items")
    types = {name: column.type for name, column in proposal.columns.items()}
    assert types == {"id": "long", "tags": "list<string>", "at": "struct<lat: double>"}
    [note] = [each.message for each in proposal.findings if each.kind == "records"]
    assert note == "its rows are the 2 objects in 'data.items'; beside it 'next' are left out"
    got = read(tmp_path, path, wanted=proposal.columns, fmt=proposal.format)
    assert got.rows == [
        {"id": 1, "tags": ["x"], "at": {"lat": 1.5}},
        {"id": 2, "tags": [], "at": None},
    ]


def test_a_field_that_a_struct_does_not_have_sets_the_row_aside(tmp_path: Path) -> None:
    content = b'[{"s": {"a": 1, "b": 2}}, {"s": {"a": 3}}]'
    wanted = columns(s="struct<a: int>")
    got = read(tmp_path, content, wanted=wanted, fmt=DOCUMENT)
    assert got.rows == [{"s": {"a": 3}}]
    assert got.reasons == ["'b' is not a field of s"]
    policy = SchemaPolicy(new_column="ignore")
    got = read(tmp_path, content, wanted=wanted, fmt=DOCUMENT, policy=policy)
    assert got.rows == [{"s": {"a": 1}}, {"s": {"a": 3}}]


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.text(max_size=4), VALUES), min_size=1), st.booleans())
def test_spans_are_the_elements_whatever_stands_in_their_texts(
    elements: list[dict[str, Any]], pretty: bool
) -> None:
    content = json.dumps(elements, indent=2 if pretty else None, ensure_ascii=False).encode()
    spans = find_spans(content, 1)
    found = [json.loads(content[a:b]) for a, b in zip(spans.starts, spans.ends, strict=True)]
    assert found == elements
    assert spans.closes == len(content) - 1


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None
)
@given(st.binary(max_size=12), st.integers(0, 40))
def test_damage_ends_in_a_refusal_or_in_quarantine_and_loses_no_element(
    tmp_path: Path, noise: bytes, at: int
) -> None:
    content = b'[{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]'
    try:
        got = read(
            tmp_path, content[:at] + noise + content[at:], wanted=columns(a="int", b="string"),
            fmt=DOCUMENT, policy=SchemaPolicy(dropped="null_fill"),
        )  # fmt: skip
    except Refused:
        return
    assert all(each.reconciles for each in got.counts.files)
