"""What is in quarantine: batches and rows, found, looked through and given out."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from wharf.contracts import Feed
from wharf.decisions.desk import Desk, Person
from wharf.decisions.wishes import plain
from wharf.errors import DecisionRefused
from wharf.lake import Lake
from wharf.ledger import Transaction, batches, decisions, held
from wharf.ledger.rows import BatchRow, Decision
from wharf.reading.export_rows import KINDS, columns_of, export_rows
from wharf.reading.quarantine_rows import Filter, Quarantined
from wharf.reading.shapes import Shape


@dataclass(frozen=True)
class Kept:
    """One batch of which something is in quarantine."""

    batch: BatchRow
    is_read: bool
    """Whether readers see its other rows."""
    discarded: Decision | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the batch as a whole is held back."""
        return self.batch.status == "QUARANTINED"

    @property
    def reasons(self) -> list[str]:
        """Why the batch is held back."""
        return [
            str(each.get("message"))
            for each in self.batch.findings
            if isinstance(each, dict) and each.get("severity") == "critical"
        ]


def quarantined(
    tx: Transaction, feed: str = "", period: str = "", *, everything: bool = False, most: int = 500
) -> list[Kept]:
    """Batches of which something is in quarantine, newest first.

    Args:
        tx: A reading transaction.
        feed: Only of this feed.
        period: Only of this period.
        everything: Also batches that a newer one took the place of.
        most: So many at most.
    """
    rows = held.quarantined_batches(tx, feed, period, latest=not everything, most=most)
    return [describe_kept(tx, row) for row in rows]


def describe_kept(tx: Transaction, row: BatchRow) -> Kept:
    """How a batch with something in quarantine stands."""
    read = batches.current(tx, row.table, row.period, row.period).get(row.period)
    gone = decisions.discarded(tx, row) if row.status == "QUARANTINED" else None
    return Kept(row, read == row.batch_id, gone)


def shapes_of(row: BatchRow) -> dict[str, Shape]:
    """How the files that a batch was made of are written, by name."""
    return {shape.file: shape for shape in map(Shape.read, row.origin.get("shapes", ()))}


@contextmanager
def opened(lake: Lake, row: BatchRow, feed: Feed | None) -> Iterator[Quarantined | None]:
    """The rows of a batch in quarantine; None where it has none.

    Without its contract nobody knows what must be hidden, so no text is shown.

    Raises:
        Erased: They were kept as long as the contract says.
    """
    kept = lake.eraser.rows_of(lake.read_batch(row.table, row.period, row.batch_id))
    if kept is None:
        yield None
        return
    import duckdb

    shapes = shapes_of(row)
    hidden = feed.sensitive if feed else frozenset(columns_of(shapes.values(), ("?",)))
    with duckdb.connect(":memory:", config={"memory_limit": "512MB"}) as connection:
        lake.prepare(connection)
        yield Quarantined(connection, kept.uri.removeprefix("file://"), shapes, hidden)


def export(
    lake: Lake,
    row: BatchRow,
    feed: Feed,
    path: Path,
    kind: str,
    wanted: Filter | None = None,
    *,
    hides: bool = True,
) -> int:
    """Write the quarantined rows of a batch as a table to correct.

    Args:
        lake: The lake.
        row: The batch.
        feed: Its contract.
        path: The file to write; it appears when it is whole.
        kind: csv, xlsx, jsonl or parquet.
        wanted: Only these rows.
        hides: Whether values of sensitive columns are hidden.

    Returns:
        How many rows were written.

    Raises:
        DecisionRefused: There is nothing to write, or no such kind of file.
    """
    if kind not in KINDS:
        raise DecisionRefused("format", f"{kind!r} is none; use {', '.join(KINDS)}")
    with opened(lake, row, feed) as rows, TemporaryDirectory(dir=path.parent) as folder:
        if rows is None or not rows.count(wanted):
            raise DecisionRefused("batch", f"{row.batch_id} has no such row in quarantine")
        fresh = Path(folder) / path.name
        shapes = shapes_of(row)
        try:
            count = export_rows(
                rows.plain(wanted), fresh, kind,
                shapes=shapes, columns=columns_of(shapes.values(), feed.columns),
                sensitive=feed.sensitive if hides else frozenset(),
            )  # fmt: skip
        except ValueError as error:
            raise DecisionRefused("format", str(error)) from None
        shutil.move(fresh, path)
    return count


def note_export(
    desk: Desk, row: BatchRow, count: int, person: Person, now: datetime, reason: str
) -> Decision:
    """Keep who took hidden values out, before they are.

    Raises:
        DecisionRefused: No reason is given.
    """
    why = plain(reason)
    if not why:
        raise DecisionRefused("reason", "is missing: say why the hidden values are needed")
    detail = {"batch_id": row.batch_id, "rows": count, "via": person.via}
    made = Decision(row.subject, row.period, "export", None, person.name, why, now, detail=detail)
    with desk.ledger.write() as tx:
        return decisions.record_decision(tx, made)
