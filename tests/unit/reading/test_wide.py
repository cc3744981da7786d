"""Tables of very many columns: written by Arrow, as the database would have written them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from reading_world import CONSTANTS, CSV, columns

from wharf.contracts.feed import SchemaPolicy
from wharf.errors import SettingsError
from wharf.reading import Ceiling, Limits, SourceFile, plan_reading, try_all, write_plan
from wharf.reading import write as write_module
from wharf.settings import read_settings

KINDS = {
    "long": "7", "int": "-3", "decimal(12,2)": "12.30", "double": "1.5", "boolean": "true",
    "date": "2026-11-20", "timestamp": "2026-11-20 06:07:08",
    "timestamptz": "2026-11-20T06:07:08Z", "time": "06:07:08", "string": "Ann",
}  # fmt: skip
NAMES = [f"c{number}" for number in range(len(KINDS))]
TYPES = dict(zip(NAMES, KINDS, strict=True))


def staged(folder: Path, rows: int = 3) -> pq.ParquetFile:
    folder.mkdir()
    source = folder / "x.csv"
    line = ",".join(KINDS.values())
    source.write_text("\n".join([",".join(NAMES), *[line] * rows, "x" + line[1:], ""]))
    plan = plan_reading([SourceFile(source, "x.csv")], CSV, columns(**TYPES), SchemaPolicy())
    names = [*NAMES, "_period", "_batch_id", "_file", "_line"]
    counts = write_plan(
        plan, good=folder / "good.parquet", bad=folder / "bad.parquet", work=folder,
        field_ids={name: number for number, name in enumerate(names, 10)}, constants=CONSTANTS,
    )  # fmt: skip
    assert (counts.rows_staged, counts.rows_quarantined) == (rows, 1)
    return pq.ParquetFile(folder / "good.parquet")


def test_a_wide_table_has_the_same_columns_ids_and_values_as_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = staged(tmp_path / "usual")
    monkeypatch.setattr(write_module, "WIDE", 5)
    wide = staged(tmp_path / "wide")
    assert wide.read().to_pylist() == usual.read().to_pylist()
    assert wide.schema_arrow.equals(usual.schema_arrow, check_metadata=True)
    row = wide.read(NAMES).to_pylist()[0]
    assert row["c2"] == Decimal("12.30")
    assert row["c5"] == date(2026, 11, 20)
    assert row["c7"] == datetime(2026, 11, 20, 6, 7, 8, tzinfo=UTC)
    assert wide.schema_arrow.field("_file").type == pa.string()


def test_a_wide_table_of_many_rows_keeps_to_the_memory_of_its_reader(tmp_path: Path) -> None:
    source = tmp_path / "wide.csv"
    line = ",".join(["ab"] * 1100)
    source.write_text("\n".join([",".join(f"n{i}" for i in range(1100)), *[line] * 800, ""]))
    [trial] = try_all([source], Ceiling(seconds=120))
    assert (trial.outcome, trial.reason, trial.rows_staged) == ("loaded", "", 800)


def test_the_database_keeps_to_the_memory_and_threads_it_is_given(tmp_path: Path) -> None:
    source = tmp_path / "x.csv"
    source.write_text("c0\n1\n")
    limits = Limits(memory=300 << 20, threads=1)
    plan = plan_reading([SourceFile(source, "x.csv")], CSV, None, SchemaPolicy(), limits=limits)
    asked = "SELECT current_setting('memory_limit'), current_setting('threads')"
    assert plan.connection.execute(asked).fetchall() == [("300.0 MiB", 1)]


def test_memory_and_threads_come_from_the_settings() -> None:
    given = read_settings({"WHARF_MEMORY_MB": "300", "WHARF_THREADS": "2"})
    assert (given.memory, given.threads) == (300 << 20, 2)
    with pytest.raises(SettingsError, match="WHARF_THREADS is '-1'; write a number of threads"):
        read_settings({"WHARF_THREADS": "-1"})
