"""Writing rows as a Parquet file that the lake takes: field ids, zstd, statistics."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from wharf.errors import LakeError
from wharf.lake.batch import LakeColumn
from wharf.lake.columns import arrow_type

ROW_GROUP = 122_880
"""Rows of a row group, as DuckDB writes them; below 20,000 scans get slower."""


def arrow_schema(columns: Sequence[LakeColumn]) -> pa.Schema:
    """The Arrow schema of some columns, with their field ids."""
    return pa.schema(
        pa.field(
            c.name, arrow_type(c.type, c.inner), metadata={"PARQUET:field_id": str(c.field_id)}
        )
        for c in columns
    )


def write_parquet(
    rows: pa.Table | pa.RecordBatchReader, columns: Sequence[LakeColumn], path: Path
) -> None:
    """Write rows to one file.

    Args:
        rows: Their columns are matched by name and cast without loss; a reader is written as it
            comes, one row group for each of its batches.
        columns: What the file must hold, in file order.
        path: Where to write; an existing file is replaced.

    Raises:
        LakeError: A column is missing, or a value does not fit its type.
    """
    schema = arrow_schema(columns)
    some = [rows] if isinstance(rows, pa.Table) else map(_table, rows)
    try:
        with pq.ParquetWriter(path, schema, compression="zstd", store_schema=False) as writer:
            for each in some:
                fitted = each.select(schema.names).cast(schema)
                writer.write_table(fitted, row_group_size=ROW_GROUP)
    except (KeyError, pa.ArrowException) as error:
        raise LakeError(f"rows do not fit the columns of the table: {error}") from error


def _table(batch: pa.RecordBatch) -> pa.Table:
    return pa.Table.from_batches([batch])
