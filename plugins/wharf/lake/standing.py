"""What columns a table has, and had: by these a batch's columns are told apart."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace

from pyiceberg.table.metadata import TableMetadata

from wharf.lake.batch import LakeColumn
from wharf.lake.tables import columns_of


@dataclass(frozen=True)
class Standing:
    """A table's columns now, the names that each ever had, and the highest field id it gave."""

    columns: tuple[LakeColumn, ...] = ()
    names: Mapping[int, Set[str]] = field(default_factory=dict)
    last_id: int = 0

    @classmethod
    def of(cls, metadata: TableMetadata | None) -> Standing:
        """What a table has; nothing for one that does not exist yet."""
        if metadata is None:
            return cls()
        names: dict[int, set[str]] = {}
        for schema in metadata.schemas:
            for each in schema.fields:
                names.setdefault(each.field_id, set()).add(each.name)
        return cls(columns_of(metadata, None), names, metadata.last_column_id)

    def same(self, column: LakeColumn) -> LakeColumn | None:
        """The table's column that a batch's column is, whatever either calls it; None if new."""
        found = next((each for each in self.columns if each.field_id == column.field_id), None)
        had = self.names.get(column.field_id, set())
        is_same = found is not None and (column.name in had or column.formerly == found.name)
        return found if is_same else None

    def named(self, column: LakeColumn) -> LakeColumn:
        """A batch's column under the name it is read by: today's, or the one it is about to get."""
        found = self.same(column)
        if found is None or column.formerly == found.name:
            return column
        return replace(column, name=found.name)
