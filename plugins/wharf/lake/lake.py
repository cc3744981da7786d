"""The lake: tables whose every period is one immutable batch, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
from pyiceberg.exceptions import NoSuchNamespaceError
from pyiceberg.table import Table

from wharf.errors import LakeError, PublishRefused
from wharf.lake import scan
from wharf.lake.batch import Batch, BatchId, LakeColumn, StagedFile
from wharf.lake.catalog import open_catalog
from wharf.lake.columns import plan_columns
from wharf.lake.erase import RECORD, Eraser
from wharf.lake.locks import table_locks
from wharf.lake.names import segment, table_parts
from wharf.lake.parquet import arrow_schema, write_parquet
from wharf.lake.partitions import LiveFile, live_files, standing_batch
from wharf.lake.publisher import Publisher
from wharf.lake.standing import Standing
from wharf.lake.storage import Storage
from wharf.lake.structure import (
    check_bytes,
    check_footers,
    check_schema,
    read_footer,
    read_footers,
)
from wharf.lake.tables import (
    Snapshot,
    columns_of,
    find_snapshot,
    find_table,
    history_of,
    load_table,
    reaching,
    snapshot_of,
)
from wharf.lake.tags import Tags
from wharf.settings import Settings


class Lake:
    """Staging, checking, publishing and reading batches. Retention does not belong here."""

    def __init__(
        self,
        catalog_url: str,
        warehouse: str,
        *,
        s3: Mapping[str, str] | None = None,
        catalog: Mapping[str, str] | None = None,
    ) -> None:
        """Open a lake, creating its catalog when there is none.

        Args:
            catalog_url: `sqlite:///<path>`, a Postgres address, or `rest+http://<host>`.
            warehouse: `file:///<folder>` or `s3://<bucket>/<prefix>`.
            s3: endpoint, access_key_id, secret_access_key, region.
            catalog: What a REST catalog wants to know: token or credential, scope,
                oauth2_server_uri, warehouse (its name there).

        Raises:
            LakeError: The catalog cannot be reached.
        """
        self.storage = Storage(warehouse, s3)
        locks = table_locks(catalog_url, self.storage)
        with reaching("opening the catalog"), locks.hold("catalog"):
            self._catalog = open_catalog(catalog_url, self.storage.root, s3 or {}, catalog or {})
        self._publisher = Publisher(self._catalog, locks, self.storage)
        self.tags = Tags(self._catalog, self._publisher)
        self.eraser = Eraser(self._catalog, locks, self.storage, self.batch_dir)

    def columns_for(
        self,
        table: str,
        wanted: Mapping[str, str],
        formerly: Mapping[str, Sequence[str]] | None = None,
    ) -> tuple[LakeColumn, ...]:
        """Plan the columns of a batch: the table's ids and types, and ids for new columns.

        Args:
            table: The table it will be published to; it need not exist.
            wanted: Iceberg type text by column name, in file order, system columns included.
            formerly: Names that a column had before, by its name now: it stays the same column.

        Raises:
            PublishRefused: A column changes its type in a way that loses or breaks something.
        """
        found = self._find(table)
        stands = Standing.of(found.metadata if found else None)
        return plan_columns(table, stands.columns, wanted, stands.last_id, formerly)

    def batch_dir(self, table: str, period: str, batch_id: str) -> str:
        """The address of a batch's folder; it is never of the form `key=value`."""
        namespace, name = table_parts(table)
        return "/".join(
            [
                self.storage.root,
                namespace,
                name,
                segment(period, "period"),
                str(BatchId.parse(batch_id)),
            ]
        )

    def put(self, local: Path, uri: str, *, is_ours: bool = False) -> StagedFile:
        """Copy a local file into a batch's folder, hashed on the way and synced.

        Args:
            local: The file.
            uri: Where it goes.
            is_ours: Whether nobody writes to it any more; on one disk it then is not copied.

        Returns:
            The file's record; its rows come from the footer and are 0 for other formats.
        """
        written = self.storage.put(local, uri, is_ours=is_ours)
        rows = read_footer(self.storage, uri).num_rows if uri.endswith(".parquet") else 0
        return StagedFile(uri, rows, written.bytes, written.sha256)

    def stage_rows(
        self,
        batch: Batch,
        rows: pa.Table | pa.RecordBatchReader,
        name: str = "part-0.parquet",
    ) -> Batch:
        """Add these rows to a batch that is being written, in files of about 256 MB.

        Raises:
            LakeError: The rows do not fit the batch's columns.
        """
        home = self.batch_dir(batch.table, batch.period, batch.batch_id)
        with TemporaryDirectory(prefix="wharf-stage-") as folder:
            made = write_parquet(rows, batch.columns, Path(folder), name)
            staged = [self.put(local, f"{home}/{local.name}") for local in made]
        count = sum(each.rows for each in staged)
        return replace(batch, files=(*batch.files, *staged), rows=batch.rows + count)

    def write_batch(self, batch: Batch) -> Batch:
        """Write the record of a batch, last: from now on the batch is there.

        Returns:
            The batch as recorded; one without files got an empty file, so that a period can
            show which batch left it empty.

        Raises:
            LakeError: Another record stands under this id.
        """
        if not batch.files:
            batch = self.stage_rows(batch, arrow_schema(batch.columns).empty_table())
        home = self.batch_dir(batch.table, batch.period, batch.batch_id)
        self.storage.write(f"{home}/{RECORD}", batch.to_json().encode())
        return batch

    def read_batch(self, table: str, period: str, batch_id: str) -> Batch:
        """Read a batch's record.

        Raises:
            LakeError: There is no such batch, or its staging was not finished.
        """
        home = self.batch_dir(table, period, batch_id)
        return Batch.from_json(self.storage.read(f"{home}/{RECORD}"))

    def list_batches(self, table: str, period: str) -> list[str]:
        """Ids of the batches of a period whose staging was finished, published or not."""
        home = self._period_dir(table, period)
        return [
            name
            for name in self.storage.names(home)
            if self.storage.size(f"{home}/{name}/{RECORD}") is not None
        ]

    def check(self, batch: Batch) -> list[str]:
        """Check a batch's structure: bytes, field ids, types, period, counts, fit to the table.

        Returns:
            What is wrong, in words; empty when it may be published.
        """
        problems = list(check_bytes(self.storage, batch))
        if problems:
            return problems
        try:
            footers = read_footers(self.storage, batch)
        except LakeError as error:
            return [str(error)]
        home = self.batch_dir(batch.table, batch.period, batch.batch_id)
        found = self._find(batch.table)
        problems.extend(check_footers(batch, home, footers))
        stands = Standing.of(found.metadata if found else None)
        problems.extend(check_schema(batch.columns, stands))
        return problems

    def publish(
        self,
        batch: Batch,
        properties: Mapping[str, str],
        *,
        may_replace: Callable[[str | None], bool] = lambda _: True,
    ) -> int:
        """Point readers of a period at a batch, by one commit that also changes the schema.

        The first publish creates namespace and table. A batch that stands already is left as it
        is, so a retry is safe after any failure.

        Args:
            batch: A staged batch; `read_batch` gives it.
            properties: What to record with the snapshot, beside batch, period and action.
            may_replace: Called under the table's lock with the id of the batch that stands, or
                None; False refuses. It may raise a PublishRefused of its own.

        Returns:
            The id of the snapshot that published it.

        Raises:
            PublishRefused: May not replace what stands, or does not fit the table.
            LakeError: The lake could not be reached; try again.
        """
        home = self.batch_dir(batch.table, batch.period, batch.batch_id)
        footers = read_footers(self.storage, batch)
        problems = list(check_footers(batch, home, footers))
        if not batch.files:
            problems.append("it has no file; `write_batch` gives one to a batch without rows")
        if problems:
            raise PublishRefused(f"batch {batch.batch_id} is not sound: {'; '.join(problems)}")
        return self._publisher.publish(batch, footers, properties, may_replace)

    def remove(self, table: str, period: str, properties: Mapping[str, str]) -> int:
        """Let readers see nothing of a period: the rollback to before its first batch.

        Returns:
            The id of the new snapshot.

        Raises:
            LakeError: The period holds nothing, or the lake could not be reached.
        """
        return self._publisher.remove(table, period, properties)

    def tag(self, table: str, name: str, snapshot_id: int) -> None:
        """Give a snapshot a name that keeps it for ever, such as `anchor/model-7`.

        Raises:
            LakeError: The name is given to another snapshot.
        """
        self._publisher.tag(table, name, snapshot_id)

    def expire(self, table: str, *, keep: int = 200, hold: Collection[int] = ()) -> int:
        """Forget all but the newest snapshots; tagged and held ones stay. No data file is touched.

        Returns:
            How many were forgotten.
        """
        return self._publisher.expire(table, keep, hold)

    def has(self, table: str) -> bool:
        """Whether something was ever published to a table."""
        return self._find(table) is not None

    def tables(self) -> list[str]:
        """All tables, sorted."""
        with reaching("listing tables"):
            found: list[str] = []
            for namespace in self._catalog.list_namespaces():
                try:
                    found.extend(".".join(each) for each in self._catalog.list_tables(namespace))
                except NoSuchNamespaceError:
                    continue
            return sorted(found)

    def schema(self, table: str) -> tuple[LakeColumn, ...]:
        """The columns of a table now."""
        return columns_of(self._load(table).metadata, None)

    def snapshot_id(self, table: str) -> int | None:
        """The snapshot that readers see; None when nothing was ever published."""
        found = self._find(table)
        current = found.metadata.current_snapshot() if found else None
        return current.snapshot_id if current else None

    def snapshot_at(self, table: str, at: datetime | int | str) -> int:
        """The snapshot of a table at a time, or under a tag; a snapshot id is checked.

        Raises:
            LakeError: Nothing was published by then, or it is no longer kept.
        """
        return find_snapshot(table, self._load(table).metadata, at)

    def current(self, table: str, snapshot_id: int | None = None) -> dict[str, str]:
        """The batch in each period, now or at a snapshot; a batch without rows counts."""
        live = self._live(self._load(table), snapshot_id, None)
        by_period = groupby(live, key=lambda each: each.period)
        found = {period: standing_batch(list(files)) for period, files in by_period}
        return {period: batch_id for period, batch_id in found.items() if batch_id}

    def files(
        self,
        table: str,
        *,
        snapshot_id: int | None = None,
        periods: Collection[str] | None = None,
    ) -> list[str]:
        """Addresses of the files with rows, now or at a snapshot."""
        live = self._live(self._load(table), snapshot_id, periods)
        return [each.uri for each in live if each.data.record_count]

    def scan_sql(
        self,
        table: str,
        *,
        snapshot_id: int | None = None,
        periods: Collection[str] | None = None,
        batches: Mapping[str, Batch] | None = None,
    ) -> str:
        """A DuckDB relation over a table; usable after FROM.

        Args:
            table: The table.
            snapshot_id: Its state then, with the columns of then; the current one when None.
            periods: Only these periods; all when None.
            batches: Staged batches by period, read in place of what is published there.

        Raises:
            LakeError: There is no such table or snapshot.
        """
        laid_over = batches or {}
        found = self._load(table)
        snapshot = snapshot_of(table, found.metadata, snapshot_id)
        columns = columns_of(found.metadata, snapshot if snapshot_id is not None else None)
        uris = [
            each.uri
            for each in self._live(found, snapshot_id, periods)
            if each.data.record_count and each.period not in laid_over
        ]
        stands = Standing.of(found.metadata)
        schemas = [columns, *([*map(stands.named, b.columns)] for b in laid_over.values())]
        uris.extend(staged.uri for b in laid_over.values() for staged in b.files if staged.rows)
        return scan.relation(uris, scan.united_columns(schemas))

    def scan_batches_sql(self, batches: Sequence[Batch]) -> str:
        """A DuckDB relation over batches of one table, published or not; usable after FROM.

        Columns have the names of today, also in batches of before a renaming.

        Raises:
            LakeError: There is no batch, or they belong to different tables.
            Erased: The files of one were deleted on purpose.
        """
        if len({batch.table for batch in batches}) != 1:
            raise LakeError("name batches of exactly one table to read them together")
        for batch in batches:
            self.eraser.refuse_erased(batch)
        found = self._find(batches[0].table)
        stands = Standing.of(found.metadata if found else None)
        columns = scan.united_columns([[*map(stands.named, each.columns)] for each in batches])
        uris = [staged.uri for batch in batches for staged in batch.files if staged.rows]
        return scan.relation(uris, columns)

    def prepare(self, connection: Any) -> None:
        """Let a DuckDB connection read this lake's files: UTC, and S3 where it lies there."""
        connection.execute("SET TimeZone = 'UTC'")
        if not self.storage.is_local:
            scan.register_s3(connection, self.storage.filesystem())

    def history(self, table: str) -> list[Snapshot]:
        """The snapshots that are kept, oldest first; the ledger has all there ever were."""
        found = self._find(table)
        return history_of(found.metadata) if found else []

    def _period_dir(self, table: str, period: str) -> str:
        namespace, name = table_parts(table)
        return f"{self.storage.root}/{namespace}/{name}/{segment(period, 'period')}"

    def _find(self, table: str) -> Table | None:
        with reaching(table):
            return find_table(self._catalog, table)

    def _load(self, table: str) -> Table:
        with reaching(table):
            return load_table(self._catalog, table)

    def _live(
        self, table: Table, snapshot_id: int | None, periods: Collection[str] | None
    ) -> list[LiveFile]:
        name = ".".join(table.name())
        with reaching(name):
            snapshot = snapshot_of(name, table.metadata, snapshot_id)
            return live_files(table.metadata, table.io, snapshot, periods)


def open_lake(settings: Settings) -> Lake:
    """The lake of an installation."""
    return Lake(settings.catalog_url, settings.warehouse, s3=settings.s3, catalog=settings.catalog)
