"""A small lake for tests: staging batches, reading relations, and children that are killed."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from multiprocessing import forkserver
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb
import pyarrow as pa
import pytest
from server_world import missing_rest_s3, running_rest

from wharf.batches import Batches
from wharf.errors import PublishRefused
from wharf.lake import Batch, Lake, LakeColumn, arrow_type, new_batch_id
from wharf.ledger import Ledger
from wharf.ledger import batches as rows

NOW = datetime(2026, 11, 20, 6, 4, 12, 345000, tzinfo=UTC)
TABLE = "raw.acme_prices"
EVERYWHERE = [
    "sqlite",
    "postgres",
    *(
        pytest.param(k, marks=pytest.mark.slow)
        for k in ("rest", "sqlite on s3", "postgres on s3", "rest on s3")
    ),
]
"""Where a lake may stand; a REST catalog and S3 take their time."""
_numbers = itertools.count()
DAY = "2026-11-20"
NEXT_DAY = "2026-11-21"
COLUMNS = {"account": "string", "amount": "decimal(10, 2)", "_period": "string"}


@dataclass(frozen=True)
class Place:
    """Where a lake lies; enough to open it again in another process."""

    catalog_url: str
    warehouse: str
    ledger_url: str = ""
    s3: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    """Where its files lie on this machine's disk; below the server's own folder for S3."""

    def open(self) -> Lake:
        return Lake(self.catalog_url, self.warehouse, s3=self.s3)


def local_place(root: Path) -> Place:
    return Place(
        f"sqlite:///{root}/catalog.db",
        f"file://{root}/lake",
        f"sqlite:///{root}/ledger.db",
        folder=root / "lake",
    )


def place_of(kind: str, root: Path, get: Callable[[str], Any]) -> Iterator[Place]:
    """An empty lake and ledger over one combination of catalog and storage.

    Args:
        kind: sqlite, postgres or rest; with " on s3" where the files lie on S3.
        root: An empty folder.
        get: Gives a fixture of the session by name.
    """
    catalog, _, storage = kind.partition(" on ")
    place, name = local_place(root), f"wharf{next(_numbers)}"
    if storage:
        server = get("s3_server")
        bucket = server.make_bucket(name)
        folder = server.root / name / "lake"
        place = replace(place, warehouse=f"{bucket}/lake", s3=server.options, folder=folder)
    if catalog == "postgres":
        url = get("postgres").create_database(f"wharf_{name}")
        place = replace(place, catalog_url=url, ledger_url=url)
    if catalog != "rest":
        yield place
        return
    if storage and (missing := missing_rest_s3()):
        pytest.skip(missing)
    java, database = get("java_machine"), root / "rest.db"
    with running_rest(java, database, place.warehouse, place.s3) as address:
        yield replace(place, catalog_url=f"rest+{address}")


def stage(
    lake: Lake,
    values: Sequence[Sequence[Any]],
    period: str = DAY,
    *,
    columns: Mapping[str, str] | None = None,
    formerly: Mapping[str, Sequence[str]] | None = None,
    table: str = TABLE,
) -> Batch:
    """Stage rows, given without the period, as a finished batch."""
    wanted = dict(COLUMNS if columns is None else columns)
    planned = lake.columns_for(table, wanted, formerly)
    rows = arrow_rows(planned, [(*row, period) for row in values], list(wanted))
    empty = Batch(new_batch_id(NOW), table, period, (), 0, planned)
    return lake.write_batch(lake.stage_rows(empty, rows))


def stage_named(lake: Lake, period: str) -> Batch:
    """A batch whose one row tells its id; a try that fails leaves a folder without a record."""
    planned = lake.columns_for(TABLE, COLUMNS)
    empty = Batch(new_batch_id(NOW), TABLE, period, (), 0, planned)
    rows = arrow_rows(planned, [(empty.batch_id, 1, period)], list(COLUMNS))
    return lake.write_batch(lake.stage_rows(empty, rows))


def arrow_rows(
    columns: Sequence[LakeColumn], rows: Sequence[Sequence[Any]], names: Sequence[str]
) -> pa.Table:
    arrays = [
        pa.array([row[at] for row in rows], arrow_type(column.type))
        for at, column in enumerate(columns)
    ]
    return pa.table(arrays, names=list(names))


def read(lake: Lake, relation: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        lake.prepare(connection)
        return connection.execute(f"SELECT * FROM {relation} ORDER BY ALL").fetchall()


def accounts(lake: Lake, table: str = TABLE) -> list[tuple[Any, ...]]:
    """Period and first column of what readers see now."""
    with duckdb.connect() as connection:
        lake.prepare(connection)
        query = f"SELECT _period, account FROM {lake.scan_sql(table)} ORDER BY ALL"
        return connection.execute(query).fetchall()


def with_column(name: str) -> dict[str, str]:
    return {"account": "string", "amount": "decimal(10, 2)", name: "string", "_period": "string"}


def publish_some(place: Place, period: str, count: int, with_zone: bool) -> None:
    lake = place.open()
    for number in range(count):
        row: tuple[Any, ...] = (f"{period} {number}", number)
        if with_zone:
            batch = stage(lake, [(*row, "x")], period, columns=with_column("zone"))
        else:
            batch = stage(lake, [row], period)
        lake.publish(batch, {"by": period})


def publish_in_order(place: Place, number: int) -> None:
    lake = place.open()
    batch = stage(lake, [(f"writer {number}", number)])

    def may_replace(standing: str | None) -> bool:
        if standing is None:
            return True
        found = read(lake, lake.scan_batches_sql([lake.read_batch(TABLE, DAY, standing)]))
        return str(found[0][0]) < f"writer {number}"

    try:
        lake.publish(batch, {}, may_replace=may_replace)
    except PublishRefused:
        raise SystemExit(3) from None


def open_batches(place: Place) -> Batches:
    return Batches(place.open(), Ledger.open(place.ledger_url))


def deliver(place: Place, version: int, period: str = DAY) -> str:
    """Stage, audit and publish a delivery version; like a run, it goes on where one stopped."""
    verbs = open_batches(place)
    with verbs.ledger.read() as tx:
        known = [row for row in rows.batches_of(tx, TABLE, period) if row.version == version]
    if known:
        batch = verbs.lake.read_batch(TABLE, period, known[0].batch_id)
    else:
        batch = stage_version(verbs, version, period, key=f"{period} version {version}")
    problems = verbs.lake.check(batch)
    verbs.audited(batch.batch_id, passed=not problems, findings=problems, now=NOW)
    verbs.publish(batch.batch_id, now=NOW, by="run")
    return batch.batch_id


def stage_version(verbs: Batches, version: int, period: str = DAY, *, key: str = "") -> Batch:
    """Stage two rows that say which delivery version they are of, keyed as intake does."""
    planned = verbs.lake.columns_for(TABLE, COLUMNS)
    empty = Batch(new_batch_id(NOW), TABLE, period, (), 0, planned)
    values = pa.table(
        {
            "account": [f"v{version} a", f"v{version} b"],
            "amount": pa.array([1, 2], pa.decimal128(10, 2)),
            "_period": [period, period],
        }
    )
    filled = verbs.lake.stage_rows(empty, values)
    said = filled.with_origin({"key": key} if key else {})
    return verbs.stage(said, subject="acme.prices", version=version, now=NOW)


def deliver_and_die(place: Place, version: int, where: str, when: str, call: int) -> None:
    tempfile.tempdir = str(Path(place.warehouse.removeprefix("file://")).parent)
    die_at(where, when, call)
    deliver(place, version)


def deliver_or_be_refused(place: Place, version: int, period: str) -> None:
    try:
        deliver(place, version, period)
    except PublishRefused:
        raise SystemExit(3) from None


def die_at(where: str, when: str, call: int = 1) -> None:
    """Let this process be killed, as by `kill -9`, before or after the n-th call of a function.

    Args:
        where: `module:name` or `module:Class.name`.
        when: `before` or `after`.
        call: Which call, counted from 1.
    """
    module, _, path = where.partition(":")
    *parents, name = path.split(".")
    owner: Any = __import__(module, fromlist=["_"])
    for part in parents:
        owner = getattr(owner, part)
    standing = vars(owner)[name]
    is_static = isinstance(standing, staticmethod)
    original = standing.__func__ if is_static else standing
    seen = 0

    def dying(*args: Any, **kwargs: Any) -> Any:
        nonlocal seen
        seen += 1
        mine = seen
        if mine == call and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **kwargs)
        if mine == call and when == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, staticmethod(dying) if is_static else dying)


def in_children(work: Callable[..., Any], calls: Sequence[tuple[Any, ...]]) -> list[int | None]:
    """Run work once for each tuple of arguments, all at once, each in a process of its own.

    Returns:
        The exit codes; -9 for a process that was killed.
    """
    context = child_context()
    children = [context.Process(target=work, args=arguments) for arguments in calls]
    for child in children:
        child.start()
    for child in children:
        child.join(120)
    return [child.exitcode for child in children]


def child_context() -> Any:
    """What starts children, each a copy of a server that imported once what takes seconds."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["lake_world", "killed_cycle", "wharf.watch.tick", "great_expectations"]
    )
    with patch.dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)):
        # By PYTHONPATH only, as the server does not look where this process found its modules.
        forkserver.ensure_running()
    return context
