from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lake_world import DAY, NOW, TABLE, read, stage

from wharf.errors import LakeError, PublishRefused
from wharf.lake import Batch, Lake, arrow_type, duckdb_type, merged_type, new_batch_id
from wharf.lake.columns import plan_columns, text_of_arrow

VALUES: dict[str, Any] = {
    "boolean": True,
    "int": -(2**31),
    "long": 2**63 - 1,
    "float": 1.5,
    "double": 0.1,
    "decimal(38, 9)": Decimal("12345678901234567890123456789.123456789"),
    "decimal(4, 0)": Decimal("9999"),
    "string": "naïve; 'quoted' \U0001f3e0",
    "date": date(1969, 12, 31),
    "time": time(23, 59, 59, 999999),
    "timestamp": datetime(1900, 1, 1, 0, 0, 0, 1),  # noqa: DTZ001 - a type without a zone
    "timestamptz": datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
    "binary": b"\x00\xff",
}
NAMES = [f"c{number}" for number in range(len(VALUES))]
COLUMNS = {**dict(zip(NAMES, VALUES, strict=True)), "_period": "string"}


def test_every_type_survives_staging_with_arrow_and_reading_with_duckdb(lake: Lake) -> None:
    lake.publish(stage(lake, [tuple(VALUES.values()), (None,) * len(VALUES)], columns=COLUMNS), {})
    rows = read(lake, lake.scan_sql(TABLE))
    assert rows[0] == (*VALUES.values(), DAY)
    assert rows[1] == (*(None,) * len(VALUES), DAY)


def test_every_type_survives_staging_with_duckdb_and_reading_with_iceberg(
    lake: Lake, tmp_path: Path
) -> None:
    planned = lake.columns_for(TABLE, COLUMNS)
    ids = ", ".join(f"{column.name}: {column.field_id}" for column in planned)
    chosen = ", ".join(f"$v{i}::{duckdb_type(t)} as c{i}" for i, t in enumerate(VALUES))
    given_values = {f"v{i}": value for i, value in enumerate(VALUES.values())}
    local = tmp_path / "made.parquet"
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(
            f"create table made as select {chosen}, '{DAY}' as _period", given_values
        )
        connection.execute(f"copy made to '{local}' (format parquet, field_ids {{{ids}}})")
    batch_id = new_batch_id(NOW)
    staged = lake.put(local, f"{lake.batch_dir(TABLE, DAY, batch_id)}/part-0.parquet")
    batch = lake.write_batch(Batch(batch_id, TABLE, DAY, (staged,), 1, planned))
    assert lake.check(batch) == []
    lake.publish(batch, {})
    row = lake._catalog.load_table(TABLE).scan().to_arrow().to_pylist()[0]
    assert list(row.values()) == [*VALUES.values(), DAY]


@pytest.mark.parametrize("text", VALUES)
def test_type_text_survives_arrow(text: str) -> None:
    assert text_of_arrow(arrow_type(text)) == text


@pytest.mark.parametrize("given_type", [pa.uint8(), pa.float16(), pa.timestamp("ns"), pa.null()])
def test_arrow_type_that_holds_something_else_has_no_text(given_type: pa.DataType) -> None:
    assert text_of_arrow(given_type) is None


@pytest.mark.parametrize(
    ("standing", "wanted", "merged"),
    [
        ("int", "long", "long"),
        ("long", "int", "long"),
        ("float", "double", "double"),
        ("decimal(10, 2)", "decimal(14, 2)", "decimal(14, 2)"),
        ("decimal(14, 2)", "decimal(10, 2)", "decimal(14, 2)"),
        ("decimal(10, 2)", "decimal(10, 3)", None),
        ("long", "double", None),
        ("long", "string", None),
        ("date", "timestamp", None),
        ("timestamp", "timestamptz", None),
        ("string", "string", "string"),
    ],
)
def test_only_widening_is_safe(standing: str, wanted: str, merged: str | None) -> None:
    assert merged_type(standing, wanted) == merged


@given(st.sampled_from(list(VALUES)), st.sampled_from(list(VALUES)))
def test_merging_types_does_not_depend_on_order(left: str, right: str) -> None:
    assert merged_type(left, right) == merged_type(right, left)


@pytest.mark.parametrize(
    "text", ["int64", "uuid", "list<uint8>", "timestamp_ns", "decimal(39, 2, 1)"]
)
def test_unknown_type_is_refused_with_the_choices(text: str) -> None:
    with pytest.raises(LakeError, match="use boolean, int, long"):
        duckdb_type(text)


def test_names_that_differ_in_case_only_are_refused() -> None:
    with pytest.raises(PublishRefused, match="'Account' differs from 'account' in case only"):
        plan_columns("raw.x", (), {"account": "string", "Account": "string"}, 0)


def test_column_name_that_needs_quoting_is_refused() -> None:
    with pytest.raises(LakeError, match="is not a column name"):
        plan_columns("raw.x", (), {"a b": "string"}, 0)
