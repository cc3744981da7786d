from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from lake_world import DAY, NEXT_DAY, NOW

from wharf.batches import Batches, load_dataframe, store_dataframe
from wharf.errors import LakeError, PublishRefused
from wharf.ledger import batches as rows

TABLE = "facts.parcels"
ROWS: dict[str, list[Any]] = {
    "parcel_id": ["A-1", "A-2", None],
    "units": [2**60 + 1, None, 3],
    "is_residential": [True, None, False],
    "area": [1.5, None, 0.1],
    "value": [Decimal("10.25"), Decimal("0.10"), None],
    "seen_at": [datetime(2026, 11, 20, 6, tzinfo=UTC), None, None],
    "built": [date(1999, 1, 1), None, None],
}


def _store(verbs: Batches, frame: Any, period: str = DAY, table: str = TABLE) -> str:
    return store_dataframe(verbs, table, period, frame, now=NOW, by="ann")


@pytest.mark.parametrize("kind", ["arrow", "polars", "pandas"])
def test_frame_comes_back_as_it_was_stored(verbs: Batches, kind: str) -> None:
    arrow = pa.table(ROWS)
    frames = {"arrow": arrow, "polars": pl.DataFrame(ROWS), "pandas": arrow.to_pandas()}
    if kind == "pandas":
        frames["pandas"]["units"] = pd.array(ROWS["units"], dtype="Int64")
    _store(verbs, frames[kind])
    back = load_dataframe(verbs.lake, TABLE, DAY, kind="arrow")
    assert back.select(list(ROWS)).to_pydict() == ROWS
    assert set(back.column("_period").to_pylist()) == {DAY}


def test_pandas_keeps_whole_numbers_and_truth_beside_missing_values(verbs: Batches) -> None:
    _store(verbs, pa.table(ROWS))
    back = load_dataframe(verbs.lake, TABLE)
    assert back["units"].tolist()[0] == 2**60 + 1
    assert (str(back["units"].dtype), str(back["is_residential"].dtype)) == ("Int64", "boolean")
    assert back["value"][0] == Decimal("10.25")
    assert str(back["seen_at"].dt.tz) == "UTC"
    again = _store(verbs, back, DAY)
    assert (
        load_dataframe(verbs.lake, TABLE, kind="arrow").column("units").to_pylist() == ROWS["units"]
    )
    assert verbs.current(TABLE) == {DAY: again}


def test_polars_frame_is_a_polars_frame(verbs: Batches) -> None:
    _store(verbs, pl.DataFrame({"n": [1]}))
    assert load_dataframe(verbs.lake, TABLE, kind="polars")["n"].to_list() == [1]


def test_storing_a_period_again_replaces_it_and_older_batches_can_be_read(verbs: Batches) -> None:
    first = _store(verbs, pl.DataFrame({"n": [1]}))
    at = verbs.lake.history(TABLE)[-1]
    _store(verbs, pl.DataFrame({"n": [2]}))
    _store(verbs, pl.DataFrame({"n": [3]}), NEXT_DAY)

    def read(**chosen: Any) -> list[int]:
        return sorted(load_dataframe(verbs.lake, TABLE, kind="arrow", **chosen)["n"].to_pylist())

    assert read() == [2, 3]
    assert read(period=DAY) == [2]
    assert read(period=DAY, batch=first) == [1]
    assert read(as_of=at.snapshot_id) == read(as_of=at.at) == [1]
    verbs.lake.tag(TABLE, "anchor/one", at.snapshot_id)
    assert read(as_of="anchor/one") == [1]


def test_table_keeps_its_types_where_the_values_fit(verbs: Batches) -> None:
    _store(
        verbs, pa.table({"value": pa.array([Decimal("1.25")], pa.decimal128(14, 2)), "d": [0.5]})
    )
    _store(verbs, pd.DataFrame({"value": [Decimal("1.5")], "d": [3]}), NEXT_DAY)
    types = {column.name: column.type for column in verbs.lake.schema(TABLE)}
    assert (types["value"], types["d"]) == ("decimal(14, 2)", "double")
    back = load_dataframe(verbs.lake, TABLE, NEXT_DAY, kind="arrow")
    assert (back["value"].to_pylist(), back["d"].to_pylist()) == ([Decimal("1.50")], [3.0])


def test_column_widens_when_the_values_do_not_fit(verbs: Batches) -> None:
    _store(verbs, pa.table({"n": pa.array([1], pa.int32())}))
    _store(verbs, pa.table({"n": [2**40]}), NEXT_DAY)
    assert verbs.lake.schema(TABLE)[0].type == "long"
    assert load_dataframe(verbs.lake, TABLE, kind="arrow")["n"].to_pylist() == [1, 2**40]


def test_reader_is_stored_like_a_table(verbs: Batches) -> None:
    _store(verbs, pa.table({"n": [1, 2]}).to_reader())
    assert len(load_dataframe(verbs.lake, TABLE)) == 2


def test_column_of_missing_values_takes_the_type_of_the_table(verbs: Batches) -> None:
    _store(verbs, pa.table({"n": [1], "s": ["a"]}))
    _store(verbs, pd.DataFrame({"n": [None], "s": [None], "fresh": [None]}), NEXT_DAY)
    types = {column.name: column.type for column in verbs.lake.schema(TABLE)}
    assert types == {"n": "long", "s": "string", "_period": "string", "fresh": "string"}


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (pa.array([1], pa.uint8()), "int"),
        (pa.array([1], pa.uint32()), "long"),
        (pa.array([2**64 - 1], pa.uint64()), "decimal(20, 0)"),
        (pa.array([1], pa.timestamp("ms")), "timestamp"),
        (pa.array([1000], pa.timestamp("ns", tz="Europe/Amsterdam")), "timestamptz"),
        (pa.array(["a"]).dictionary_encode(), "string"),
        (pa.array([0.5], pa.float16()), "float"),
        (pa.array([1], pa.time32("s")), "time"),
        (pa.array(["a"], pa.large_string()), "string"),
    ],
    ids=lambda value: str(getattr(value, "type", value)),
)
def test_other_kinds_find_a_type_that_holds_them(
    verbs: Batches, values: pa.Array, text: str
) -> None:
    _store(verbs, pa.table({"v": values}))
    assert verbs.lake.schema(TABLE)[0].type == text


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (pa.table({"v": pa.array([[1]], pa.list_(pa.duration("s")))}), "is list<"),
        (pa.table({"v": pa.array([1], pa.duration("s"))}), "which the lake does not keep"),
        (pa.table({"v": pa.array([1], pa.timestamp("ns"))}), "do not fit"),
        (pd.DataFrame({"v": [1, "a"]}), "mixes kinds"),
        (pd.DataFrame({"v": [1]}, index=pd.Index(["k"], name="key")), "reset_index"),
        (pa.table({"a b": [1]}), "is not a column name"),
        (pa.table({"_period": ["2020-01-01"]}), "holds other periods"),
        ([1, 2], "is no data frame"),
    ],
    ids=["nested", "duration", "nanoseconds", "mixed", "index", "name", "period", "list"],
)
def test_frame_that_would_lose_something_is_refused(verbs: Batches, frame: Any, words: str) -> None:
    with pytest.raises(LakeError, match=words):
        _store(verbs, frame)
    assert not verbs.lake.has(TABLE)


def test_nested_frames_come_back_as_they_were_stored(verbs: Batches) -> None:
    rows = [{"s": {"a": 1, "l": ["x"]}}, {"s": None}, {"s": {"a": None, "l": []}}]
    _store(verbs, pa.Table.from_pylist(rows))
    assert load_dataframe(verbs.lake, TABLE, DAY, kind="arrow").select(["s"]).to_pylist() == rows
    _store(verbs, pl.DataFrame({"s": [{"a": 2**40, "l": ["y"], "b": True}]}), NEXT_DAY)
    found = load_dataframe(verbs.lake, TABLE, kind="polars")["s"].to_list()
    assert found[0] == {"a": 1, "l": ["x"], "b": None}
    assert found[-1] == {"a": 2**40, "l": ["y"], "b": True}


def test_unsafe_type_change_is_refused_and_nothing_is_published(verbs: Batches) -> None:
    _store(verbs, pa.table({"n": [1]}))
    before = verbs.lake.snapshot_id(TABLE)
    with pytest.raises(PublishRefused, match="'n' is long, not string"):
        _store(verbs, pa.table({"n": ["one"]}), NEXT_DAY)
    assert verbs.lake.snapshot_id(TABLE) == before


def test_empty_frame_leaves_the_period_empty(verbs: Batches) -> None:
    _store(verbs, pl.DataFrame({"n": [1]}))
    batch_id = _store(verbs, pl.DataFrame({"n": []}, schema={"n": pl.Int64}))
    assert len(load_dataframe(verbs.lake, TABLE)) == 0
    assert verbs.current(TABLE) == {DAY: batch_id}


def test_stored_frame_goes_the_way_of_every_batch(verbs: Batches) -> None:
    batch_id = store_dataframe(
        verbs, TABLE, DAY, pl.DataFrame({"n": [1]}), now=NOW, by="ann", origin={"notebook": "x"}
    )
    with verbs.ledger.read() as tx:
        row = rows.batch(tx, batch_id)
    assert row is not None
    assert (row.status, row.subject, row.origin["notebook"]) == ("PUBLISHED", "ann", "x")


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"period": "2020-01-01"}, "holds no batch of 2020-01-01"),
        ({"batch": "20261120T060412345Z-7f3a9c"}, "name the period"),
        ({"period": DAY, "batch": "20261120T060412345Z-7f3a9c"}, "is not there"),
        ({"kind": "numpy"}, "use pandas, polars, arrow or duckdb"),
    ],
    ids=["period", "batch alone", "unknown batch", "kind"],
)
def test_reading_what_is_not_there_is_named(
    verbs: Batches, chosen: dict[str, str], words: str
) -> None:
    _store(verbs, pl.DataFrame({"n": [1]}))
    with pytest.raises(LakeError, match=words):
        load_dataframe(verbs.lake, TABLE, **chosen)
