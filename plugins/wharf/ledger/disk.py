"""How much room everything takes, measured each night."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, text

from wharf.ledger.rows import read_row
from wharf.ledger.schema import disk_use


@dataclass(frozen=True)
class DiskUse:
    """The room that one thing takes at one time."""

    at: datetime
    what: str
    """read, replaced, quarantine, metadata, landing, results, database or work."""
    name: str
    """The table, feed or database it belongs to."""
    files: int
    bytes: int


def record_disk_use(tx: Connection, rows: Iterable[DiskUse]) -> None:
    """Append one night's measure."""
    if values := [asdict(row) for row in rows]:
        tx.execute(insert(disk_use), values)


def database_bytes(tx: Connection) -> int:
    """The room that the ledger's database takes."""
    query = (
        "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
        if tx.dialect.name == "sqlite"
        else "SELECT pg_database_size(current_database())"
    )
    return int(tx.execute(text(query)).scalar_one())


def disk_use_since(tx: Connection, since: datetime) -> list[DiskUse]:
    """All measures from a time on, oldest first."""
    query = select(disk_use).where(disk_use.c.at >= since)
    ordered = query.order_by(disk_use.c.at, disk_use.c.seq)
    return [read_row(DiskUse, row) for row in tx.execute(ordered)]


def trim_disk_use(tx: Connection, before: datetime) -> int:
    """Forget measures of before a time; gives how many."""
    return tx.execute(delete(disk_use).where(disk_use.c.at < before)).rowcount
