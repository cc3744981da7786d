"""Each way a file can look right and be wrong, and the words the check finds for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lake_world import COLUMNS, DAY, NEXT_DAY, NOW, TABLE, read, stage

from wharf.errors import LakeError, PublishRefused
from wharf.lake import Batch, Lake, new_batch_id

GOOD = "select 'a' as account, 1::decimal(10,2) as amount, '2026-11-20' as _period"
IDS = "{account: 1, amount: 2, _period: 3}"


def _staged(lake: Lake, local: Path, rows: int = 1, *, planned: bool = True) -> Batch:
    batch_id = new_batch_id(NOW)
    home = lake.batch_dir(TABLE, DAY, batch_id)
    staged = lake.put(local, f"{home}/part-0.parquet")
    columns = lake.columns_for(TABLE, COLUMNS) if planned else ()
    return lake.write_batch(Batch(batch_id, TABLE, DAY, (staged,), rows, columns))


def _copied(lake: Lake, tmp_path: Path, query: str, ids: str = IDS, rows: int = 1) -> Batch:
    local = tmp_path / "made.parquet"
    fields = f", field_ids {ids}" if ids else ""
    with duckdb.connect() as connection:
        connection.execute(f"copy ({query}) to '{local}' (format parquet{fields})")
    return _staged(lake, local, rows)


def test_sound_batch_has_no_problems(lake: Lake, tmp_path: Path) -> None:
    assert lake.check(_copied(lake, tmp_path, GOOD)) == []


TRAPS = {
    "no field ids": (GOOD, "", "column 'account' has no field id, not 1"),
    "field ids of another table": (
        GOOD,
        "{account: 11, amount: 12, _period: 13}",
        "column 'account' has field id 11, not 1",
    ),
    "two ids of one type swapped": (
        GOOD,
        "{account: 3, amount: 2, _period: 1}",
        "column 'account' has field id 3, not 1",
    ),
    "another decimal scale": (
        GOOD.replace("(10,2)", "(10,3)"),
        IDS,
        "'amount' is decimal(10, 3), decimal(10, 2) was planned",
    ),
    "wider decimal than planned": (
        GOOD.replace("(10,2)", "(12,2)"),
        IDS,
        "'amount' is decimal(12, 2), decimal(10, 2) was planned",
    ),
    "float for decimal": (
        GOOD.replace("decimal(10,2)", "double"),
        IDS,
        "'amount' is double, decimal(10, 2) was planned",
    ),
    "unsigned integer": (
        GOOD.replace("decimal(10,2)", "ubigint"),
        IDS,
        "'amount' is uint64, which the lake does not keep",
    ),
    "nanoseconds": (
        GOOD.replace("1::decimal(10,2)", "'2026-01-01'::timestamp_ns"),
        IDS,
        "'amount' is timestamp[ns], which the lake does not keep",
    ),
    "uuid": (
        GOOD.replace("'a'", "uuid()"),
        IDS,
        "'account' is fixed_size_binary[16], which the lake does not keep",
    ),
    "json": (
        GOOD.replace("'a'", "'{}'::json"),
        IDS,
        "'account' is marked JSON",
    ),
    "nested": (
        GOOD.replace("'a'", "[1, 2]"),
        "{account: {__duckdb_field_id: 1, element: 9}, amount: 2, _period: 3}",
        "'account' is list<",
    ),
    "a column too many": (
        f"select *, 1 as extra from ({GOOD})",
        "{account: 1, amount: 2, _period: 3, extra: 4}",
        "column 'extra' that the batch does not name",
    ),
    "a column missing": (
        "select 'a' as account, '2026-11-20' as _period",
        "{account: 1, _period: 3}",
        "lacks column 'amount'",
    ),
    "another spelling": (
        GOOD.replace("as account", "as Account"),
        "{Account: 1, amount: 2, _period: 3}",
        "lacks column 'account'",
    ),
    "rows of another period": (
        GOOD.replace("2026-11-20", "2026-11-19"),
        IDS,
        "holds '2026-11-19' to '2026-11-19', not '2026-11-20'",
    ),
    "two periods": (
        f"{GOOD} union all {GOOD.replace('2026-11-20', '2026-11-21')}",
        IDS,
        "holds '2026-11-20' to '2026-11-21'",
    ),
    "a gap in the period": (
        f"{GOOD} union all select 'b', 2, null",
        IDS,
        "_period has missing values",
    ),
    "no period at all": (
        GOOD.replace("'2026-11-20'", "null::varchar"),
        IDS,
        "_period",
    ),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_trap_is_found_and_never_published(lake: Lake, tmp_path: Path, trap: str) -> None:
    query, ids, words = TRAPS[trap]
    rows = 2 if "union" in query else 1
    batch = _copied(lake, tmp_path, query, ids, rows)
    assert any(words in problem for problem in lake.check(batch)), lake.check(batch)
    with pytest.raises(PublishRefused, match="is not sound"):
        lake.publish(batch, {})
    assert not lake.has(TABLE)


def test_file_without_statistics_is_refused(lake: Lake, tmp_path: Path) -> None:
    sound = _copied(lake, tmp_path, GOOD)
    table = pq.read_table(sound.files[0].uri.removeprefix("file://"))
    pq.write_table(table, tmp_path / "bare.parquet", write_statistics=False)
    assert lake.check(_staged(lake, tmp_path / "bare.parquet")) == [
        "part-0.parquet: column _period has no statistics"
    ]


def test_narrower_numbers_in_a_file_are_taken(lake: Lake, tmp_path: Path) -> None:
    wide = {**COLUMNS, "amount": "decimal(14, 2)"}
    lake.publish(stage(lake, [("z", 1)], NEXT_DAY, columns=wide), {})
    batch = _copied(lake, tmp_path, GOOD)
    assert {c.name: c.type for c in batch.columns}["amount"] == "decimal(14, 2)"
    assert lake.check(batch) == []
    lake.publish(batch, {})
    assert len(read(lake, lake.scan_sql(TABLE))) == 2


def _flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "flipped bit": (_flip_a_byte, "has another checksum"),
    "cut file": (lambda path: path.write_bytes(path.read_bytes()[:-9]), "bytes"),
    "lost file": (Path.unlink, "is not there"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_after_staging_is_found(lake: Lake, damage: str) -> None:
    batch = stage(lake, [("a", 1), ("b", 2)])
    path = Path(batch.files[0].uri.removeprefix("file://"))
    path.chmod(0o644)
    spoil, words = DAMAGE[damage]
    spoil(path)
    assert words in lake.check(batch)[0]


def test_damaged_quarantine_file_is_found(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text("what the supplier wrote")
    batch = stage(lake, [("a", 1)])
    home = lake.batch_dir(TABLE, DAY, batch.batch_id)
    kept = lake.put(tmp_path / "bad.txt", f"{home}/quarantine.parquet.txt")
    damaged = replace(batch, quarantine=replace(kept, sha256="0" * 64))
    assert "another checksum" in lake.check(damaged)[0]


LIES: dict[str, tuple[Callable[[Batch], Batch], str]] = {
    "more rows": (lambda b: replace(b, rows=7), "hold 2 rows, the batch says 7"),
    "file rows": (
        lambda b: replace(b, files=(replace(b.files[0], rows=7),)),
        "has 2 rows, 7 were staged",
    ),
    "no files": (lambda b: replace(b, files=()), "hold 0 rows, the batch says 2"),
    "no period column": (lambda b: replace(b, columns=b.columns[:2]), "has no column _period"),
}


@pytest.mark.parametrize("lie", LIES)
def test_record_that_does_not_fit_its_files_is_found(lake: Lake, lie: str) -> None:
    change, words = LIES[lie]
    batch = change(stage(lake, [("a", 1), ("b", 2)]))
    assert any(words in problem for problem in lake.check(batch))
    with pytest.raises(PublishRefused):
        lake.publish(batch, {})


def test_batch_without_rows_is_sound_but_published_only_with_the_file_of_its_record(
    lake: Lake,
) -> None:
    empty = Batch(new_batch_id(NOW), TABLE, DAY, (), 0, lake.columns_for(TABLE, COLUMNS))
    assert lake.check(empty) == []
    with pytest.raises(PublishRefused, match="it has no file"):
        lake.publish(empty, {})
    recorded = lake.write_batch(empty)
    assert [staged.rows for staged in recorded.files] == [0]
    assert lake.publish(recorded, {})


def test_file_of_another_batch_is_refused(lake: Lake) -> None:
    one, other = stage(lake, [("a", 1)]), stage(lake, [("b", 2)])
    crossed = replace(one, files=other.files)
    assert "lies outside the batch's folder" in lake.check(crossed)[0]


def test_missing_value_in_a_promised_column_is_found(lake: Lake) -> None:
    batch = stage(lake, [("a", 1), (None, 2)])
    promised = replace(
        batch, columns=(replace(batch.columns[0], required=True), *batch.columns[1:])
    )
    assert lake.check(promised) == ["part-0.parquet: required column 'account' has missing values"]


def test_file_that_is_no_parquet_is_named(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"PAR1 but not really PAR1")
    home = lake.batch_dir(TABLE, DAY, new_batch_id(NOW))
    with pytest.raises(LakeError, match="no whole Parquet file"):
        lake.put(tmp_path / "x.parquet", f"{home}/part-0.parquet")


def test_column_twice_is_refused(lake: Lake, tmp_path: Path) -> None:
    sound = stage(lake, [("a", 1)])
    rows = pq.read_table(sound.files[0].uri.removeprefix("file://"))
    twice = pa.table([*rows.columns, rows.column(0)], names=[*rows.column_names, "account"])
    pq.write_table(twice, tmp_path / "twice.parquet")
    problems = lake.check(_staged(lake, tmp_path / "twice.parquet"))
    assert "part-0.parquet has a column twice" in problems
