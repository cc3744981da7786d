"""One commit that points a period at a batch: metadata only, schema change included.

pyiceberg's own `delete` plus `add_files` makes two snapshots, trusts names and statistics, and
slows down with a table's history; see `bench/publish.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow.parquet as pq
from pyiceberg.catalog import Catalog
from pyiceberg.io.pyarrow import compute_statistics_plan, data_file_statistics_from_parquet_metadata
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

from wharf.lake.batch import LakeColumn, StagedFile
from wharf.lake.columns import iceberg_type, merged_type
from wharf.lake.manifests import PeriodOverwrite
from wharf.lake.names import table_parts
from wharf.lake.partitions import PERIOD, LiveFile, period_filter
from wharf.lake.standing import Standing

FIRST_PARTITION_ID = 1000
TABLE_PROPERTIES = {
    "gc.enabled": "false",
    "format-version": "2",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    f"write.metadata.metrics.column.{PERIOD}": "full",
}
Footers = Mapping[str, pq.FileMetaData]


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
    fields = [
        NestedField(column.field_id, column.name, iceberg_type(column.type), required=False)
        for column in sorted(columns, key=lambda each: each.field_id)
    ]
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


def evolve(tx: Transaction, columns: Sequence[LakeColumn]) -> None:
    """Add a batch's new columns, widen and rename those it widened or renamed, in this transaction.

    A batch of before a column got another name does not give it the old one back.
    """
    stands = Standing.of(tx.table_metadata)
    pairs = [(column, stands.same(column)) for column in columns]
    added = [column for column, match in pairs if match is None]
    widened = [
        (match.name, merged)
        for column, match in pairs
        if match is not None
        and (merged := merged_type(match.type, column.type))
        and merged != match.type
    ]
    renamed = [
        (match.name, column.name)
        for column, match in pairs
        if match is not None and column.formerly == match.name
    ]
    if not added and not widened and not renamed:
        return
    with tx.update_schema() as update:
        for column in sorted(added, key=lambda each: each.field_id):
            update.add_column(column.name, iceberg_type(column.type))
        for name, wider in widened:
            update.update_column(name, field_type=iceberg_type(wider))
        for old, new in renamed:
            update.rename_column(old, new)


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
            parquet_column_mapping={column.name: column.field_id for column in columns},
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
