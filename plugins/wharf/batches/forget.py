"""Forgetting: rows of named keys leave every version of a table that still has files.

Each batch that holds such rows is written again without them under a new id, takes the place of
the old one (what readers saw is published anew by one commit), and only then the old files are
deleted, with the old snapshots and manifests that tell of them. A kill in between leaves rows that
the next try finds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from wharf.batches.batches import Batches
from wharf.batches.erase import Cause, erase_batch
from wharf.errors import LakeError
from wharf.lake import Batch, StagedFile, duckdb_type, new_batch_id
from wharf.lake.parquet import ROW_GROUP
from wharf.lake.scan import name, text
from wharf.lake.storage import local_path
from wharf.ledger import audits, erasures
from wharf.ledger import batches as rows
from wharf.ledger.rows import BatchRow

BATCH_ID = "_batch_id"
FORGOTTEN = "(forgotten)"


@dataclass(frozen=True)
class Found:
    """Where rows of a key still lie."""

    row: BatchRow
    staged: int
    """Rows of the key among the good ones."""
    quarantined: int
    """Quarantined rows whose text names every value of the key."""


def find_key(batches: Batches, table: str, key: Mapping[str, str]) -> list[Found]:
    """Find the batches of a table, read or not, that hold rows of a key.

    Args:
        batches: The installation's batches.
        table: The table.
        key: Column -> value, as text.

    Raises:
        LakeError: The table has no such column.
    """
    known = [column.name for column in batches.lake.schema(table)]
    if missing := sorted(set(key) - set(known)):
        raise LakeError(f"{table} has no column {', '.join(missing)}; it has {', '.join(known)}")
    with batches.ledger.read() as tx:
        gone = erasures.erased_batches(tx, table)
        stand = [each for each in rows.batches_of(tx, table) if each.batch_id not in gone]
    found = [_count(batches, row, key) for row in stand]
    return [each for each in found if each.staged or each.quarantined]


def forget_key(
    batches: Batches,
    found: Found,
    key: Mapping[str, str],
    cause: Cause,
) -> str:
    """Write one batch again without the rows of a key, and erase the old one.

    Returns:
        The id of the batch that takes its place.
    """
    old = found.row
    batch = _standing(batches, old)
    fresh = _rewritten(batches, batch, key, cause)
    batches.stage(
        fresh,
        subject=old.subject,
        now=cause.at,
        version=old.version,
        rows_in_file=old.rows_in_file - found.staged,
        run_id=old.run_id,
    )
    if old.status == "PUBLISHED":
        batches.publish(
            fresh.batch_id, now=cause.at, by=cause.by, reason=cause.sentence, force=True
        )
    else:
        with batches.ledger.write() as tx:
            rows.set_status(tx, fresh.batch_id, old.status, cause.at)
    with batches.ledger.write() as tx:
        audits.forget_audit(tx, old.batch_id)
        status = "SUPERSEDED" if old.status == "PUBLISHED" else old.status
        rows.set_status(tx, old.batch_id, status, cause.at, findings=[])
    erase_batch(
        batches.lake,
        batches.ledger,
        old,
        cause,
        replaced_by=fresh.batch_id,
        rows=found.staged,
    )
    return fresh.batch_id


def _standing(batches: Batches, row: BatchRow) -> Batch:
    """A batch with the files that it has still."""
    lake = batches.lake
    return lake.eraser.remaining(lake.read_batch(row.table, row.period, row.batch_id))


def _count(batches: Batches, row: BatchRow, key: Mapping[str, str]) -> Found:
    batch = _standing(batches, row)
    with _opened(batches) as connection:
        staged = _number(
            connection, f"{batches.lake.scan_batches_sql([batch])} WHERE {_rows_of(batch, key)}"
        )
        quarantined = 0
        if batch.quarantine is not None:
            source = _parquet(batch.quarantine)
            quarantined = _number(connection, f"{source} WHERE {_texts_of(key)}")
    return Found(row, staged, quarantined)


def _rewritten(batches: Batches, old: Batch, key: Mapping[str, str], cause: Cause) -> Batch:
    """The rows of a batch but for those of a key, staged under a new id; no ledger row yet."""
    lake = batches.lake
    forgets = {"batch": old.batch_id, "columns": sorted(key), "by": cause.by}
    fresh = replace(
        old,
        batch_id=new_batch_id(cause.at),
        files=(),
        rows=0,
        quarantine=None,
        origin={**old.origin, "forgets": forgets},
    )
    with _opened(batches) as connection:
        own = f"* REPLACE ({text(fresh.batch_id)} AS {BATCH_ID})" if _is_raw(old) else "*"
        relation = lake.scan_batches_sql([old])
        kept = connection.execute(
            f"SELECT {own} FROM {relation} WHERE NOT coalesce({_rows_of(old, key)}, false)"
        )
        if old.rows:
            fresh = lake.stage_rows(fresh, kept.to_arrow_reader(ROW_GROUP))
        if old.quarantine is None:
            return fresh
        with TemporaryDirectory(prefix="wharf-forget-") as folder:
            file = Path(folder) / "quarantine.parquet"
            raw = f"CASE WHEN {_texts_of(key)} THEN {text(FORGOTTEN)} ELSE raw END AS raw"
            connection.execute(
                f"COPY (SELECT * REPLACE ({raw}) FROM {_parquet(old.quarantine)}) "
                f"TO {text(str(file))} (FORMAT parquet, COMPRESSION zstd)"
            )
            home = lake.batch_dir(fresh.table, fresh.period, fresh.batch_id)
            return replace(fresh, quarantine=lake.put(file, f"{home}/quarantine.parquet"))


@contextmanager
def _opened(batches: Batches) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET preserve_insertion_order = true")
        batches.lake.prepare(connection)
        yield connection


def _number(connection: duckdb.DuckDBPyConnection, rows_of: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {rows_of}").fetchall()[0][0])


def _parquet(file: StagedFile) -> str:
    return f"read_parquet({text(local_path(file.uri))}, hive_partitioning=false)"


def _rows_of(batch: Batch, key: Mapping[str, str]) -> str:
    """The condition of rows of a key; a value is compared as its column's type holds it."""
    types = {column.name: duckdb_type(column.type) for column in batch.columns}
    if set(key) - set(types):
        return "false"  # an older batch without the column holds no such row
    return " AND ".join(
        f"{name(column)} = TRY_CAST({text(value)} AS {types[column]})"
        for column, value in key.items()
    )


def _texts_of(key: Mapping[str, str]) -> str:
    """The condition of raw texts that name every value of a key as a word of its own."""
    words = (f"(^|[^0-9A-Za-z_]){re.escape(value)}($|[^0-9A-Za-z_])" for value in key.values())
    return " AND ".join(f"regexp_matches(raw, {text(word)})" for word in words)


def _is_raw(batch: Batch) -> bool:
    return any(column.name == BATCH_ID for column in batch.columns)
