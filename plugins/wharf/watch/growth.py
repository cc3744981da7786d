"""How much room everything takes, one measure a night."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from wharf.intake import Intake
from wharf.ledger import batches, disk
from wharf.ledger.disk import DiskUse

_SIDE = {"QUARANTINED": "quarantine", "PUBLISHED": "read"}
Length = tuple[str, str, int]
"""What a file is for, whose it is, and its bytes."""


def measure(ctx: Intake, now: datetime) -> list[DiskUse]:
    """Measure the room that tables, landed files, results and the ledger take, and record it.

    Files of a table are counted by what they are for: `read` now, `replaced`, in `quarantine`, or
    `metadata` of the table itself.
    """
    files: defaultdict[tuple[str, str], int] = defaultdict(int)
    sizes: defaultdict[tuple[str, str], int] = defaultdict(int)
    for what, name, size in [*_lake(ctx), *_landing(ctx), *_results(ctx.settings.results)]:
        files[what, name] += 1
        sizes[what, name] += size
    with ctx.ledger.read() as tx:
        files["database", "ledger"], sizes["database", "ledger"] = 1, disk.database_bytes(tx)
    rows = [DiskUse(now, *key, files[key], sizes[key]) for key in sorted(files)]
    with ctx.ledger.write() as tx:
        disk.record_disk_use(tx, rows)
    return rows


def _lake(ctx: Intake) -> Iterator[Length]:
    status: dict[str, str] = {}
    with ctx.ledger.read() as tx:
        for table in ctx.lake.tables():
            status |= {row.batch_id: row.status for row in batches.batches_of(tx, table)}
    for path, size in ctx.lake.storage.lengths():
        namespace, name, *rest = Path(path).parts
        if rest:
            yield _side(rest, status), f"{namespace.removesuffix('.db')}.{name}", size


def _side(rest: list[str], status: dict[str, str]) -> str:
    if rest[0] == "metadata":
        return "metadata"
    return _SIDE.get(status.get(rest[1], "") if len(rest) > 1 else "", "replaced")


def _landing(ctx: Intake) -> Iterable[Length]:
    for path, size in ctx.landing.storage.lengths():
        yield "landing", Path(path).parts[0], size


def _results(folder: Path) -> Iterable[Length]:
    for file in folder.rglob("*"):
        if file.is_file():
            yield "results", file.relative_to(folder).parts[0], file.stat().st_size
