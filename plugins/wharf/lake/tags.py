"""Names of snapshots: one that has a name is kept, and any Iceberg engine reads it by that."""

from __future__ import annotations

from pyiceberg.catalog import Catalog
from pyiceberg.table.refs import SnapshotRefType

from wharf.lake.publisher import Publisher
from wharf.lake.tables import find_table, reaching


class Tags:
    """The tags of each table."""

    def __init__(self, catalog: Catalog, publisher: Publisher) -> None:
        self._catalog, self._publisher = catalog, publisher

    def of(self, table: str) -> dict[str, int]:
        """The snapshot under each tag; none for a table to which nothing was ever published."""
        with reaching(table):
            found = find_table(self._catalog, table)
        refs = found.metadata.refs if found else {}
        tags = {name: ref for name, ref in refs.items() if _is_tag(ref.snapshot_ref_type)}
        return {name: ref.snapshot_id for name, ref in tags.items()}

    def set(self, table: str, name: str, snapshot_id: int) -> None:
        """Give a snapshot a name.

        Raises:
            LakeError: The name is given to another snapshot.
        """
        self._publisher.tag(table, name, snapshot_id)

    def remove(self, table: str, name: str) -> None:
        """Take a name off; the snapshot then expires like any other."""
        self._publisher.untag(table, name)


def _is_tag(kind: SnapshotRefType) -> bool:
    return kind == SnapshotRefType.TAG
