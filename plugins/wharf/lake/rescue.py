"""When the catalog's database is lost or old: tables found again by what lies in the lake.

A table's metadata files name all that its readers see. The newest one is what the catalog pointed
at, unless a publish was killed between writing it and moving the pointer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from pyiceberg.catalog.sql import IcebergTables
from pyiceberg.exceptions import ValidationError
from pyiceberg.serializers import FromInputFile
from pyiceberg.table.metadata import TableMetadata
from sqlalchemy import update
from sqlalchemy.orm import Session

from wharf.errors import LakeError
from wharf.lake.batch import BatchId
from wharf.lake.catalog import NAME, REST, LakeCatalog, catalog_engine, catalog_properties
from wharf.lake.lake import Lake
from wharf.lake.locks import table_locks
from wharf.lake.names import table_parts
from wharf.lake.storage import Storage
from wharf.lake.tables import keeps_all, reaching
from wharf.settings import Settings

_METADATA = re.compile(r"(\d+)-[0-9a-f-]+\.metadata\.json\Z")
UNREADABLE = (ValueError, ValidationError, LakeError)
Verdict = Literal["right", "missing", "older", "unfinished"]


@dataclass(frozen=True)
class FoundTable:
    """One table as its metadata files show it, beside what the catalog says."""

    table: str
    verdict: Verdict
    newest: str
    """Address of the newest readable metadata file."""
    snapshots: int
    registered: str = ""
    unreadable: tuple[str, ...] = ()
    """Metadata files that a killed writer left half written."""
    rivals: tuple[str, ...] = ()
    """Others of the same number: each of them but one was never committed."""

    def __str__(self) -> str:
        said = {
            "right": "the catalog points at the newest metadata",
            "missing": f"not in the catalog; {self.snapshots} snapshots found",
            "older": f"the catalog is older; {self.snapshots} snapshots found",
            "unfinished": "one publish was written and never committed; its run's retry ends it",
        }[self.verdict]
        odd = f"; {len(self.unreadable)} unreadable metadata files" if self.unreadable else ""
        return f"{self.table}: {said}{odd}"


class Rescue:
    """Looks through a lake for what its catalog should say."""

    def __init__(
        self, catalog_url: str, warehouse: str, s3: Mapping[str, str] | None = None
    ) -> None:
        """Open the catalog's database, made when it is gone, and the lake.

        Raises:
            LakeError: The catalog is a server of its own, or cannot be reached.
        """
        if catalog_url.startswith(REST):
            raise LakeError(
                f"{catalog_url} keeps its tables itself; restore its own database, and register "
                "tables there"
            )
        self.storage = Storage(warehouse, s3)
        self._engine = catalog_engine(catalog_url)
        self._locks = table_locks(catalog_url, self.storage)
        with reaching("opening the catalog"), self._locks.hold("catalog"):
            self._catalog = LakeCatalog(
                self._engine, catalog_properties(self.storage.root, s3 or {})
            )

    def survey(
        self, acknowledged: Callable[[str], Collection[int]] = lambda _: ()
    ) -> Iterator[FoundTable]:
        """Every table that lies in the lake, with what its metadata files say.

        Args:
            acknowledged: Snapshot ids of a table that the ledger knows were published.
        """
        for table in tables_on_disk(self.storage):
            found = self._look_at(table, acknowledged(table))
            if found is not None:
                yield found

    def register(self, found: FoundTable) -> None:
        """Let the catalog point at a table's newest metadata.

        Raises:
            LakeError: Somebody published to it meanwhile; look again.
        """
        with reaching(found.table), self._locks.hold(found.table):
            if self._registered(found.table) != found.registered:
                raise LakeError(f"{found.table} was changed meanwhile; survey it again")
            if found.registered:
                self._point(found)
            else:
                self._catalog.create_namespace_if_not_exists(table_parts(found.table)[0])
                self._catalog.register_table(found.table, found.newest)

    def _point(self, found: FoundTable) -> None:
        namespace, name = table_parts(found.table)
        with Session(self._engine) as session:
            changed = session.execute(
                update(IcebergTables)
                .where(
                    IcebergTables.catalog_name == NAME,
                    IcebergTables.table_namespace == namespace,
                    IcebergTables.table_name == name,
                    IcebergTables.metadata_location == found.registered,
                )
                .values(metadata_location=found.newest, previous_metadata_location=found.registered)
            )
            session.commit()
        if changed.rowcount != 1:  # type: ignore[attr-defined]
            raise LakeError(f"{found.table} was changed meanwhile; survey it again")

    def _look_at(self, table: str, acknowledged: Collection[int]) -> FoundTable | None:
        numbered = self._metadata_files(table)
        unreadable: list[str] = []
        for number in sorted(numbered, reverse=True):
            readable = {}
            for uri in numbered[number]:
                try:
                    readable[uri] = self._read(uri)
                except UNREADABLE:
                    unreadable.append(uri)
            if readable:
                break
        else:
            return None
        newest = max(readable, key=lambda uri: _age(readable[uri]))
        registered = self._registered(table)
        return FoundTable(
            table,
            self._verdict(registered, newest, readable[newest], acknowledged),
            newest,
            len(readable[newest].snapshots),
            registered,
            tuple(unreadable),
            tuple(sorted(set(readable) - {newest})),
        )

    def _verdict(
        self, registered: str, newest: str, metadata: TableMetadata, acknowledged: Collection[int]
    ) -> Verdict:
        if not registered:
            return "missing"
        if registered == newest:
            return "right"
        try:
            stands = self._read(registered)
        except UNREADABLE:
            return "older"
        if _age(metadata) <= _age(stands):
            return "right"
        # What comes right after the pointer may be of a publish that was killed before it moved it.
        log = [each.metadata_file for each in metadata.metadata_log]
        is_next = bool(log) and log[-1] == registered
        proven = metadata.current_snapshot_id in acknowledged
        return "older" if proven or not is_next else "unfinished"

    def _registered(self, table: str) -> str:
        with reaching(table), Session(self._engine) as session:
            namespace, name = table_parts(table)
            row = session.get(IcebergTables, (NAME, namespace, name))
            return str(row.metadata_location) if row is not None else ""

    def _metadata_files(self, table: str) -> dict[int, list[str]]:
        home = f"{_home(self.storage, table)}/metadata"
        found: dict[int, list[str]] = {}
        for name in self.storage.names(home):
            if match := _METADATA.match(name):
                found.setdefault(int(match[1]), []).append(f"{home}/{name}")
        return found

    def _read(self, uri: str) -> TableMetadata:
        with reaching(uri):
            io = self._catalog._load_file_io(location=uri)
            return FromInputFile.table_metadata(io.new_input(uri))


def open_rescue(settings: Settings) -> Rescue:
    """The rescue of an installation's lake."""
    return Rescue(settings.catalog_url, settings.warehouse, settings.s3)


def keeps_all_history(lake: Lake, table: str) -> bool:
    """Whether a table's kept snapshots tell of everything that was ever published to it."""
    return (found := lake._find(table)) is None or keeps_all(found.metadata)


def tables_on_disk(storage: Storage) -> Iterator[str]:
    """Tables that something lies of in a lake, published or not, sorted."""
    for namespace in storage.names(storage.root):
        for name in storage.names(f"{storage.root}/{namespace}"):
            table = f"{namespace}.{name}"
            try:
                table_parts(table)
            except LakeError:
                continue
            yield table


def batches_on_disk(storage: Storage, table: str) -> Iterator[tuple[str, str]]:
    """Period and id of every batch folder of a table, finished or not."""
    home = _home(storage, table)
    for period in storage.names(home):
        if period in {"metadata", "data"}:
            continue
        for name in storage.names(f"{home}/{period}"):
            try:
                BatchId.parse(name)
            except LakeError:
                continue
            yield period, name


def _home(storage: Storage, table: str) -> str:
    namespace, name = table_parts(table)
    return f"{storage.root}/{namespace}/{name}"


def _age(metadata: TableMetadata) -> tuple[int, int]:
    return getattr(metadata, "last_sequence_number", 0), metadata.last_updated_ms
