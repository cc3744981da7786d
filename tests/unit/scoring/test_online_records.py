"""Raw records become the inputs that a table's rows become, or an error that names the field."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wharf.scoring.online import protocol, records
from wharf.scoring.online.records import BadInput
from wharf.scoring.tensors import Feature, as_inputs

LOT, COUNTY = Feature("lot_sqft", "number"), Feature("county", "text")
FEATURES = (LOT, COUNTY)
NUMBERS = (
    st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**62), 2**62)
)
ROWS = st.lists(st.tuples(NUMBERS, st.none() | st.text()), min_size=1, max_size=20)


@given(ROWS)
def test_records_give_what_a_table_gives(rows: list[tuple[Any, str | None]]) -> None:
    numbers = [None if lot is None else float(lot) for lot, _ in rows]
    texts = pa.array([county for _, county in rows], pa.string())
    expected = as_inputs({"lot_sqft": pa.array(numbers, pa.float64()), "county": texts}, FEATURES)
    mappings = [{"lot_sqft": lot, "county": county, "id": 7} for lot, county in rows]
    lists = [[county, lot] for lot, county in rows]
    count, lots, counties = len(rows), [[lot] for lot, _ in rows], [county for _, county in rows]
    tensors = {
        "inputs": [
            {"name": "county", "datatype": "BYTES", "shape": [count], "data": counties},
            {"name": "lot_sqft", "datatype": "FP32", "shape": [count, 1], "data": lots},
        ]
    }
    for found in (
        records.inputs_of(None, mappings, FEATURES),
        records.inputs_of(["county", "lot_sqft"], lists, FEATURES),
        protocol.inputs_of(tensors, protocol.rows_of(tensors), FEATURES),
    ):
        np.testing.assert_array_equal(found["lot_sqft"], expected["lot_sqft"])
        np.testing.assert_array_equal(found["county"], expected["county"])
        assert found["lot_sqft"].dtype == np.float32


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (
            [{"lot_sqft": 1, "county": "a"}, {"county": "a"}],
            "record 1: field lot_sqft is not there",
        ),
        (
            [{"lot_sqft": "12", "county": "a"}],
            "record 0: field lot_sqft is the text '12'; it wants a",
        ),
        ([{"lot_sqft": [1], "county": "a"}], "record 0: field lot_sqft is a list"),
        ([{"lot_sqft": 1, "county": 5}], "record 0: field county is a number; it wants a text"),
        ([{"lot_sqft": 1, "county": "a"}, 5], "record 1 is a number, not an object"),
    ],
)
def test_a_wrong_record_names_row_and_field(rows: list[Any], says: str) -> None:
    with pytest.raises(BadInput, match=says.replace("(", "\\(")):
        records.inputs_of(None, rows, FEATURES)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ([], "the body is a list"),
        ({"rows": []}, "the body has rows, none of dataframe_records"),
        ({"dataframe_records": {}}, "dataframe_records is an object"),
        ({"dataframe_split": {"columns": ["a"]}}, "wants the lists `columns` and `data`"),
    ],
)
def test_a_body_of_another_shape_is_named(body: Any, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        records.records_of(body)


def test_split_rows_have_a_value_for_each_column() -> None:
    with pytest.raises(BadInput, match="row 1 of data"):
        records.inputs_of(["lot_sqft", "county"], [[1, "a"], [2]], FEATURES)
    with pytest.raises(BadInput, match="field county is not there"):
        records.inputs_of(["lot_sqft"], [[1]], FEATURES)


def tensor(**changes: Any) -> dict[str, Any]:
    one = {"name": "lot_sqft", "datatype": "FP32", "shape": [2, 1], "data": [1.0, 2.0]}
    return {"inputs": [one | changes]}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (tensor(datatype="INT64"), "input lot_sqft: wants FP32"),
        (tensor(shape=[3, 1]), r"input lot_sqft: wants shape \[2, 1\]"),
        (tensor(name="lot"), "input lot is not known; this model reads lot_sqft, county"),
        (tensor(data=5), "input lot_sqft: data is not a list"),
        (tensor(data=[[1, 2], [3, 4]]), "input lot_sqft: each row of data wants one value"),
        ({"inputs": [5]}, "input 0 has no name"),
        ({"inputs": []}, "inputs is missing"),
        ({"inputs": tensor()["inputs"] + [{"name": "county", "data": ["a"]}]}, "differ in length"),
    ],
)
def test_a_wrong_tensor_names_its_input(body: Any, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        protocol.inputs_of(body, protocol.rows_of(body), FEATURES)


def test_an_input_left_out_is_missing_in_every_row() -> None:
    found = protocol.inputs_of(tensor(), 2, FEATURES)
    assert found["county"].tolist() == [[""], [""]]
