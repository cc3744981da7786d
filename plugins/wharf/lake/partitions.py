"""Which files a table's periods hold, read from its manifests.

Read here rather than by pyiceberg's planner because that leaves out files without rows, and an
empty batch is a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from pyiceberg.expressions import AlwaysTrue, BooleanExpression, EqualTo, In, Reference
from pyiceberg.expressions.literals import literal
from pyiceberg.expressions.visitors import manifest_evaluator
from pyiceberg.io import FileIO
from pyiceberg.manifest import DataFile, ManifestContent, ManifestFile
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot

from wharf.errors import LakeError
from wharf.lake.manifests import entries_of, manifests_of

PERIOD = "_period"


@dataclass(frozen=True)
class LiveFile:
    """One data file that readers of a snapshot see."""

    period: str
    added_by: int
    """Id of the snapshot that published it."""
    data: DataFile

    @property
    def uri(self) -> str:
        """Its full address."""
        return self.data.file_path

    @property
    def batch_id(self) -> str:
        """The batch it belongs to: the name of its folder."""
        return self.data.file_path.rsplit("/", 2)[-2]


def live_files(
    metadata: TableMetadata,
    io: FileIO,
    snapshot: Snapshot | None,
    periods: Collection[str] | None = None,
) -> list[LiveFile]:
    """Files of a snapshot, in order of period and address.

    Args:
        metadata: The table's metadata.
        io: Its file access.
        snapshot: Which state; None for a table without any.
        periods: Only these periods; all when None.

    Raises:
        LakeError: Another engine wrote row-level deletes or files without a period.
    """
    if snapshot is None or (periods is not None and not periods):
        return []
    matches = _matcher(metadata, periods)
    found = [
        live
        for manifest in manifests_of(snapshot, io)
        if matches(manifest)
        for live in _entries(manifest, io)
        if periods is None or live.period in periods
    ]
    return sorted(found, key=lambda live: (live.period, live.uri))


def period_filter(periods: Collection[str] | None) -> BooleanExpression:
    """The predicate of some periods."""
    if periods is None:
        return AlwaysTrue()
    values = {literal(period) for period in periods}
    if len(values) == 1:
        return EqualTo(term=Reference(PERIOD), value=values.pop())
    return In(term=Reference(PERIOD), values=values)


def standing_batch(files: Collection[LiveFile]) -> str | None:
    """The batch that the files of one period belong to; None when there are none.

    Raises:
        LakeError: They belong to more than one, which no publish of ours does.
    """
    ids = {live.batch_id for live in files}
    if len(ids) > 1:
        period = next(iter(files)).period
        raise LakeError(
            f"period {period} holds files of {', '.join(sorted(ids))}; publish one again"
        )
    return next(iter(ids), None)


def _matcher(
    metadata: TableMetadata, periods: Collection[str] | None
) -> Callable[[ManifestFile], bool]:
    if periods is None:
        return lambda _: True
    spec, schema = metadata.spec(), metadata.schema()
    return manifest_evaluator(spec, schema, period_filter(periods), True)


def _entries(manifest: ManifestFile, io: FileIO) -> Iterator[LiveFile]:
    if not manifest.has_added_files() and not manifest.has_existing_files():
        return
    for entry in entries_of(manifest, io):
        if manifest.content != ManifestContent.DATA:
            raise LakeError("another engine deleted rows of this table; publish its periods again")
        period, added_by = entry.data_file.partition[0], entry.snapshot_id
        if period is None or added_by is None:
            raise LakeError(
                f"{entry.data_file.file_path} lies in no period; another engine added it"
            )
        yield LiveFile(str(period), added_by, entry.data_file)
