"""How long a publish takes: ours, pyiceberg's two ways, and the least that any of them must do.

Run: `.venv/bin/python bench/publish.py [--periods 60] [--snapshots 200] [--large 10000]`

Three tables. First, by turns, all ways publish the same staged period into tables with the same
periods and the same history. `overwrite` writes the rows again; `delete + add_files` takes the
staged file but makes two snapshots; ours takes the file, makes one snapshot, checks the file's
structure and syncs what it writes, which the others do not. The limit writes and syncs four small
files and commits one row to SQLite. Second, ours in tables of more and more periods. Third, eight
processes at once, each on a period of its own and all on one; every publish must be there.
"""

from __future__ import annotations

import argparse
import multiprocessing
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
from pyiceberg.table.snapshots import Operation

from wharf.lake import Batch, Lake, new_batch_id
from wharf.lake.batch import StagedFile
from wharf.lake.commit import Tx, data_file
from wharf.lake.manifests import PeriodOverwrite
from wharf.lake.structure import read_footer

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


def filled_lake(root: Path, periods: int, rows: int, snapshots: int) -> Lake:
    """A lake whose table has so many periods and so many snapshots.

    Periods come by one commit of entries whose files are not there: a publish opens none of them.
    """
    lake = Lake(f"sqlite:///{root}/catalog.db", f"file://{root}/lake")
    first = staged(lake, "p00000", rows)
    lake.publish(first, {})
    table = lake._catalog.load_table(TABLE)
    footer = read_footer(lake.storage, first.files[0].uri)
    tx = Tx(table)
    filling = PeriodOverwrite(
        operation=Operation.APPEND, transaction=tx, io=table.io, branch="main"
    )
    for number in range(1, periods):
        period = f"p{number:05d}"
        uri = f"{lake.batch_dir(TABLE, period, first.batch_id)}/part-0.parquet"
        file = StagedFile(uri, rows, first.files[0].bytes, "")
        filling.append_data_file(data_file(tx.table_metadata, period, file, first.columns, footer))
    filling.commit()
    tx.commit_transaction()
    # Real batches, spread over the table; those that are replaced below are among them.
    for number in range(max(snapshots - 2, 0)):
        lake.publish(staged(lake, spread(number, periods), rows), {})
    return lake


def spread(number: int, periods: int) -> str:
    return f"p{number * 37 % periods:05d}"


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


def limit(root: Path) -> tuple[float, float]:
    begin = time.perf_counter()
    for name in ("added", "deleted", "list", "metadata"):
        with (root / f"{name}-{begin}").open("wb") as writing:
            writing.write(b"x" * 4096)
            writing.flush()
            os.fsync(writing.fileno())
    with sqlite3.connect(root / "limit.db") as connection:
        connection.execute("create table if not exists pointer (at real)")
        connection.execute("insert into pointer values (?)", (begin,))
    return time.perf_counter() - begin, 0.0


def measured(way: Callable[[Lake, Batch], None], lake: Lake, batch: Batch) -> tuple[float, float]:
    """Seconds on the clock, and of the processor."""
    begin, busy = time.perf_counter(), time.process_time()
    way(lake, batch)
    return time.perf_counter() - begin, time.process_time() - busy


def compare(root: Path, given: argparse.Namespace) -> None:
    ways = {
        "ours": ours,
        "delete + add_files": delete_and_add_files,
        "overwrite of arrow": overwrite_of_arrow,
    }
    lakes = {
        name: filled_lake(root / str(at), given.periods, given.rows, given.snapshots)
        for at, name in enumerate(ways)
    }
    for lake in lakes.values():
        plain_catalog(lake)
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in [*ways, "limit"]}
    for number in range(given.rounds):
        for name, way in ways.items():
            period = spread(number, min(given.periods, given.snapshots - 2))
            taken[name].append(measured(way, lakes[name], staged(lakes[name], period, given.rows)))
        taken["limit"].append(limit(root))
    base = statistics.median(wall for wall, _ in taken["ours"])
    print(f"{given.periods} periods of {given.rows:,} rows, {given.snapshots} snapshots kept, "
          f"{given.rounds} publishes each\n")  # fmt: skip
    print(f"{'way':22}{'median':>10}{'best':>10}{'worst':>10}{'processor':>11}{'of ours':>10}")
    for name, times in taken.items():
        walls = [wall for wall, _ in times]
        figures = [statistics.median(walls), min(walls), max(walls)]
        shown = "".join(f"{seconds * 1000:>7.0f} ms" for seconds in figures)
        busy = statistics.median(cpu for _, cpu in times) * 1000
        print(f"{name:22}{shown}{busy:>8.0f} ms{figures[0] / base:>9.1f}x")


def grow(root: Path, given: argparse.Namespace) -> None:
    print(f"\nours, {given.snapshots} snapshots kept\n")
    print(f"{'periods':>10}{'median':>10}{'worst':>10}{'processor':>11}{'manifests':>11}")
    sizes = [each for each in (100, 1_000, 10_000, 100_000) if each < given.large]
    for periods in [*sizes, given.large]:
        lake = filled_lake(root / f"grown-{periods}", periods, 10, given.snapshots)
        times = []
        for number in range(given.rounds):
            batch = staged(lake, f"p{(number * 7919 + 11) % periods:05d}", 10)
            times.append(measured(ours, lake, batch))
        table = lake._catalog.load_table(TABLE)
        manifests = len(table.current_snapshot().manifests(table.io))
        middle = statistics.median(wall for wall, _ in times) * 1000
        worst = max(wall for wall, _ in times) * 1000
        busy = statistics.median(cpu for _, cpu in times) * 1000
        print(f"{periods:>10,}{middle:>7.0f} ms{worst:>7.0f} ms{busy:>8.0f} ms{manifests:>11}")


def write_some(root: str, periods: list[str], answers: object) -> None:
    """One of eight writers: publishes a batch to each period, one after the other."""
    lake = Lake(f"sqlite:///{root}/catalog.db", f"file://{root}/lake")
    times = []
    for period in periods:
        batch = staged(lake, period, 10)
        begin = time.perf_counter()
        lake.publish(batch, {})
        times.append((batch.batch_id, time.perf_counter() - begin))
    answers.put(times)  # type: ignore[attr-defined]


def crowd(root: Path, given: argparse.Namespace) -> None:
    print(f"\n{given.writers} processes, {given.rounds} publishes each, at once\n")
    print(f"{'periods':22}{'median':>10}{'worst':>10}{'all':>10}{'kept':>12}")
    context = multiprocessing.get_context("spawn")
    for name in ("one for each", "the same for all"):
        folder = root / name.replace(" ", "-")
        lake = filled_lake(folder, 200, 10, 2)
        answers = context.Queue()
        calls = [
            [f"w{at if name == 'one for each' else 0:04d}"] * given.rounds
            for at in range(given.writers)
        ]
        children = [
            context.Process(target=write_some, args=(str(folder), each, answers)) for each in calls
        ]
        for child in children:
            child.start()
        found = [each for _ in children for each in answers.get(timeout=600)]
        for child in children:
            child.join()
        published = {each.batch_id for each in lake.history(TABLE)}
        kept = sum(batch_id in published for batch_id, _ in found)
        walls = [wall for _, wall in found]
        last = set(lake.current(TABLE)) >= {each[0] for each in calls}
        print(
            f"{name:22}{statistics.median(walls) * 1000:>7.0f} ms{max(walls) * 1000:>7.0f} ms"
            f"{sum(walls) / given.writers:>8.1f} s{kept:>5} of {len(found)}"
            f"{'' if last else ', but a period is empty'}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--periods", type=int, default=60, help="periods where ways are compared")
    parser.add_argument("--rows", type=int, default=50_000, help="rows of a period there")
    parser.add_argument("--snapshots", type=int, default=200, help="snapshots kept")
    parser.add_argument("--rounds", type=int, default=12, help="publishes of each way")
    parser.add_argument("--large", type=int, default=10_000, help="periods of the largest table")
    parser.add_argument("--writers", type=int, default=8, help="processes at once")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wharf-bench-") as folder:
        root = Path(folder)
        compare(root, given)
        grow(root, given)
        crowd(root, given)


if __name__ == "__main__":
    main()
