"""Structure checks of a staged batch. Each of them stops a silent corruption that Iceberg accepts.

A file with field ids of another table reads as NULL everywhere; another decimal scale breaks every
scan; a period column with a gap puts rows in the partition of NULL; a flipped byte in Parquet is
noticed by no reader.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from wharf.errors import LakeError
from wharf.lake.batch import Batch, LakeColumn
from wharf.lake.columns import known_type, merged_type, text_of_arrow
from wharf.lake.inner_ids import inner_problem
from wharf.lake.nested import ids_by_path
from wharf.lake.partitions import PERIOD
from wharf.lake.standing import Standing
from wharf.lake.storage import Storage

_FIELD_ID = b"PARQUET:field_id"
_PLAIN = {"NONE", "STRING", "INT", "DECIMAL", "DATE", "TIME", "TIMESTAMP"}


def read_footers(storage: Storage, batch: Batch) -> dict[str, pq.FileMetaData]:
    """The Parquet footer of each of a batch's files, by address.

    Raises:
        LakeError: A file is not there, or is no Parquet file.
    """
    return {staged.uri: read_footer(storage, staged.uri) for staged in batch.files}


def read_footer(storage: Storage, uri: str) -> pq.FileMetaData:
    """The footer of one Parquet file; see `read_footers`."""
    with storage.open(uri) as reading:
        try:
            return pq.read_metadata(reading)
        except pa.ArrowException as error:
            raise LakeError(f"{uri} is no whole Parquet file: {error}") from error


def check_bytes(storage: Storage, batch: Batch) -> Iterator[str]:
    """Compare the files' bytes with what was recorded when they were staged."""
    for staged in [*batch.files, *([batch.quarantine] if batch.quarantine else [])]:
        size = storage.size(staged.uri)
        if size is None:
            yield f"{_name(staged.uri)} is not there"
        elif size != staged.bytes:
            yield f"{_name(staged.uri)} has {size} bytes, {staged.bytes} were staged"
        elif storage.sha256(staged.uri) != staged.sha256:
            yield f"{_name(staged.uri)} has another checksum than when it was staged"


def check_footers(batch: Batch, folder: str, footers: dict[str, pq.FileMetaData]) -> Iterator[str]:
    """Check what the files say of themselves: place, columns, field ids, period, counts."""
    for staged in batch.files:
        name, footer = _name(staged.uri), footers[staged.uri]
        if staged.uri.rsplit("/", 1)[0] != folder:
            yield f"{name} lies outside the batch's folder"
        if footer.num_rows != staged.rows:
            yield f"{name} has {footer.num_rows} rows, {staged.rows} were staged"
        yield from _check_columns(name, footer, batch.columns)
        yield from _check_values(name, footer, batch)
    total = sum(staged.rows for staged in batch.files)
    if total != batch.rows:
        yield f"its files hold {total} rows, the batch says {batch.rows}"


def check_schema(columns: Sequence[LakeColumn], stands: Standing) -> Iterator[str]:
    """Check a batch's columns against the table: ids, safe type changes, ids of new columns.

    A column is what its field id says. Its name may be one that the table gave it before, or one
    that this batch gives it.
    """
    known = {column.name: column for column in stands.columns}
    taken = {column.field_id: column.name for column in stands.columns}
    fresh: list[tuple[int, str]] = []
    for column in columns:
        match = stands.same(column)
        if match is not None:
            if merged_type(match.type, column.type) is None:
                yield f"column {column.name!r} is {column.type}, the table's is {match.type}"
            else:
                fresh += _new_inside(column, match)
        elif column.name not in known:
            fresh.append((column.field_id, column.name))
            fresh += [(number, column.name) for number in column.inner]
        else:
            yield (
                f"column {column.name!r} has field id {column.field_id}, "
                f"the table's is {known[column.name].field_id}; stage it again"
            )
    for expected, (number, name) in enumerate(sorted(fresh), stands.last_id + 1):
        if number != expected:
            owner = taken.get(number, "another new column")
            yield (
                f"new column {name!r} was staged with field id {number}, which is "
                f"{owner!r} by now; the next free one is {expected}: stage it again"
            )
    if PERIOD not in {column.name for column in columns}:
        yield f"it has no column {PERIOD}"


def _new_inside(column: LakeColumn, match: LakeColumn) -> Iterator[tuple[int, str]]:
    """Ids of fields that a batch has inside a column and the table has not."""
    known = ids_by_path(known_type(match.type), match.inner)
    for path, number in ids_by_path(known_type(column.type), column.inner).items():
        if known.get(path) != number:
            yield number, f"{column.name}.{path}"


def _check_columns(
    name: str, footer: pq.FileMetaData, columns: Sequence[LakeColumn]
) -> Iterator[str]:
    schema = footer.schema.to_arrow_schema()
    wanted = {column.name: column for column in columns}
    positions = _positions(footer)
    if len(set(schema.names)) != len(schema.names):
        yield f"{name} has a column twice"
    for missing in wanted.keys() - set(schema.names):
        yield f"{name} lacks column {missing!r}"
    for field in schema:
        column = wanted.get(field.name)
        found = int((field.metadata or {}).get(_FIELD_ID, b"-1"))
        if column is None:
            yield f"{name} has a column {field.name!r} that the batch does not name"
        elif found != column.field_id:
            given = "no field id" if found < 0 else f"field id {found}"
            yield f"{name}: column {field.name!r} has {given}, not {column.field_id}"
        elif problem := _type_problem(footer, positions, field, column):
            yield f"{name}: column {field.name!r} {problem}"


def _type_problem(
    footer: pq.FileMetaData, positions: dict[str, int], field: pa.Field, column: LakeColumn
) -> str | None:
    """Say what is wrong with a column's type; a narrower one that widens on reading is right."""
    text, wanted = text_of_arrow(field.type), column.type
    if text is None:
        return f"is {field.type}, which the lake does not keep; {wanted} was planned"
    leaves = [at for path, at in positions.items() if path.startswith(f"{field.name}.")]
    if not pa.types.is_nested(field.type):
        leaves = [positions[field.name]]
    for logical in (footer.schema.column(at).logical_type.type for at in leaves):
        if logical not in _PLAIN:
            return f"is marked {logical}, which Iceberg readers refuse; write it as {wanted}"
    if merged_type(wanted, text) != wanted:
        return f"is {text}, {wanted} was planned"
    return inner_problem(field, column)


def _check_values(name: str, footer: pq.FileMetaData, batch: Batch) -> Iterator[str]:
    """Check by statistics that one period fills the file and promised values are there."""
    positions = _positions(footer)
    required = [c.name for c in batch.columns if c.required and c.name in positions]
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        if group.num_rows == 0:
            continue
        for column in required:
            statistics = group.column(positions[column]).statistics
            if statistics is None or not statistics.has_null_count or statistics.null_count:
                yield f"{name}: required column {column!r} has missing values"
                required.remove(column)
                break
        if PERIOD in positions:
            problem = _period_problem(group.column(positions[PERIOD]).statistics, batch.period)
            if problem:
                yield f"{name}: {problem}"
                return


def _period_problem(statistics: pq.Statistics | None, period: str) -> str | None:
    if statistics is None or not statistics.has_min_max or not statistics.has_null_count:
        return f"column {PERIOD} has no statistics"
    if statistics.null_count:
        return f"column {PERIOD} has missing values"
    if statistics.min != period or statistics.max != period:
        return f"column {PERIOD} holds {statistics.min!r} to {statistics.max!r}, not {period!r}"
    return None


def _positions(footer: pq.FileMetaData) -> dict[str, int]:
    return {footer.schema.column(at).path: at for at in range(footer.num_columns)}


def _name(uri: str) -> str:
    return uri.rsplit("/", 1)[-1]
