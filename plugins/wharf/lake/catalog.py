"""The Iceberg catalog in a SQL database, and file writing that survives a power cut.

Neither pyiceberg nor pyarrow syncs what it writes: without this, a durable pointer could name a
metadata file that was lost with the page cache.
"""

from __future__ import annotations

import io
import os
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyiceberg.catalog import Catalog, MetastoreCatalog
from pyiceberg.catalog.sql import IcebergTables, SqlCatalog
from pyiceberg.io import FileIO, OutputStream
from pyiceberg.io.pyarrow import PyArrowFile, PyArrowFileIO
from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.typedef import Properties
from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.pool import NullPool
from typing_extensions import override

from wharf.lake.storage import LOCAL, local_path, sync_folder

NAME = "wharf"
"""Part of every key in the catalog's database: Spark must use the same name."""

READ_KEPT = 32
"""Tables whose metadata a process keeps; a megabyte each at 200 snapshots."""


class SyncedStream(io.BufferedWriter):
    """A local output stream that is on disk once it is closed."""

    def __init__(self, path: str, *, overwrite: bool) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        super().__init__(io.FileIO(path, "w" if overwrite else "x"))

    @override
    def close(self) -> None:
        if not self.closed:
            self.flush()
            os.fsync(self.fileno())
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


class LakeCatalog(SqlCatalog):
    """A SQL catalog that syncs the folder of a table's metadata before it moves the pointer.

    Metadata files are never changed, so what was read of one is kept: one delivery asks for its
    table seven times, and parsing 200 snapshots takes 30 ms.
    """

    def __init__(self, engine: Engine, properties: Properties) -> None:
        # SqlCatalog would make an engine of its own, without our timeouts and pool.
        MetastoreCatalog.__init__(self, NAME, **properties)
        self.engine = engine
        self._read: OrderedDict[str, TableMetadata] = OrderedDict()
        self._init_catalog()

    @override
    def _convert_orm_to_iceberg(self, orm_table: IcebergTables) -> Table:
        location = str(orm_table.metadata_location)
        if (metadata := self._read.get(location)) is None:
            found = super()._convert_orm_to_iceberg(orm_table)
            self._read[location] = found.metadata
            while len(self._read) > READ_KEPT:
                self._read.popitem(last=False)
            return found
        names = (*Catalog.identifier_to_tuple(orm_table.table_namespace), orm_table.table_name)
        io = self._load_file_io(metadata.properties, location)
        return Table(names, metadata, location, io, self)

    @staticmethod
    @override
    def _write_metadata(metadata: TableMetadata, io: FileIO, metadata_path: str) -> None:
        SqlCatalog._write_metadata(metadata, io, metadata_path)
        if metadata_path.startswith(LOCAL):
            folder = Path(local_path(metadata_path)).parent
            sync_folder(folder, folder.parents[2])


def catalog_engine(url: str) -> Engine:
    """Connections to the catalog's database."""
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
