"""Loading tables, and what their metadata says: columns, snapshots, history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError, RESTError
from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot as IcebergSnapshot
from sqlalchemy.exc import SQLAlchemyError

from wharf.errors import LakeError, LakeUnreached
from wharf.lake.batch import LakeColumn
from wharf.lake.names import table_parts
from wharf.lake.nested import of_iceberg

PREFIX = "wharf."
UNREACHED = (OSError, SQLAlchemyError, RESTError, CommitFailedException)
"""What storage and catalog raise when they could not be reached or changed."""


@dataclass(frozen=True)
class Snapshot:
    """One state of a table, and the publish that made it."""

    snapshot_id: int
    at: datetime
    action: str
    """publish, rollback or remove; Iceberg's own operation where another engine made it."""
    batch_id: str | None
    period: str | None
    properties: Mapping[str, str]
    """Everything recorded with it, without the `wharf.` in front."""


@contextmanager
def reaching(what: str) -> Iterator[None]:
    """Turn what storage and catalog raise into LakeError."""
    try:
        yield
    except UNREACHED as error:
        raise LakeUnreached(f"{what}: the lake cannot be reached, try again: {error}") from error


def find_table(catalog: Catalog, name: str) -> Table | None:
    """Load a table; None when nothing was ever published to it."""
    table_parts(name)
    try:
        return catalog.load_table(name)
    except NoSuchTableError:
        return None


def load_table(catalog: Catalog, name: str) -> Table:
    """Load a table.

    Raises:
        LakeError: Nothing was ever published to it.
    """
    found = find_table(catalog, name)
    if found is None:
        raise LakeError(f"there is no table {name}; the first publish of a batch creates it")
    return found


def columns_of(metadata: TableMetadata, snapshot: IcebergSnapshot | None) -> tuple[LakeColumn, ...]:
    """Columns as they were at a snapshot; the current ones when None."""
    schema = metadata.schema()
    if snapshot is not None and snapshot.schema_id is not None:
        schema = next((s for s in metadata.schemas if s.schema_id == snapshot.schema_id), schema)
    typed = ((field, *of_iceberg(field.field_type)) for field in schema.fields)
    return tuple(
        LakeColumn(field.name, str(type_), field.field_id, inner=inner)
        for field, type_, inner in typed
    )


def snapshot_of(
    name: str, metadata: TableMetadata, snapshot_id: int | None
) -> IcebergSnapshot | None:
    """One snapshot of a table; the current one, if any, when no id is given.

    Raises:
        LakeError: The id is not, or no longer, a snapshot of the table.
    """
    if snapshot_id is None:
        return metadata.current_snapshot()
    found = metadata.snapshot_by_id(snapshot_id)
    if found is None:
        raise LakeError(
            f"{name} has no snapshot {snapshot_id}; it never had, or it was expired. "
            "Its batches are still there: see `wharf batch list`."
        )
    return found


def find_snapshot(name: str, metadata: TableMetadata, at: datetime | int | str) -> int:
    """The snapshot at a time, under a tag, or of an id; see `Lake.snapshot_at`."""
    if isinstance(at, int):
        found = snapshot_of(name, metadata, at)
        return found.snapshot_id if found else at
    if isinstance(at, str):
        if at not in metadata.refs:
            raise LakeError(f"{name} has no tag {at!r}; tags: {', '.join(metadata.refs)}")
        return metadata.refs[at].snapshot_id
    kept = [each for each in history_of(metadata) if each.at <= at]
    if not kept:
        raise LakeError(
            f"{name}: no snapshot of {at.isoformat()} is kept. The ledger knows which batches were "
            "read then: see `wharf batch list`, and load them by id."
        )
    return kept[-1].snapshot_id


def history_of(metadata: TableMetadata) -> list[Snapshot]:
    """The snapshots that are kept, oldest first."""
    ordered = sorted(metadata.snapshots, key=lambda each: each.sequence_number or 0)
    return [_describe(each) for each in ordered]


def keeps_all(metadata: TableMetadata) -> bool:
    """Whether no snapshot of a table was expired: each gave it one sequence number."""
    return len(metadata.snapshots) == getattr(metadata, "last_sequence_number", -1)


def _describe(snapshot: IcebergSnapshot) -> Snapshot:
    summary = snapshot.summary
    given = dict(summary.additional_properties) if summary else {}
    ours = {key.removeprefix(PREFIX): v for key, v in given.items() if key.startswith(PREFIX)}
    operation = summary.operation.value if summary else "unknown"
    return Snapshot(
        snapshot_id=snapshot.snapshot_id,
        at=datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC),
        action=ours.get("action", operation),
        batch_id=ours.get("batch"),
        period=ours.get("period"),
        properties=ours,
    )
