"""What lies in the lake and nothing names: left by processes that were cut off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from wharf.errors import LakeError
from wharf.lake.batch import BatchId
from wharf.lake.erase import RECORD
from wharf.lake.lake import Lake
from wharf.lake.names import table_parts

METADATA = "metadata"


@dataclass(frozen=True)
class Folder:
    """The folder of one batch."""

    table: str
    period: str
    batch_id: BatchId
    is_whole: bool
    """Whether its `_batch.json` is there, which is written last."""


@dataclass(frozen=True)
class Unnamed:
    """Files of a table's metadata that no kept snapshot names."""

    files: int
    bytes: int


def batch_folders(lake: Lake, table: str) -> Iterator[Folder]:
    """The folders of all batches of a table, published or not."""
    home = "/".join([lake.storage.root, *table_parts(table)])
    for period in lake.storage.names(home):
        for name in lake.storage.names(f"{home}/{period}") if period != METADATA else ():
            try:
                batch_id = BatchId.parse(name)
            except LakeError:
                continue  # another's file; no batch of ours is called so
            names = lake.storage.names(f"{home}/{period}/{name}")
            yield Folder(table, period, batch_id, RECORD in names)


def unnamed_metadata(lake: Lake, table: str) -> Unnamed:
    """Manifests and their lists that no kept snapshot names, nor the newest metadata file."""
    folder = "/".join([lake.storage.root, *table_parts(table), METADATA])
    there = [name for name in lake.storage.names(folder) if name.endswith(".avro")]
    named = {PurePosixPath(each).name for each in lake.eraser.named(table)}
    left = [name for name in there if name not in named]
    return Unnamed(len(left), sum(lake.storage.size(f"{folder}/{name}") or 0 for name in left))
