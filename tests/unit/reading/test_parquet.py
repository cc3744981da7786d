"""Parquet: typed cells are cast to the contract's types without loss, or not at all."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from reading_world import columns, read

from wharf.contracts import Column
from wharf.contracts.formats import ParquetFormat
from wharf.reading import Refused, SourceFile, infer_contract

FORMAT = ParquetFormat(kind="parquet")
AT = datetime.fromisoformat("2026-01-02T03:04:05.000600")


def parquet(**values: pa.Array) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(values), out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("array", "type_", "value"),
    [
        (pa.array([5], pa.int8()), "long", 5),
        (pa.array([5], pa.uint64()), "int", 5),
        (pa.array([2**40], pa.int64()), "int", None),
        (pa.array([12.0]), "int", 12),
        (pa.array([12.5]), "int", None),
        (pa.array([float("nan")]), "int", None),
        (pa.array([0.1]), "decimal(14,2)", Decimal("0.10")),
        (pa.array([0.125]), "decimal(14,2)", None),
        (pa.array([2**53 + 1], pa.int64()), "double", None),
        (pa.array([Decimal("1.500")]), "decimal(14,2)", Decimal("1.50")),
        (pa.array([Decimal("1.505")]), "decimal(14,2)", None),
        (pa.array([12.0]), "string", "12"),
        (pa.array([12.5]), "string", "12.5"),
        (pa.array([True]), "boolean", True),
        (pa.array(["1.5"]), "decimal(14,2)", Decimal("1.50")),
        (pa.array(["x"]), "int", None),
        (pa.array([date(2026, 1, 2)]), "date", date(2026, 1, 2)),
        (pa.array([datetime.fromisoformat("2026-01-02")]), "date", date(2026, 1, 2)),
        (pa.array([AT]), "date", None),
        (pa.array([AT]), "timestamp", AT),
        (pa.array([AT], pa.timestamp("us", "UTC")), "timestamptz", AT.replace(tzinfo=UTC)),
        (pa.array([AT]), "timestamptz", AT.replace(tzinfo=UTC)),
        (pa.array([1], pa.timestamp("ns")), "timestamp", None),
        (
            pa.array([1000], pa.timestamp("ns")),
            "timestamp",
            datetime.fromisoformat("1970-01-01T00:00:00.000001"),
        ),
        (pa.array([b"x"]), "binary", b"x"),
        (pa.array([AT]), "int", None),
    ],
    ids=str,
)
def test_a_typed_cell_is_cast_without_loss_or_put_aside(
    tmp_path: Path, array: pa.Array, type_: str, value: Any
) -> None:
    got = read(tmp_path, parquet(v=array), wanted=columns(v=type_), fmt=FORMAT)
    if value is None:
        assert (got.rows, got.reasons) == ([], [f"not a {columns(v=type_)['v'].type}"])
        assert got.quarantined[0]["line"] == 1
    else:
        assert got.rows == [{"v": value}]


def test_columns_are_mapped_by_name_and_rows_counted_from_one(tmp_path: Path) -> None:
    content = parquet(b=pa.array([1, None, 3]), A=pa.array(["x", "y", None]))
    got = read(tmp_path, content, wanted=columns(a="string!", b="long"), fmt=FORMAT)
    assert got.rows == [{"a": "x", "b": 1}, {"a": "y", "b": None}]
    assert got.lines == [1, 2]
    [row] = got.quarantined
    assert (row["line"], row["reason"]) == (3, "required value is missing")
    assert '"c0":3' in row["raw"]


def test_nan_is_null_only_where_the_contract_says_so(tmp_path: Path) -> None:
    content = parquet(v=pa.array([float("nan"), 1.0]))
    wanted = {"v": Column(type="long", nulls=("NaN",))}
    assert read(tmp_path, content, wanted=wanted, fmt=FORMAT).rows == [{"v": None}, {"v": 1}]


def test_nested_columns_are_refused_by_name(tmp_path: Path) -> None:
    content = parquet(a=pa.array([1]), deep=pa.array([[1]]))
    with pytest.raises(Refused, match="'deep'") as refused:
        read(tmp_path, content, wanted=columns(a="long"), fmt=FORMAT)
    assert refused.value.kind == "nested"


@pytest.mark.parametrize("cut", [1, 300], ids=["last byte", "footer"])
def test_a_cut_off_file_is_refused(tmp_path: Path, cut: int) -> None:
    content = parquet(a=pa.array([*range(1000)]))[:-cut]
    with pytest.raises(Refused) as refused:
        read(tmp_path, content, wanted=columns(a="long"), fmt=FORMAT)
    assert refused.value.kind == "truncated"


def test_damaged_pages_are_refused(tmp_path: Path) -> None:
    content = bytearray(parquet(a=pa.array([f"text {i}" for i in range(3000)])))
    content[30:900] = bytes(870)
    with pytest.raises(Refused) as refused:
        read(tmp_path, bytes(content), wanted=columns(a="string"), fmt=FORMAT)
    assert refused.value.kind == "damaged"


def test_a_contract_is_inferred_from_types(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(
        parquet(
            k=pa.array([1, 2]),
            m=pa.array([Decimal("1.50"), None]),
            at=pa.array([AT, AT], pa.timestamp("us", "UTC")),
        )
    )
    proposal = infer_contract(SourceFile(path, "x"))
    types = {name: column.type for name, column in proposal.columns.items()}
    assert types == {"k": "long", "m": "decimal(3, 2)", "at": "timestamptz"}
    assert (proposal.key, proposal.rows) == (("k",), 2)
