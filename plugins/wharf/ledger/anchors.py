"""Anchors: consumers that read one batch or release, whatever is published or rolled back."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, or_, select, update

from wharf.ledger.rows import read_row
from wharf.ledger.schema import anchor


@dataclass(frozen=True)
class Anchor:
    """One consumer bound to one batch of a table, or to one release of a product."""

    consumer: str
    table: str
    by: str
    reason: str
    at: datetime
    until: datetime
    period: str | None = None
    """The consumer's period it holds for; None for all from the batch's own on."""
    batch_id: str | None = None
    release_seq: int | None = None
    revoked_at: datetime | None = None
    revoked_by: str = ""
    seq: int = 0


def record_anchor(tx: Connection, row: Anchor) -> Anchor:
    """Append an anchor; gives it with its number."""
    values: dict[str, Any] = asdict(row)
    values.pop("seq")
    made = tx.execute(insert(anchor).values(**values)).inserted_primary_key
    assert made is not None
    return replace(row, seq=int(made[0]))


def find_anchor(tx: Connection, seq: int) -> Anchor | None:
    """One anchor by its number."""
    row = tx.execute(select(anchor).where(anchor.c.seq == seq)).first()
    return read_row(Anchor, row) if row else None


def anchors(
    tx: Connection, in_force_at: datetime | None = None, consumer: str | None = None
) -> list[Anchor]:
    """Anchors of all consumers or of one, oldest first; only those in force when asked for."""
    query = select(anchor)
    if consumer is not None:
        query = query.where(anchor.c.consumer == consumer)
    if in_force_at is not None:
        lasts = or_(anchor.c.until.is_(None), anchor.c.until > in_force_at)
        query = query.where(lasts, anchor.c.revoked_at.is_(None))
    return [read_row(Anchor, row) for row in tx.execute(query.order_by(anchor.c.seq))]


def revoke_anchor(tx: Connection, row: Anchor, by: str, now: datetime) -> bool:
    """Take an anchor back; False when somebody was faster. It stays in the list."""
    still = update(anchor).where(anchor.c.seq == row.seq, anchor.c.revoked_at.is_(None))
    return tx.execute(still.values(revoked_at=now, revoked_by=by)).rowcount == 1
