"""How long a publish takes: ours, pyiceberg's two ways, and the least that any of them must do.

Run: `.venv/bin/python bench/publish.py [--periods 60] [--rows 50000] [--rounds 12]`

All publish the same staged period into a table with the same periods and the same history, each
in a lake of its own, by turns. `overwrite` writes the rows again; `delete + add_files` takes the
staged file but makes two snapshots; ours takes the file, makes one snapshot, checks the file's
structure and syncs what it writes, which the others do not. The limit writes and syncs four small
files and commits one row to SQLite.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "plugins"))

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.expressions import EqualTo

from wharf.lake import Batch, Lake, new_batch_id

NOW = datetime(2026, 11, 20, tzinfo=UTC)
TABLE = "raw.bench"
COLUMNS = {"key": "string", "value": "double", "_period": "string"}


def rows_of(period: str, rows: int) -> pa.Table:
    keys = pa.array([f"key-{number:08d}" for number in range(rows)])
    values = pa.array([number * 0.5 for number in range(rows)])
    return pa.table({"key": keys, "value": values, "_period": pa.array([period] * rows)})


def staged(lake: Lake, period: str, rows: int) -> Batch:
    empty = Batch(new_batch_id(NOW), TABLE, period, (), 0, lake.columns_for(TABLE, COLUMNS))
    return lake.write_batch(lake.stage_rows(empty, rows_of(period, rows)))


def filled_lake(root: Path, periods: int, rows: int) -> Lake:
    lake = Lake(f"sqlite:///{root}/catalog.db", f"file://{root}/lake")
    for number in range(periods):
        lake.publish(staged(lake, f"p{number:04d}", rows), {})
    return lake


def ours(lake: Lake, batch: Batch) -> None:
    lake.publish(batch, {"by": "bench"})


@cache
def plain_catalog(lake: Lake) -> SqlCatalog:
    """The catalog as pyiceberg alone opens it: nothing is synced."""
    uri = str(lake._catalog.engine.url)
    return SqlCatalog("wharf", uri=uri, warehouse=lake.storage.root)


def delete_and_add_files(lake: Lake, batch: Batch) -> None:
    with plain_catalog(lake).load_table(TABLE).transaction() as tx:
        tx.delete(EqualTo("_period", batch.period))
        tx.add_files([file.uri for file in batch.files])


def overwrite_of_arrow(lake: Lake, batch: Batch) -> None:
    table = plain_catalog(lake).load_table(TABLE)
    read = pq.read_table(batch.files[0].uri.removeprefix("file://"))
    table.overwrite(read, EqualTo("_period", batch.period))


def limit(root: Path) -> float:
    begin = time.perf_counter()
    for name in ("added", "deleted", "list", "metadata"):
        with (root / f"{name}-{begin}").open("wb") as writing:
            writing.write(b"x" * 4096)
            writing.flush()
            os.fsync(writing.fileno())
    with sqlite3.connect(root / "limit.db") as connection:
        connection.execute("create table if not exists pointer (at real)")
        connection.execute("insert into pointer values (?)", (begin,))
    return time.perf_counter() - begin


def measured(way: Callable[[Lake, Batch], None], lake: Lake, batch: Batch) -> float:
    begin = time.perf_counter()
    way(lake, batch)
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--periods", type=int, default=60, help="periods in the table, one publish each"
    )
    parser.add_argument("--rows", type=int, default=50_000, help="rows of a period")
    parser.add_argument("--rounds", type=int, default=12, help="publishes of each way")
    given = parser.parse_args()
    ways = {
        "ours": ours,
        "delete + add_files": delete_and_add_files,
        "overwrite of arrow": overwrite_of_arrow,
    }
    with tempfile.TemporaryDirectory(prefix="wharf-bench-") as folder:
        root = Path(folder)
        lakes = {
            name: filled_lake(root / str(at), given.periods, given.rows)
            for at, name in enumerate(ways)
        }
        for lake in lakes.values():
            plain_catalog(lake)
        taken: dict[str, list[float]] = {name: [] for name in [*ways, "limit"]}
        for number in range(given.rounds):
            for name, way in ways.items():
                batch = staged(lakes[name], f"p{number % given.periods:04d}", given.rows)
                taken[name].append(measured(way, lakes[name], batch))
            taken["limit"].append(limit(root))
        snapshots = {name: len(lake.history(TABLE)) for name, lake in lakes.items()}
    base = statistics.median(taken["ours"])
    print(f"{given.periods} periods of {given.rows:,} rows, {given.rounds} publishes each\n")
    print(f"{'way':22}{'median':>10}{'best':>10}{'worst':>10}{'of ours':>10}{'snapshots':>11}")
    for name, times in taken.items():
        figures = [statistics.median(times), min(times), max(times)]
        shown = "".join(f"{seconds * 1000:>7.0f} ms" for seconds in figures)
        kept = snapshots.get(name, 0) - given.periods if name in snapshots else ""
        print(f"{name:22}{shown}{figures[0] / base:>9.1f}x{kept:>11}")


if __name__ == "__main__":
    main()
