"""Nested columns from file to reader, the same over each catalog: ids, growth, old batches."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from lake_world import DAY, NEXT_DAY, NOW, TABLE, Place
from reading_world import SYSTEM

from wharf.batches import load_dataframe
from wharf.contracts import Column
from wharf.contracts.feed import SchemaPolicy
from wharf.contracts.formats import FileFormat, JsonLinesFormat, ParquetFormat
from wharf.errors import PublishRefused
from wharf.lake import Batch, Lake, new_batch_id
from wharf.reading import SourceFile, plan_reading, write_plan

RAW_SYSTEM = {"_period": "string", "_batch_id": "string", "_file": "string", "_line": "long"}
LINES = JsonLinesFormat(kind="jsonl")
SMALL = "struct<name: string, tags: list<string>, n: int>"
GROWN = "struct<name: string, tags: list<string>, n: long, at: timestamptz, m: map<string, long>>"


@pytest.fixture
def lake(place: Place) -> Lake:
    return place.open()


def stage_file(
    lake: Lake,
    folder: Path,
    content: bytes | Path,
    columns: dict[str, str],
    period: str = DAY,
    fmt: FileFormat = LINES,
) -> Batch:
    """Read a file by a contract and stage what it holds, as intake does."""
    path = content if isinstance(content, Path) else folder / f"file-{period}"
    if isinstance(content, bytes):
        path.write_bytes(content)
    wanted = {name: Column(type=type_) for name, type_ in columns.items()}
    plan = plan_reading([SourceFile(path, "file")], fmt, wanted, SchemaPolicy())
    planned = lake.columns_for(TABLE, {**RAW_SYSTEM, **plan.columns})
    batch_id = new_batch_id(NOW)
    good = folder / f"{batch_id}.parquet"
    counts = write_plan(
        plan,
        good=good,
        bad=folder / "bad.parquet",
        field_ids={column.name: column.ids for column in planned},
        constants={"_period": period, "_batch_id": batch_id},
        work=folder,
    )
    assert not counts.rows_quarantined
    staged = lake.put(good, f"{lake.batch_dir(TABLE, period, batch_id)}/part-0.parquet")
    return lake.write_batch(Batch(batch_id, TABLE, period, (staged,), counts.rows_staged, planned))


def column(lake: Lake, name: str, **ref: Any) -> list[Any]:
    with duckdb.connect() as connection:
        lake.prepare(connection)
        rows = connection.execute(
            f"SELECT {name} FROM {lake.scan_sql(TABLE, **ref)} ORDER BY _period, _line"
        ).fetchall()
    return [row[0] for row in rows]


def test_nested_values_come_out_of_the_lake_as_they_went_in(lake: Lake, tmp_path: Path) -> None:
    content = b"""{"id": 1, "s": {"name": "a", "tags": ["x", "y"], "n": 7}, "p": {"k": 1.10}}
{"id": 2, "s": null, "p": {}}
{"id": 3, "s": {"tags": [], "n": null}, "p": null}
"""
    columns = {"id": "long", "s": SMALL, "p": "map<string, decimal(18,2)>", "e": "list<long>"}
    with pytest.raises(Exception, match="'e'"):
        stage_file(lake, tmp_path, content, columns)
    del columns["e"]
    batch = stage_file(lake, tmp_path, content, columns)
    assert lake.check(batch) == []
    lake.publish(batch, {})
    assert lake.schema(TABLE) == batch.columns
    structs = [
        {"name": "a", "tags": ["x", "y"], "n": 7},
        None,
        {"name": None, "tags": [], "n": None},
    ]
    assert column(lake, "s") == structs
    assert column(lake, "p") == [{"k": Decimal("1.10")}, {}, None]
    arrow = load_dataframe(lake, TABLE, DAY, kind="arrow")
    assert arrow["s"].to_pylist() == structs
    assert load_dataframe(lake, TABLE, DAY, kind="polars")["id"].to_list() == [1, 2, 3]
    assert list(load_dataframe(lake, TABLE, DAY)["id"]) == [1, 2, 3]
    theirs = lake._catalog.load_table(TABLE).scan().to_arrow()
    assert theirs["s"].to_pylist() == structs
    assert theirs["p"].to_pylist() == [[("k", Decimal("1.10"))], [], None]


def test_a_struct_gains_fields_and_widens_and_old_batches_read_right(
    lake: Lake, tmp_path: Path
) -> None:
    first = stage_file(
        lake, tmp_path, b'{"s": {"name": "a", "tags": ["x"], "n": 1}}\n', {"s": SMALL}
    )
    lake.publish(first, {})
    content = (
        b'{"s": {"name": "b", "tags": [], "n": 5000000000,'
        b' "at": "2026-11-21T06:00:00+01:00", "m": {"k": 9}}, "more": [{"x": 1}]}\n'
    )
    grown = {"s": GROWN, "more": "list<struct<x: int>>"}
    second = stage_file(lake, tmp_path, content, grown, NEXT_DAY)
    assert lake.check(second) == []
    lake.publish(second, {})
    assert len(lake.history(TABLE)) == 2
    assert column(lake, "s") == [
        {"name": "a", "tags": ["x"], "n": 1, "at": None, "m": None},
        {
            "name": "b",
            "tags": [],
            "n": 5_000_000_000,
            "at": datetime(2026, 11, 21, 5, tzinfo=UTC),
            "m": {"k": 9},
        },
    ]
    assert column(lake, "more") == [None, [{"x": 1}]]
    theirs = lake._catalog.load_table(TABLE).scan().to_arrow().sort_by("_period")
    assert [row["n"] for row in theirs["s"].to_pylist()] == [1, 5_000_000_000]
    assert theirs["s"].to_pylist()[1]["m"] == [("k", 9)]
    # The old contract's file, and the old batch itself, still fit.
    lake.publish(first, {"action": "rollback"})
    again = stage_file(lake, tmp_path, b'{"s": {"name": "c"}}\n', {"s": SMALL})
    assert lake.check(again) == []
    lake.publish(again, {})
    assert [row["name"] for row in column(lake, "s")] == ["c", "b"]


def test_another_type_inside_a_struct_is_refused(lake: Lake, tmp_path: Path) -> None:
    lake.publish(stage_file(lake, tmp_path, b'{"s": {"n": 1}}\n', {"s": "struct<n: int>"}), {})
    with pytest.raises(PublishRefused, match=r"'s' is struct<n: int>, not struct<n: string>"):
        lake.columns_for(TABLE, {"s": "struct<n: string>", "_period": "string"})
    with pytest.raises(PublishRefused, match="not list<int>"):
        lake.columns_for(TABLE, {"s": "list<int>", "_period": "string"})


def test_a_file_with_other_ids_inside_is_not_published(lake: Lake, tmp_path: Path) -> None:
    batch = stage_file(lake, tmp_path, b'{"s": {"n": 1}}\n', {"s": "struct<n: int>"})
    wrong = tuple(
        column
        if column.name != "s"
        else type(column)("s", column.type, column.field_id, inner=(99,))
        for column in batch.columns
    )
    [problem] = [
        text for text in lake.check(Batch(**{**vars(batch), "columns": wrong})) if "at 'n'" in text
    ]
    assert "not 99" in problem


def test_nested_parquet_is_taken_where_the_contract_says_so(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    duckdb.sql(
        "COPY (SELECT 1 AS id, {'name': 'a', 'n': 7::BIGINT} AS s, [1.5, 2.5] AS l, "
        f"MAP {{'k': 1::DECIMAL(9, 2)}} AS m) TO '{path}' (FORMAT parquet)"
    )
    columns = {
        "id": "long",
        "s": "struct<name: string, n: int>",
        "l": "list<decimal(18,2)>",
        "m": "map<string, decimal(18,2)>",
    }
    batch = stage_file(lake, tmp_path, path, columns, fmt=ParquetFormat(kind="parquet"))
    assert lake.check(batch) == []
    lake.publish(batch, {})
    assert column(lake, "s") == [{"name": "a", "n": 7}]
    assert column(lake, "l") == [[Decimal("1.50"), Decimal("2.50")]]
    assert column(lake, "m") == [{"k": Decimal("1.00")}]
    with pytest.raises(Exception, match=r"s.n is not in the contract's type"):
        stage_file(
            lake, tmp_path, path, {**columns, "s": "struct<name: string>"},
            fmt=ParquetFormat(kind="parquet"),
        )  # fmt: skip


def test_every_field_id_in_a_staged_file_is_the_tables(lake: Lake, tmp_path: Path) -> None:
    first = stage_file(lake, tmp_path, b'{"s": {"name": "a"}}\n', {"s": SMALL})
    lake.publish(first, {})
    batch = stage_file(
        lake,
        tmp_path,
        b'{"s": {"name": "a"}, "l": []}\n',
        {"s": GROWN, "l": "list<long>"},
        NEXT_DAY,
    )
    lake.publish(batch, {})
    local = Path(batch.files[0].uri.removeprefix("file://"))
    schema = pq.read_schema(local)
    inner = {
        field.name: int(field.metadata[b"PARQUET:field_id"]) for field in schema.field("s").type
    }
    table = {
        each.name: each.field_id
        for each in lake._catalog.load_table(TABLE).schema().find_field("s").field_type.fields
    }
    assert inner == table
    assert set(SYSTEM) <= set(schema.names)
