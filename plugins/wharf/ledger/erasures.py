"""What was erased on purpose, when, by whom and why: the rows outlive what they tell of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, and_, insert, select

from wharf.ledger.chunks import chunks
from wharf.ledger.rows import read_row
from wharf.ledger.schema import erasure

Kind = Literal["retention", "forget"]
QUARANTINE = "quarantine"
"""Names the part of a batch that was set aside."""


@dataclass(frozen=True)
class Erasure:
    """The files of one batch, its rows set aside, or one delivered file, that are gone."""

    kind: Kind
    """`retention`: its time was over. `forget`: rows of a person had to go."""
    table: str
    period: str
    at: datetime
    by: str
    reason: str
    batch_id: str | None = None
    delivery_seq: int | None = None
    part: str = ""
    """`quarantine` where only the rows set aside are gone; empty for the whole batch."""
    replaced_by: str | None = None
    """The batch that holds all other rows; None when nothing does."""
    rows: int = 0
    """Rows that are gone for good."""
    bytes: int = 0
    seq: int = 0


def record_erasure(tx: Connection, row: Erasure) -> None:
    """Append an erasure; a second time for the same batch or delivery changes nothing."""
    what = (
        erasure.c.delivery_seq == row.delivery_seq
        if row.batch_id is None
        else and_(erasure.c.batch_id == row.batch_id, erasure.c.part == row.part)
    )
    if tx.execute(select(erasure.c.seq).where(what)).first():
        return
    values: dict[str, Any] = asdict(row)
    values.pop("seq")
    tx.execute(insert(erasure).values(**values))


def erasures(tx: Connection, table: str | None = None) -> list[Erasure]:
    """All erasures, or those of one table, oldest first."""
    query = select(erasure).order_by(erasure.c.seq)
    if table is not None:
        query = query.where(erasure.c.table == table)
    return [read_row(Erasure, row) for row in tx.execute(query)]


def erased_batches(tx: Connection, table: str, part: str = "") -> set[str]:
    """Batches of a table whose files are gone, or one part of them."""
    query = select(erasure.c.batch_id).where(erasure.c.table == table, erasure.c.part == part)
    return {each for each in tx.execute(query).scalars() if each}


def erased_deliveries(tx: Connection, seqs: Iterable[int]) -> set[int]:
    """Which of some deliveries have no file any more."""
    found: set[int] = set()
    for some in chunks(list(seqs)):
        query = select(erasure.c.delivery_seq).where(erasure.c.delivery_seq.in_(some))
        found.update(each for each in tx.execute(query).scalars() if each is not None)
    return found
