"""What readers ask of a lake: tables, states and batches, and SQL that reads exactly these."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchNamespaceError
from pyiceberg.table import Table

from wharf.errors import LakeError
from wharf.lake import scan
from wharf.lake.batch import Batch, BatchId, LakeColumn
from wharf.lake.columns import plan_columns
from wharf.lake.erase import RECORD, refuse_erased
from wharf.lake.names import segment, table_parts
from wharf.lake.partitions import LiveFile, live_files, standing_batch
from wharf.lake.standing import Standing
from wharf.lake.storage import Storage
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


class LakeReader:
    """All of a lake that changes nothing."""

    def __init__(self, catalog: Catalog, storage: Storage) -> None:
        self._catalog = catalog
        self.storage = storage

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
            home = self.batch_dir(batch.table, batch.period, batch.batch_id)
            refuse_erased(self.storage, home, batch)
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
