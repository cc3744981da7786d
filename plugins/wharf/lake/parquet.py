"""Writing rows as a Parquet file that the lake takes: field ids, zstd, statistics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from wharf.errors import LakeError
from wharf.lake.batch import LakeColumn
from wharf.lake.columns import arrow_type


def arrow_schema(columns: Sequence[LakeColumn]) -> pa.Schema:
    """The Arrow schema of some columns, with their field ids."""
    return pa.schema(
        pa.field(c.name, arrow_type(c.type), metadata={"PARQUET:field_id": str(c.field_id)})
        for c in columns
    )


def write_parquet(
    batches: Iterable[pa.RecordBatch], columns: Sequence[LakeColumn], path: Path
) -> int:
    """Write record batches to one file.

    Args:
        batches: Rows; their columns are matched by name and cast without loss.
        columns: What the file must hold, in file order.
        path: Where to write; an existing file is replaced.

    Returns:
        The number of rows.

    Raises:
        LakeError: A column is missing, or a value does not fit its type.
    """
    schema, rows = arrow_schema(columns), 0
    with pq.ParquetWriter(path, schema, compression="zstd", store_schema=False) as writer:
        for batch in batches:
            table = pa.Table.from_batches([batch])
            try:
                writer.write_table(table.select(schema.names).cast(schema))
            except (KeyError, pa.ArrowException) as error:
                raise LakeError(f"rows do not fit the columns of {path.name}: {error}") from error
            rows += batch.num_rows
    return rows
