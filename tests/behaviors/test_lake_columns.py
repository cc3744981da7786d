"""How a table's columns change: only with a publish, and old batches read right after it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from lake_world import (
    COLUMNS,
    DAY,
    EVERYWHERE,
    NEXT_DAY,
    NOW,
    TABLE,
    Place,
    accounts,
    place_of,
    read,
    stage,
    with_column,
)

from wharf.errors import PublishRefused
from wharf.lake import Batch, Lake, new_batch_id

RENAMED = {"account": "string", "price": "decimal(10, 2)", "_period": "string"}


@pytest.fixture(params=EVERYWHERE)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    yield from place_of(request.param, tmp_path, request.getfixturevalue)


@pytest.fixture
def lake(place: Place) -> Lake:
    return place.open()


def test_new_column_rides_in_the_same_commit_and_older_rows_read_null(lake: Lake) -> None:
    old = lake.publish(stage(lake, [("a", 1)]), {})
    lake.publish(stage(lake, [("b", 2, "x")], NEXT_DAY, columns=with_column("zone")), {})
    assert len(lake.history(TABLE)) == 2
    assert [row[-1] for row in read(lake, lake.scan_sql(TABLE))] == [None, "x"]
    assert [c.name for c in lake.schema(TABLE)] == ["account", "amount", "_period", "zone"]
    assert len(read(lake, lake.scan_sql(TABLE, snapshot_id=old))[0]) == 3


@pytest.mark.parametrize(
    ("was", "becomes", "small", "large"),
    [("int", "long", 1, 2**40), ("float", "double", 1.5, 1e300)],
    ids=["int to long", "float to double"],
)
def test_wider_number_is_read_from_old_and_new_files(
    lake: Lake, was: str, becomes: str, small: Any, large: Any
) -> None:
    columns = {"account": "string", "n": was, "_period": "string"}
    first = stage(lake, [("a", small)], columns=columns)
    lake.publish(first, {})
    lake.publish(stage(lake, [("b", large)], NEXT_DAY, columns={**columns, "n": becomes}), {})
    assert [row[1] for row in read(lake, lake.scan_sql(TABLE))] == [small, large]
    lake.publish(stage(lake, [("c", small)], columns={**columns, "n": was}), {})
    assert lake.check(first) == []
    lake.publish(first, {})
    assert [row[1] for row in read(lake, lake.scan_sql(TABLE))] == [small, large]


def test_wider_decimal_is_read_from_old_and_new_files(lake: Lake) -> None:
    lake.publish(stage(lake, [("a", 1)]), {})
    wide = stage(lake, [("b", 10**12)], NEXT_DAY, columns={**COLUMNS, "amount": "decimal(20, 2)"})
    lake.publish(wide, {})
    assert [int(row[1]) for row in read(lake, lake.scan_sql(TABLE))] == [1, 10**12]
    assert {c.name: c.type for c in lake.schema(TABLE)}["amount"] == "decimal(20, 2)"


def test_missing_column_and_another_order_are_read_right(lake: Lake) -> None:
    lake.publish(stage(lake, [("a", 1)]), {})
    turned = {"_period": "string", "account": "string"}
    planned = lake.columns_for(TABLE, turned)
    assert [c.field_id for c in planned] == [3, 1]
    rows = pa.table({"_period": [NEXT_DAY], "account": ["b"]})
    empty = Batch(new_batch_id(NOW), TABLE, NEXT_DAY, (), 0, planned)
    lake.publish(lake.write_batch(lake.stage_rows(empty, rows)), {})
    assert accounts(lake) == [(DAY, "a"), (NEXT_DAY, "b")]


@pytest.mark.parametrize("wanted", ["string", "decimal(12, 3)", "double", "date"])
def test_unsafe_type_change_is_refused_when_staging(lake: Lake, wanted: str) -> None:
    lake.publish(stage(lake, [("a", 1)]), {})
    with pytest.raises(PublishRefused, match=r"'amount' is decimal\(10, 2\), not"):
        lake.columns_for(TABLE, {**COLUMNS, "amount": wanted})


def test_field_id_taken_meanwhile_is_refused(lake: Lake) -> None:
    lake.publish(stage(lake, [("a", 1)]), {})
    one = stage(lake, [("b", 1, "x")], columns=with_column("zone"))
    other = stage(lake, [("c", 1, "x")], NEXT_DAY, columns=with_column("city"))
    lake.publish(one, {})
    assert "stage it again" in lake.check(other)[0]
    with pytest.raises(PublishRefused, match="which is 'zone' by now"):
        lake.publish(other, {})
    assert accounts(lake) == [(DAY, "b")]


def test_first_batches_staged_at_once_with_other_columns_do_not_mix(lake: Lake) -> None:
    one = stage(lake, [("a", 1)])
    turned = {"amount": "decimal(10, 2)", "account": "string", "_period": "string"}
    other = stage(lake, [(1, "b")], NEXT_DAY, columns=turned)
    lake.publish(one, {})
    with pytest.raises(PublishRefused, match="stage it again"):
        lake.publish(other, {})


def test_renamed_column_stays_the_same_column_in_old_and_new_files(lake: Lake) -> None:
    first = stage(lake, [("a", 1)])
    lake.publish(first, {})
    renamed = stage(lake, [("b", 2)], NEXT_DAY, columns=RENAMED, formerly={"price": ["amount"]})
    assert lake.check(renamed) == []
    lake.publish(renamed, {})
    assert [c.name for c in lake.schema(TABLE)] == ["account", "price", "_period"]
    assert [int(row[1]) for row in read(lake, lake.scan_sql(TABLE))] == [1, 2]
    again = stage(lake, [("c", 3)], columns=RENAMED, formerly={"price": ["amount"]})
    lake.publish(again, {})
    lake.publish(first, {"action": "rollback"})
    assert [c.name for c in lake.schema(TABLE)] == ["account", "price", "_period"]
    assert [int(row[1]) for row in read(lake, lake.scan_sql(TABLE))] == [1, 2]


def test_column_is_renamed_widened_and_joined_by_another_in_one_commit(lake: Lake) -> None:
    lake.publish(stage(lake, [("a", 1)]), {})
    columns = {"account": "string", "price": "decimal(20, 2)", "zone": "string"}
    columns["_period"] = "string"
    new = stage(lake, [("b", 10**12, "x")], columns=columns, formerly={"price": ["amount"]})
    lake.publish(new, {})
    assert len(lake.history(TABLE)) == 2
    found = {c.name: (c.type, c.field_id) for c in lake.schema(TABLE)}
    assert found["price"] == ("decimal(20, 2)", 2)
    assert found["zone"][1] == 4


def test_name_given_up_by_a_renaming_may_be_given_to_a_new_column(lake: Lake) -> None:
    first = stage(lake, [("a", 1)])
    lake.publish(first, {})
    lake.publish(stage(lake, [("b", 2)], columns=RENAMED, formerly={"price": ["amount"]}), {})
    both = {"account": "string", "price": "decimal(10, 2)", "amount": "string"}
    lake.publish(stage(lake, [("c", 3, "x")], NEXT_DAY, columns={**both, "_period": "string"}), {})
    lake.publish(first, {})
    rows = read(lake, f"(SELECT account, price, amount FROM {lake.scan_sql(TABLE)})")
    assert [(row[0], int(row[1]), row[2]) for row in rows] == [("a", 1, None), ("c", 3, "x")]


def test_column_renamed_by_two_at_once_gets_one_name(lake: Lake) -> None:
    lake.publish(stage(lake, [("a", 1)]), {})
    one = stage(lake, [("b", 2)], columns=RENAMED, formerly={"price": ["amount"]})
    cost = {"account": "string", "cost": "decimal(10, 2)", "_period": "string"}
    other = stage(lake, [("c", 3)], NEXT_DAY, columns=cost, formerly={"cost": ["amount"]})
    lake.publish(one, {})
    with pytest.raises(PublishRefused, match="stage it again"):
        lake.publish(other, {})
    assert [c.name for c in lake.schema(TABLE)] == ["account", "price", "_period"]
