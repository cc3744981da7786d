"""Publishing: point readers of one period at a batch. One metadata commit, nothing is copied.

Each try starts from the table as it is now. A conflict means that nothing was committed; any
other failure leaves the outcome unknown, and the next try finds out by looking whether exactly
the batch's files stand in the period.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Collection, Mapping

import pyarrow.parquet as pq
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    TableAlreadyExistsError,
    ValidationException,
)
from pyiceberg.table import Table
from sqlalchemy.exc import IntegrityError

from wharf.errors import LakeError, LakeUnreached, PublishRefused, disk_is_full, no_room
from wharf.lake.batch import Batch
from wharf.lake.commit import Tx, begin_table, evolve, replace_period
from wharf.lake.locks import TableLocks
from wharf.lake.names import table_parts
from wharf.lake.partitions import LiveFile, live_files, standing_batch
from wharf.lake.standing import Standing
from wharf.lake.storage import Storage
from wharf.lake.structure import check_schema
from wharf.lake.tables import PREFIX, UNREACHED, find_table, load_table

TRIES = 6
HINT = "version-hint.text"
SUFFIX = ".metadata.json"
log = logging.getLogger(__name__)
NOT_COMMITTED = (
    CommitFailedException,
    ValidationException,
    TableAlreadyExistsError,
    NamespaceAlreadyExistsError,
    IntegrityError,
)
MayReplace = Callable[[str | None], bool]


class Publisher:
    """The only writer of tables."""

    def __init__(self, catalog: Catalog, locks: TableLocks, storage: Storage) -> None:
        self._catalog = catalog
        self._locks = locks
        self._storage = storage

    def publish(
        self,
        batch: Batch,
        footers: Mapping[str, pq.FileMetaData],
        properties: Mapping[str, str],
        may_replace: MayReplace,
    ) -> int:
        """Let a batch be what readers see of its period; see `Lake.publish`."""

        def attempt(table: Table | None) -> int:
            old = _files(table, batch.period)
            if {live.uri for live in old} == {staged.uri for staged in batch.files}:
                return max(live.added_by for live in old)
            standing = standing_batch(old)
            if not may_replace(standing):
                raise PublishRefused(
                    f"{batch.table} {batch.period}: batch {standing} stands and may not be "
                    f"replaced by {batch.batch_id}"
                )
            _refuse_misfits(table, batch)
            said = {"batch": batch.batch_id, "previous": standing or "", "action": "publish"}
            return self._commit(table, batch, old, footers, {**said, **properties})

        return self._try(batch.table, attempt)

    def remove(self, name: str, period: str, properties: Mapping[str, str]) -> int:
        """Let readers see nothing of a period; see `Lake.remove`."""

        def attempt(table: Table | None) -> int:
            old = _files(table, period)
            if table is None or not old:
                raise LakeError(f"{name} holds nothing of {period}")
            said = {"previous": standing_batch(old) or "", "action": "remove"}
            return replace_period(
                Tx(table),
                period,
                old=old,
                new=(),
                columns=(),
                footers={},
                properties=_prefixed({**said, **properties, "period": period}),
            )

        return self._try(name, attempt)

    def tag(self, name: str, tag: str, snapshot_id: int) -> None:
        """Name a snapshot; in a commit of its own, as a tag beside data is lost on a conflict."""

        def attempt(table: Table | None) -> int:
            given = load_table(self._catalog, name) if table is None else table
            standing = given.metadata.refs.get(tag)
            if standing is not None and standing.snapshot_id != snapshot_id:
                raise LakeError(
                    f"{name}: tag {tag!r} names snapshot {standing.snapshot_id} already"
                )
            if standing is None:
                given.manage_snapshots().create_tag(snapshot_id, tag).commit()
            return snapshot_id

        self._try(name, attempt)

    def untag(self, name: str, tag: str) -> None:
        """Take a name off its snapshot; one that is not there is no mistake."""

        def attempt(table: Table | None) -> int:
            if table is not None and tag in table.metadata.refs:
                table.manage_snapshots().remove_tag(tag).commit()
            return 0

        self._try(name, attempt)

    def expire(self, name: str, keep: int, hold: Collection[int] = ()) -> int:
        """Forget all but the newest snapshots, the tagged and the held ones; see `Lake.expire`."""
        gone: list[int] = []

        def attempt(table: Table | None) -> int:
            given = load_table(self._catalog, name) if table is None else table
            held = {*hold, *(ref.snapshot_id for ref in given.metadata.refs.values())}
            ordered = sorted(given.metadata.snapshots, key=lambda each: each.sequence_number or 0)
            old = [each.snapshot_id for each in ordered[: max(len(ordered) - keep, 0)]]
            gone[:] = [each for each in old if each not in held]
            if gone:
                given.maintenance.expire_snapshots().by_ids(gone).commit()
            return len(gone)

        return self._try(name, attempt)

    def _commit(
        self,
        table: Table | None,
        batch: Batch,
        old: list[LiveFile],
        footers: Mapping[str, pq.FileMetaData],
        properties: Mapping[str, str],
    ) -> int:
        if table is None:
            self._make_namespace(table_parts(batch.table)[0])
            tx = begin_table(self._catalog, batch.table, batch.columns, self._storage.root)
        else:
            tx = Tx(table)
            evolve(tx, batch.columns)
        return replace_period(
            tx,
            batch.period,
            old=old,
            new=batch.files,
            columns=batch.columns,
            footers=footers,
            properties=_prefixed({**properties, "period": batch.period}),
        )

    def _make_namespace(self, namespace: str) -> None:
        try:
            self._catalog.create_namespace(namespace)
        except (NamespaceAlreadyExistsError, IntegrityError):
            return

    def _try(self, name: str, attempt: Callable[[Table | None], int]) -> int:
        """Run an attempt on a fresh table under its lock until it is through.

        Raises:
            LakeError: The lake could not be reached, or others were faster each time.
        """
        last: Exception | None = None
        for number in range(TRIES):
            if number:
                time.sleep(random.uniform(0.05, 0.3) * number)
            try:
                with self._locks.hold(name):
                    done = attempt(find_table(self._catalog, name))
                    self._hint(name)
                    return done
            except (*NOT_COMMITTED, *UNREACHED) as error:
                last = error
        if last is not None and disk_is_full(last):
            where = f"the lake {self._storage.root} or its catalog"
            raise LakeError(f"{name}: {no_room(where)}") from last
        said = f"{name}: not committed after {TRIES} tries; run the same step again: {last}"
        raise (LakeUnreached if isinstance(last, UNREACHED) else LakeError)(said) from last

    def _hint(self, name: str) -> None:
        """Say beside the table which metadata file counts, for engines that ask no catalog.

        A copy that the next commit writes again: without it the table is as well published.
        """
        try:
            table = find_table(self._catalog, name)
            if table is not None:
                folder, _, file = table.metadata_location.rpartition("/")
                self._storage.point(f"{folder}/{HINT}", file.removesuffix(SUFFIX).encode())
        except (LakeError, *UNREACHED) as error:
            log.warning("%s: %s could not be written: %s", name, HINT, error)


def _files(table: Table | None, period: str) -> list[LiveFile]:
    if table is None:
        return []
    metadata = table.metadata
    return live_files(metadata, table.io, metadata.current_snapshot(), [period])


def _refuse_misfits(table: Table | None, batch: Batch) -> None:
    problems = list(check_schema(batch.columns, Standing.of(table.metadata if table else None)))
    if problems:
        raise PublishRefused(
            f"batch {batch.batch_id} does not fit {batch.table}: {'; '.join(problems)}"
        )


def _prefixed(properties: Mapping[str, str]) -> dict[str, str]:
    return {f"{PREFIX}{key.removeprefix(PREFIX)}": str(v) for key, v in properties.items() if v}
