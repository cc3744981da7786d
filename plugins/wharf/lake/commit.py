"""One commit that points a period at a batch: metadata only, schema change included.

pyiceberg's own `delete` plus `add_files` makes two snapshots, trusts names and statistics, and
slows down with a table's history; see `bench/publish.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow.parquet as pq
from pyiceberg.catalog import Catalog
from pyiceberg.io.pyarrow import (
    compute_statistics_plan,
    data_file_statistics_from_parquet_metadata,
    parquet_path_to_id_mapping,
)
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import TableProperties, Transaction
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.refs import MAIN_BRANCH
from pyiceberg.table.snapshots import Operation
from pyiceberg.table.update import TableUpdate, update_table_metadata
from pyiceberg.transforms import IdentityTransform
from pyiceberg.typedef import Record
from pyiceberg.types import NestedField
from typing_extensions import override

from wharf.contracts.shapes import Primitive, merged, parse_type
from wharf.errors import PublishRefused
from wharf.lake.batch import LakeColumn, StagedFile
from wharf.lake.columns import iceberg_type
from wharf.lake.manifests import PeriodOverwrite
from wharf.lake.names import table_parts
from wharf.lake.nested import added_paths, ids_by_path, widened_paths
from wharf.lake.partitions import PERIOD, LiveFile, period_filter
from wharf.lake.standing import Standing
from wharf.lake.tables import columns_of

FIRST_PARTITION_ID = 1000
TABLE_PROPERTIES = {
    "gc.enabled": "false",
    "format-version": "2",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    f"write.metadata.metrics.column.{PERIOD}": "full",
}
Footers = Mapping[str, pq.FileMetaData]
Added = tuple[int, tuple[str, ...], str]
"""Field id, path and type text of what a table gains."""
Widened = tuple[tuple[str, ...], str]


class Tx(Transaction):
    """A transaction that applies its updates once.

    pyiceberg 0.12 copies the whole metadata, all snapshots included, at each of the 17 to 30
    times a commit looks at it: 1.1 s at 650 snapshots where this takes under 0.1 s.
    """

    _applied: tuple[TableMetadata, tuple[TableUpdate, ...], TableMetadata] | None = None

    @property
    @override
    def table_metadata(self) -> TableMetadata:
        base, updates = self._table.metadata, self._updates
        if self._applied is None or self._applied[0] is not base or self._applied[1] is not updates:
            applied = update_table_metadata(base, updates) if updates else base
            self._applied = (base, updates, applied)
        return self._applied[2]


def begin_table(
    catalog: Catalog, name: str, columns: Sequence[LakeColumn], root: str
) -> Transaction:
    """Start the transaction that creates a table together with its first batch.

    The table lies below our root, beside its batches, whatever the catalog would choose.

    pyiceberg gives a new table fresh field ids, in order; `check_new_ids` has made sure that the
    batch was staged with exactly those.
    """
    fields = [_field(column) for column in sorted(columns, key=lambda each: each.field_id)]
    schema = Schema(*fields)
    partition = schema.find_field(PERIOD).field_id
    spec = PartitionSpec(PartitionField(partition, FIRST_PARTITION_ID, IdentityTransform(), PERIOD))
    mapping = schema.name_mapping.model_dump_json()
    properties = {**TABLE_PROPERTIES, TableProperties.DEFAULT_NAME_MAPPING: mapping}
    return catalog.create_table_transaction(
        name,
        schema,
        location="/".join([root, *table_parts(name)]),
        partition_spec=spec,
        properties=properties,
    )


def _field(column: LakeColumn) -> NestedField:
    type_ = iceberg_type(column.type, column.inner)
    return NestedField(column.field_id, column.name, type_, required=False)


def evolve(tx: Transaction, columns: Sequence[LakeColumn]) -> None:
    """Add a batch's new columns, widen and rename those it widened or renamed, in this transaction.

    A batch of before a column got another name does not give it the old one back.
    """
    stands = Standing.of(tx.table_metadata)
    pairs = [(column, stands.same(column)) for column in columns]
    added: list[Added] = [
        (each.field_id, (each.name,), each.type) for each, match in pairs if match is None
    ]
    widened: list[Widened] = []
    for column, match in pairs:
        if match is not None and column.type != match.type:
            more, wider = _grown(column, match)
            added += more
            widened += wider
    renamed = [
        (match.name, column.name)
        for column, match in pairs
        if match is not None and column.formerly == match.name
    ]
    if not added and not widened and not renamed:
        return
    with tx.update_schema() as update:
        for _, path, type_ in sorted(added):
            update.add_column(path, iceberg_type(type_))
        for path, type_ in widened:
            update.update_column(path, field_type=iceberg_type(type_))
        for old, new in renamed:
            update.rename_column(old, new)
    check_ids(columns_of(tx.table_metadata, None), columns)


def _grown(column: LakeColumn, match: LakeColumn) -> tuple[list[Added], list[Widened]]:
    """What a batch's column adds inside the table's, and what it widens there."""
    standing, wanted = parse_type(match.type), parse_type(column.type)
    both = merged(standing, wanted)
    if both is None or both == standing:
        return [], []
    ids = ids_by_path(wanted, column.inner)
    added = [
        (ids[path], (match.name, *path.split(".")), str(inner))
        for path, inner in added_paths(standing, both)
    ]
    widened: list[Widened] = [((match.name,), str(both))] if isinstance(both, Primitive) else []
    widened += [
        ((match.name, *path.split(".")), str(wider))
        for path, wider in widened_paths(standing, both)
    ]
    return added, widened


def check_ids(standing: Sequence[LakeColumn], columns: Sequence[LakeColumn]) -> None:
    """Check that a table knows what is inside a batch's columns by the ids that its files have.

    Raises:
        PublishRefused: It does not: readers would find nothing there.
    """
    known = {each.field_id: each for each in standing}
    for column in columns:
        table = known[column.field_id]
        theirs = ids_by_path(parse_type(table.type), table.inner)
        ours = ids_by_path(parse_type(column.type), column.inner)
        if wrong := [path for path, number in ours.items() if theirs.get(path) != number]:
            raise PublishRefused(
                f"column {column.name!r} was staged with other field ids than the table gives "
                f"{', '.join(wrong)} by now; stage it again"
            )


def replace_period(
    tx: Transaction,
    period: str,
    *,
    old: Sequence[LiveFile],
    new: Sequence[StagedFile],
    columns: Sequence[LakeColumn],
    footers: Footers,
    properties: Mapping[str, str],
) -> int:
    """Stage the snapshot that replaces a period's files, and commit the transaction.

    Returns:
        The id of the snapshot.
    """
    metadata = tx.table_metadata
    overwrite = PeriodOverwrite(
        operation=Operation.OVERWRITE if metadata.current_snapshot() else Operation.APPEND,
        transaction=tx,
        io=tx._table.io,
        branch=MAIN_BRANCH,
        snapshot_properties=dict(properties),
    )
    # Without the predicate any concurrent commit, also to another period, counts as a conflict.
    overwrite.delete_by_predicate(period_filter([period]))
    for live in old:
        overwrite.delete_data_file(live.data)
    for staged in new:
        overwrite.append_data_file(
            data_file(metadata, period, staged, columns, footers[staged.uri])
        )
    overwrite.commit()
    tx.commit_transaction()
    return overwrite.snapshot_id


def data_file(
    metadata: TableMetadata,
    period: str,
    staged: StagedFile,
    columns: Sequence[LakeColumn],
    footer: pq.FileMetaData,
) -> DataFile:
    """The manifest entry of a staged file.

    The period is said, not guessed from statistics: a file without rows or without statistics
    would land in the partition of NULL.
    """
    described: dict[str, Any] = {"record_count": 0}
    if footer.num_rows:
        statistics = data_file_statistics_from_parquet_metadata(
            parquet_metadata=footer,
            stats_columns=compute_statistics_plan(metadata.schema(), metadata.properties),
            parquet_column_mapping=parquet_path_to_id_mapping(Schema(*map(_field, columns))),
        )
        described = statistics.to_serialized_dict()
    return DataFile.from_args(
        content=DataFileContent.DATA,
        file_path=staged.uri,
        file_format=FileFormat.PARQUET,
        partition=Record(period),
        file_size_in_bytes=staged.bytes,
        sort_order_id=None,
        spec_id=metadata.default_spec_id,
        equality_ids=None,
        key_metadata=None,
        **described,
    )
