"""Splits: pieces of Parquet files that are scored independently, no row crossing a machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pyarrow.parquet as pq

from wharf.scoring.files import Files

FEWEST_ROWS = 500_000
MOST_ROWS = 5_000_000
# So that the last one to finish does not leave the others idle for long.
_SPLITS_PER_SLOT = 4


@dataclass(frozen=True)
class Split:
    """Some row groups of one file, and the batch that the file belongs to."""

    index: int
    uri: str
    batch_id: str
    first_group: int
    end_group: int
    rows: int


@dataclass(frozen=True)
class SourceFile:
    """A Parquet file to score and the rows in each of its row groups."""

    uri: str
    batch_id: str
    groups: tuple[int, ...]


def look_into(files: Files, uris: Iterable[tuple[str, str]]) -> list[SourceFile]:
    """Read the footers of `(uri, batch id)` pairs.

    Raises:
        LakeError: A file cannot be read.
    """
    found = []
    for uri, batch_id in uris:
        with files.open(uri) as source:
            footer = pq.ParquetFile(source).metadata
            groups = tuple(footer.row_group(at).num_rows for at in range(footer.num_row_groups))
        found.append(SourceFile(uri, batch_id, groups))
    return found


def plan_splits(sources: Sequence[SourceFile], *, slots: int) -> tuple[Split, ...]:
    """Cut files into splits of half a million to five million rows; a small file is one split.

    Args:
        sources: The files with their row groups.
        slots: How many splits can be scored at the same time.
    """
    total = sum(sum(source.groups) for source in sources)
    target = min(MOST_ROWS, max(FEWEST_ROWS, total // (max(slots, 1) * _SPLITS_PER_SLOT)))
    splits: list[Split] = []
    for source in sources:
        for first, end in _ranges(source.groups, target):
            rows = sum(source.groups[first:end])
            splits.append(Split(len(splits), source.uri, source.batch_id, first, end, rows))
    return tuple(splits)


def _ranges(groups: Sequence[int], target: int) -> list[tuple[int, int]]:
    """Consecutive row groups of about equal sums, none much above the target."""
    total = sum(groups)
    if not total:
        return []
    wanted = total / max(1, round(total / target))
    ranges: list[tuple[int, int]] = []
    first, passed, held = 0, 0, 0
    for at, rows in enumerate(groups):
        held += rows
        if passed + held >= wanted * (len(ranges) + 1) - rows / 2 and held:
            ranges.append((first, at + 1))
            first, passed, held = at + 1, passed + held, 0
    if first < len(groups) and held:
        ranges.append((first, len(groups)))
    elif first < len(groups) and ranges:
        ranges[-1] = (ranges[-1][0], len(groups))
    return ranges
