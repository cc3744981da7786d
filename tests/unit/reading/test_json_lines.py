"""JSON lines: exact numbers, no constants that are not JSON, one object on each line."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from reading_world import columns, read

from wharf.contracts.feed import SchemaPolicy
from wharf.contracts.formats import JsonLinesFormat
from wharf.reading import Refused, SourceFile, infer_contract

FORMAT = JsonLinesFormat(kind="jsonl")


def test_numbers_keep_every_digit_they_were_written_with(tmp_path: Path) -> None:
    content = b'{"id": 12345678901234567890123, "v": 123456789012345678.10, "e": 1e3}\n'
    wanted = columns(id="string", v="decimal(38,2)", e="double")
    assert read(tmp_path, content, wanted=wanted, fmt=FORMAT).rows == [
        {"id": "12345678901234567890123", "v": Decimal("123456789012345678.10"), "e": 1000.0}
    ]


def test_keys_are_matched_like_header_cells_and_may_come_later(tmp_path: Path) -> None:
    content = b'{"parcelId":"a"}\n{"parcelId":"b","lotSqft":7,"isNew":true}\n'
    got = read(tmp_path, content, wanted=columns(parcel_id="string!", lot_sqft="int"), fmt=FORMAT)
    assert got.rows == [
        {"parcel_id": "a", "lot_sqft": None, "isnew": None},
        {"parcel_id": "b", "lot_sqft": 7, "isnew": "true"},
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"a": NaN}', "NaN or Infinity is not JSON"),
        (b'{"a": -Infinity}', "NaN or Infinity is not JSON"),
        (b'{"a": 1, "a": 2}', "a key stands twice in the object"),
        (b'{"a": 1', "not valid JSON"),
        (b"{'a': 1}", "not valid JSON"),
        (b'{"a": 1} {"a": 2}', "not valid JSON"),
        (b"[1]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'{"a": "\\ud800"}', "not valid in its encoding"),
        (b'{"a": "\xff"}', "not valid in its encoding"),
        (b'{"a": ' + b"[" * 5000 + b"]" * 5000 + b"}", "nested too deeply"),
        (b'{"a": ' + b"[" * 900 + b"]" * 900 + b"}", "nested too deeply"),
        (b'{"a": 1.5}', "not a int"),
        (b'{"a": 1.0}', "not a int"),
        (b'{"a": true}', "not a int"),
        (b'{"a": {"b": 1}}', "not a int"),
    ],
)
def test_a_line_that_gives_no_row_is_set_aside_with_its_reason(
    tmp_path: Path, line: bytes, reason: str
) -> None:
    content = b'{"a": 1}\n' + line + b'\n\n{"a": "2"}'
    got = read(tmp_path, content, wanted=columns(a="int"), fmt=FORMAT)
    assert got.rows == [{"a": 1}, {"a": 2}]
    assert got.lines == [1, 4]
    assert got.reasons == [reason]
    [row] = got.quarantined
    assert (row["line"], row["byte"]) == (2, 9)
    assert row["raw"].encode()[:7] == line[:7]


def test_nested_values_stay_json_in_a_string(tmp_path: Path) -> None:
    content = b'{"a": {"b": [1.50, "2", null, true], "c": "\xc3\xa9"}}\n'
    got = read(tmp_path, content, wanted=columns(a="string"), fmt=FORMAT)
    assert got.rows == [{"a": '{"b":[1.50,"2",null,true],"c":"é"}'}]


@pytest.mark.parametrize(
    ("content", "said"),
    [(b'[{"a": 1}]', "an array"), (b'{\n "a": 1\n}\n', "not one object on each line")],
    ids=["array", "one object"],
)
def test_a_json_document_is_not_taken_for_lines(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(Refused, match=said) as refused:
        read(tmp_path, content, wanted=columns(a="int"), fmt=FORMAT)
    assert refused.value.kind == "other_format"


def test_a_key_that_no_object_has_is_a_dropped_column(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="'b'"):
        read(tmp_path, b'{"a": 1}\n', wanted=columns(a="int", b="int"), fmt=FORMAT)
    policy = SchemaPolicy(dropped="null_fill")
    wanted = columns(a="int", b="int")
    got = read(tmp_path, b'{"a": 1}\n', wanted=wanted, fmt=FORMAT, policy=policy)
    assert got.rows == [{"a": 1, "b": None}]


def test_more_keys_than_a_table_has_columns_are_refused(tmp_path: Path) -> None:
    content = b"".join(b'{"k%d": 1}\n' % i for i in range(2001))
    with pytest.raises(Refused, match="different keys"):
        read(tmp_path, content, wanted=columns(a="int"), fmt=FORMAT)


def test_a_contract_is_inferred_from_objects(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b'{"parcelId":"007","v":1.25,"n":3}\n{"parcelId":"008","v":2,"n":4}\n')
    proposal = infer_contract(SourceFile(path, "x"))
    types = {name: column.type for name, column in proposal.columns.items()}
    assert types == {"parcelid": "string", "v": "decimal(18, 2)", "n": "long"}
    assert proposal.key == ("parcelid",)
    assert proposal.format == FORMAT
