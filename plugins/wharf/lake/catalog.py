"""The Iceberg catalog in a SQL database or behind REST, and writing that survives a power cut.

Neither pyiceberg nor pyarrow syncs what it writes: without this, a durable pointer could name a
metadata file that was lost with the page cache.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyiceberg.catalog import Catalog, MetastoreCatalog
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.catalog.sql import IcebergTables, SqlCatalog
from pyiceberg.io import FileIO, OutputStream
from pyiceberg.io.pyarrow import PyArrowFile, PyArrowFileIO
from pyiceberg.table import CommitTableResponse, StagedTable, Table
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot, SnapshotLogEntry
from pyiceberg.table.update import TableRequirement, TableUpdate
from pyiceberg.typedef import Identifier, Properties
from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.pool import NullPool
from typing_extensions import override

from wharf.errors import LakeError
from wharf.lake.storage import LOCAL, local_path, sync_folder

NAME = "wharf"
"""Part of every key in the catalog's database: Spark must use the same name."""


REST = "rest+"
"""In front of the address of an Iceberg REST server."""
OPTIONS = {"oauth2_server_uri": "oauth2-server-uri"}
READ_KEPT = 32
"""Tables whose metadata a process keeps; a megabyte each at 200 snapshots."""


class SyncedStream(io.BufferedWriter):
    """A local output stream that is on disk once it is closed."""

    def __init__(self, path: str, *, overwrite: bool) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        super().__init__(io.FileIO(path, "w" if overwrite else "x"))

    @override
    def close(self) -> None:
        if self.closed:
            return
        try:
            self.flush()
            os.fsync(self.fileno())
        finally:
            # Never asked again on this descriptor: a second sync answers yes to lost bytes.
            super().close()


class SyncedFile(PyArrowFile):
    """A local file whose writing is synced."""

    @override
    def create(self, overwrite: bool = False) -> OutputStream:
        return SyncedStream(self._path, overwrite=overwrite)


class LakeFileIO(PyArrowFileIO):
    """pyiceberg's file access, with synced writes on local disk."""

    @override
    def new_output(self, location: str) -> PyArrowFile:
        if not location.startswith(LOCAL):
            return super().new_output(location)
        scheme, netloc, path = self.parse_location(location, self.properties)
        return SyncedFile(location, path, self.fs_by_scheme(scheme, netloc))


class KeptSnapshot(Snapshot):
    """A snapshot that is not copied with its table's metadata: nothing ever changes it.

    pyiceberg copies the whole metadata twice in a commit, half of its time at 200 snapshots.
    """

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> KeptSnapshot:
        return self


class KeptLogEntry(SnapshotLogEntry):
    """A line of a table's log, as many as it has snapshots; see `KeptSnapshot`."""

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> KeptLogEntry:
        return self


class LakeCatalog(SqlCatalog):
    """A SQL catalog that syncs the folder of a table's metadata before it moves the pointer.

    Metadata files are never changed, so what was read of one is kept: one delivery asks for its
    table seven times, and parsing 200 snapshots takes 30 ms.
    """

    def __init__(self, engine: Engine, properties: Properties) -> None:
        # SqlCatalog would make an engine of its own, without our timeouts and pool.
        MetastoreCatalog.__init__(self, NAME, **properties)
        self.engine = engine
        self._known: dict[str, TableMetadata] = {}
        self._init_catalog()

    @override
    def _convert_orm_to_iceberg(self, orm_table: IcebergTables) -> Table:
        location = orm_table.metadata_location
        if location is None or (known := self._known.get(location)) is None:
            table = super()._convert_orm_to_iceberg(orm_table)
            self._remember(table.metadata_location, table.metadata)
            return table
        return Table(
            identifier=(orm_table.table_namespace, orm_table.table_name),
            metadata=known,
            metadata_location=location,
            io=self._load_file_io(known.properties, location),
            catalog=self,
        )

    @override
    def commit_table(
        self,
        table: Table,
        requirements: tuple[TableRequirement, ...],
        updates: tuple[TableUpdate, ...],
    ) -> CommitTableResponse:
        made = super().commit_table(table, requirements, updates)
        self._remember(made.metadata_location, made.metadata)
        return made

    @override
    def _update_and_stage_table(
        self,
        current_table: Table | None,
        table_identifier: Identifier,
        requirements: tuple[TableRequirement, ...],
        updates: tuple[TableUpdate, ...],
    ) -> StagedTable:
        """The next state of a table, dated not before the last one if a clock was set back."""
        staged = super()._update_and_stage_table(
            current_table, table_identifier, requirements, updates
        )
        last = current_table.metadata.last_updated_ms if current_table else 0
        if staged.metadata.last_updated_ms < last:
            staged.metadata = staged.metadata.model_copy(update={"last_updated_ms": last})
        return staged

    def _remember(self, location: str, metadata: TableMetadata) -> None:
        kept = [KeptSnapshot.model_construct(**dict(each)) for each in metadata.snapshots]
        log = [KeptLogEntry.model_construct(**dict(each)) for each in metadata.snapshot_log]
        said = {"snapshots": kept, "snapshot_log": log}
        self._known[location] = metadata.model_copy(update=said)
        for old in list(self._known)[:-READ_KEPT]:
            self._known.pop(old, None)

    @staticmethod
    @override
    def _write_metadata(metadata: TableMetadata, io: FileIO, metadata_path: str) -> None:
        SqlCatalog._write_metadata(metadata, io, metadata_path)
        if metadata_path.startswith(LOCAL):
            folder = Path(local_path(metadata_path)).parent
            sync_folder(folder, folder.parents[2])


def open_catalog(url: str, root: str, s3: Mapping[str, str], options: Mapping[str, str]) -> Catalog:
    """Open the catalog at an address: a database of our own, or an Iceberg REST server.

    Args:
        url: Of SQLite or Postgres; of a server with `rest+` in front.
        root: Root address of the lake.
        s3: endpoint, access_key_id, secret_access_key and region, where they are set.
        options: What a REST server wants to know.

    Raises:
        LakeError: The address is of no kind that the lake knows.
    """
    if not url.startswith(REST):
        return LakeCatalog(catalog_engine(url), catalog_properties(root, s3))
    said = {OPTIONS.get(key, key): value for key, value in options.items()}
    address = url.removeprefix(REST)
    # Where files lie is told with each table; `warehouse` is the server's own name for it.
    files = {k: v for k, v in catalog_properties(root, s3).items() if k != "warehouse"}
    return RestCatalog(NAME, uri=address, **files, **said)


def catalog_engine(url: str) -> Engine:
    """Connections to the catalog's database."""
    if not url.startswith(("sqlite:", "postgres")):
        raise LakeError(
            f"{url.partition(':')[0]!r} is no kind of catalog; use sqlite:///<path>, "
            "postgresql://<host>/<database> or rest+http://<host>"
        )
    address = make_url(url)
    options: dict[str, Any] = {"pool_size": 4, "max_overflow": 28, "pool_pre_ping": True}
    if address.get_backend_name() == "sqlite":
        Path(str(address.database)).parent.mkdir(parents=True, exist_ok=True)
        options = {"poolclass": NullPool, "connect_args": {"timeout": 30}}
    return create_engine(address, **options)


def catalog_properties(warehouse: str, s3: Mapping[str, str]) -> Properties:
    """What the catalog and its file access need to know.

    Args:
        warehouse: Root address of the lake.
        s3: endpoint, access_key_id, secret_access_key and region, where they are set.
    """
    return {
        "warehouse": warehouse,
        "py-io-impl": f"{LakeFileIO.__module__}.{LakeFileIO.__name__}",
        **{f"s3.{key.replace('_', '-')}": value for key, value in s3.items()},
    }
