"""Writing rows as a Parquet file that the lake takes: field ids, zstd, statistics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from wharf.errors import LakeError
from wharf.lake.batch import LakeColumn
from wharf.lake.columns import arrow_type

ROW_GROUP = 122_880
"""Rows of a row group, as DuckDB writes them; below 20,000 scans get slower."""
SPLIT_AT = 256 * 1024**2
"""Bytes of a file before the next is begun: what is read at once where many share the work."""


def arrow_schema(columns: Sequence[LakeColumn]) -> pa.Schema:
    """The Arrow schema of some columns, with their field ids."""
    return pa.schema(
        pa.field(
            c.name, arrow_type(c.type, c.inner), metadata={"PARQUET:field_id": str(c.field_id)}
        )
        for c in columns
    )


def write_parquet(
    rows: pa.Table | pa.RecordBatchReader, columns: Sequence[LakeColumn], folder: Path, name: str
) -> list[Path]:
    """Write rows to files of about 256 MB each; to one, where there are fewer.

    Args:
        rows: Their columns are matched by name and cast without loss; a reader is written as it
            comes, one row group for each of its batches.
        columns: What the files must hold, in file order.
        folder: Where to write.
        name: What the first file is called; the second of `part-0` is `part-0-1`.

    Returns:
        The files; one at least.

    Raises:
        LakeError: A column is missing, or a value does not fit its type.
    """
    schema = arrow_schema(columns)
    some = [rows] if isinstance(rows, pa.Table) else map(_table, rows)
    groups = (each.slice(at, ROW_GROUP) for each in some for at in range(0, len(each), ROW_GROUP))
    stem, made = name.removesuffix(".parquet"), list[Path]()
    try:
        left: pa.Table | None = next(groups, None)
        while left is not None or not made:
            made.append(folder / (f"{stem}-{len(made)}.parquet" if made else name))
            left = _write(left, groups, schema, made[-1])
    except (KeyError, pa.ArrowException) as error:
        raise LakeError(f"rows do not fit the columns of the table: {error}") from error
    return made


def _write(
    first: pa.Table | None, groups: Iterator[pa.Table], schema: pa.Schema, path: Path
) -> pa.Table | None:
    """Fill one file; gives the first rows that it does not hold any more."""
    group = first
    with (
        pa.OSFile(str(path), "wb") as sink,
        pq.ParquetWriter(sink, schema, compression="zstd", store_schema=False) as writer,
    ):
        while group is not None and sink.tell() < SPLIT_AT:
            writer.write_table(group.select(schema.names).cast(schema))
            group = next(groups, None)
    return group


def _table(batch: pa.RecordBatch) -> pa.Table:
    return pa.Table.from_batches([batch])
