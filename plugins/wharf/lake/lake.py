"""The lake: batches are staged, checked and published; reading them is its other half."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from wharf.errors import LakeError, LakeUnreached, PublishRefused
from wharf.lake.batch import Batch, StagedFile
from wharf.lake.catalog import open_catalog
from wharf.lake.erase import RECORD, Eraser
from wharf.lake.locks import table_locks
from wharf.lake.parquet import arrow_schema, write_parquet
from wharf.lake.publisher import Publisher
from wharf.lake.reader import LakeReader
from wharf.lake.standing import Standing
from wharf.lake.storage import Storage
from wharf.lake.structure import (
    check_bytes,
    check_footers,
    check_schema,
    read_footer,
    read_footers,
)
from wharf.lake.tables import reaching
from wharf.lake.tags import Tags
from wharf.settings import Settings


class Lake(LakeReader):
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
        storage = Storage(warehouse, s3)
        locks = table_locks(catalog_url, storage)
        with reaching("opening the catalog"), locks.hold("catalog"):
            opened = open_catalog(catalog_url, storage.root, s3 or {}, catalog or {})
        super().__init__(opened, storage)
        self._publisher = Publisher(self._catalog, locks, self.storage)
        self.tags = Tags(self._catalog, self._publisher)
        self.eraser = Eraser(self._catalog, locks, self.storage, self.batch_dir)

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

    def check(self, batch: Batch) -> list[str]:
        """Check a batch's structure: bytes, field ids, types, period, counts, fit to the table.

        Returns:
            What is wrong, in words; empty when it may be published.

        Raises:
            LakeUnreached: Storage or catalog failed, which says nothing of the batch.
        """
        problems = list(check_bytes(self.storage, self.eraser.remaining(batch)))
        if problems:
            return problems
        try:
            footers = read_footers(self.storage, batch)
        except LakeUnreached:
            raise  # of a storage that fails for a moment no batch goes into quarantine
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


def open_lake(settings: Settings) -> Lake:
    """The lake of an installation."""
    return Lake(settings.catalog_url, settings.warehouse, s3=settings.s3, catalog=settings.catalog)
