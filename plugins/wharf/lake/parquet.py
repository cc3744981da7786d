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
        pa.field(c.name, arrow_type(c.type), metadata={"PARQUET:field_id": str(c.field_id)})
        for c in columns
    )


def write_parquet(rows: pa.Table, columns: Sequence[LakeColumn], path: Path) -> None:
    """Write rows to one file.

    Args:
        rows: Their columns are matched by name and cast without loss.
        columns: What the file must hold, in file order.
        path: Where to write; an existing file is replaced.

    Raises:
        LakeError: A column is missing, or a value does not fit its type.
    """
    schema = arrow_schema(columns)
    try:
        fitted = rows.select(schema.names).cast(schema)
    except (KeyError, pa.ArrowException) as error:
        raise LakeError(f"rows do not fit the columns of the table: {error}") from error
    pq.write_table(fitted, path, compression="zstd", store_schema=False, row_group_size=ROW_GROUP)
