"""Erasing files of the lake on purpose: the only code that ever deletes any.

What goes is never what readers see: first every kept snapshot that would show the files is
forgotten, then a note is written beside them, then they are deleted. A kill between any two of
these is finished by the next try.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from pyiceberg.catalog import Catalog
from pyiceberg.table import Table

from wharf.errors import Erased, LakeError
from wharf.lake.batch import Batch, StagedFile
from wharf.lake.locks import TableLocks
from wharf.lake.partitions import live_files
from wharf.lake.storage import Storage
from wharf.lake.tables import find_table, history_of, reaching

RECORD = "_batch.json"
NOTE = "_erased.json"
ROWS_NOTE = "_erased_rows.json"


class Eraser:
    """Deletes files of batches, and manifests that nothing names any more."""

    def __init__(
        self,
        catalog: Catalog,
        locks: TableLocks,
        storage: Storage,
        home: Callable[[str, str, str], str],
    ) -> None:
        self._catalog, self._locks, self._storage, self._home = catalog, locks, storage, home

    def erase(self, table: str, period: str, batch_id: str, note: Mapping[str, object]) -> int:
        """Delete a batch's files for good, with the old snapshots that show them.

        Its `_batch.json` stays, and a note beside it says why the rest is gone.

        Args:
            table: Its table.
            period: Its period.
            batch_id: A batch that readers do not see.
            note: Who erased it, when and why.

        Returns:
            How many bytes were freed.

        Raises:
            LakeError: Readers or a tag see the batch, or the lake could not be reached.
        """
        home = self._home(table, period, batch_id)
        with reaching(table), self._locks.hold(table):
            self._forget_snapshots(table, batch_id)
            names = self._storage.names(home)
            if NOTE not in names:
                self._storage.write(f"{home}/{NOTE}", _text(note))
            gone = [f"{home}/{name}" for name in names if name not in {RECORD, NOTE, ROWS_NOTE}]
            freed = sum(self._storage.size(uri) or 0 for uri in gone)
            for uri in gone:
                self._storage.remove(uri)
        return freed

    def erase_rows(self, batch: Batch, note: Mapping[str, object]) -> int:
        """Delete the rows of a batch that were set aside, for good; readers never saw them.

        Args:
            batch: A batch, read or not.
            note: Who erased them, when and why; it stays beside the batch.

        Returns:
            How many bytes were freed.
        """
        if batch.quarantine is None:
            return 0
        home = self._home(batch.table, batch.period, batch.batch_id)
        with reaching(batch.table), self._locks.hold(batch.table):
            if self._storage.size(f"{home}/{ROWS_NOTE}") is None:
                self._storage.write(f"{home}/{ROWS_NOTE}", _text(note))
            freed = self._storage.size(batch.quarantine.uri) or 0
            if freed:
                self._storage.remove(batch.quarantine.uri)
        return freed

    def rows_of(self, batch: Batch) -> StagedFile | None:
        """The file of a batch's rows that were set aside; None where there were none.

        Raises:
            Erased: They are gone on purpose.
        """
        if batch.quarantine is None or self._storage.size(batch.quarantine.uri) is not None:
            return batch.quarantine
        home = self._home(batch.table, batch.period, batch.batch_id)
        refuse_erased(self._storage, home, batch)
        if note := self._rows_note(batch):
            raise Erased(
                f"the {batch.rows_quarantined:,} rows set aside of batch {batch.batch_id} of "
                f"{batch.table} {batch.period} were erased at {note['at']} by {note['by']}: "
                f"{note['reason']}"
            )
        return batch.quarantine

    def remaining(self, batch: Batch) -> Batch:
        """The batch as its files should lie there: without rows that are gone on purpose."""
        if batch.quarantine is None or self._rows_note(batch) is None:
            return batch
        return replace(batch, quarantine=None)

    def _rows_note(self, batch: Batch) -> Mapping[str, Any] | None:
        home = self._home(batch.table, batch.period, batch.batch_id)
        return self._read_note(f"{home}/{ROWS_NOTE}")

    def _read_note(self, uri: str) -> Mapping[str, Any] | None:
        if self._storage.size(uri) is None:
            return None
        note: dict[str, Any] = json.loads(self._storage.read(uri))
        return note

    def sweep(self, table: str) -> int:
        """Delete manifests that no kept snapshot names: they hold bounds of erased values."""
        with reaching(table), self._locks.hold(table):
            found = find_table(self._catalog, table)
            if found is None:
                return 0
            named = {PurePosixPath(each).name for each in _named_by(found)}
            folder = f"{found.metadata.location.rstrip('/')}/metadata"
            gone = [
                name
                for name in self._storage.names(folder)
                if name.endswith(".avro") and name not in named
            ]
            for name in gone:
                self._storage.remove(f"{folder}/{name}")
        return len(gone)

    def named(self, table: str) -> set[str]:
        """The manifests, and lists of them, that the kept snapshots of a table name."""
        with reaching(table):
            found = find_table(self._catalog, table)
            return set(_named_by(found)) if found else set()

    def _forget_snapshots(self, table: str, batch_id: str) -> None:
        found = find_table(self._catalog, table)
        if found is None:
            return
        showing = snapshots_showing(found, {batch_id})
        refs = {ref.snapshot_id: name for name, ref in found.metadata.refs.items()}
        if held := [refs[each] for each in showing if each in refs]:
            what = "readers see it" if "main" in held else f"{', '.join(held)} hold it"
            raise LakeError(f"{table}: batch {batch_id} may not be erased: {what}")
        if showing:
            found.maintenance.expire_snapshots().by_ids(showing).commit()


def refuse_erased(storage: Storage, home: str, batch: Batch) -> None:
    """Refuse a batch whose files are gone on purpose.

    Raises:
        Erased: They are; the message says since when, why, and what takes its place.
    """
    if storage.size(f"{home}/{NOTE}") is None:
        return
    note: dict[str, Any] = json.loads(storage.read(f"{home}/{NOTE}"))
    instead = note.get("replaced_by")
    raise Erased(
        f"batch {batch.batch_id} of {batch.table} {batch.period} was erased at {note['at']} "
        f"by {note['by']}: {note['reason']}"
        + (f". All its other rows are in batch {instead}." if instead else "")
    )


def snapshots_showing(table: Table, batches: Collection[str]) -> list[int]:
    """The kept snapshots in which a reader sees one of some batches, oldest first."""
    metadata = table.metadata
    showing: list[int] = []
    stands: dict[str, str | None] | None = None
    for each in history_of(metadata):
        if stands is None or each.period is None:
            snapshot = metadata.snapshot_by_id(each.snapshot_id)
            live = live_files(metadata, table.io, snapshot)
            stands = {file.period: file.batch_id for file in live}
        else:
            stands[each.period] = each.batch_id
        if set(batches) & set(stands.values()):
            showing.append(each.snapshot_id)
    return showing


def _named_by(table: Table) -> Iterator[str]:
    for snapshot in table.metadata.snapshots:
        yield snapshot.manifest_list
        for manifest in snapshot.manifests(table.io):
            yield manifest.manifest_path


def _text(note: Mapping[str, object]) -> bytes:
    return (json.dumps(note, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
