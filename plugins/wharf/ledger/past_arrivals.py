"""Arrivals of the time before this installation, handed in so that feeds start warm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from wharf.ledger.chunks import chunks
from wharf.ledger.feeds import feed_ids
from wharf.ledger.schema import past_arrival


@dataclass(frozen=True)
class Imported:
    """One past arrival that a person handed in."""

    feed: str
    period: str
    arrived_at: datetime
    submitted_at: datetime | None = None
    origin: str = ""


@dataclass(frozen=True)
class Kept:
    """What became of past arrivals that were handed in."""

    new: int = 0
    changed: int = 0
    known: int = 0

    def __add__(self, other: Kept) -> Kept:
        return Kept(self.new + other.new, self.changed + other.changed, self.known + other.known)


def import_past(tx: Connection, rows: Sequence[Imported]) -> Kept:
    """Keep past arrivals; of one that is known already, the newest import counts."""
    ids = feed_ids(tx, {row.feed for row in rows})
    total = Kept()
    for some in chunks(rows):
        total += _import(tx, some, ids)
    return total


def _import(tx: Connection, rows: Sequence[Imported], ids: Mapping[str, int]) -> Kept:
    given = {(ids[row.feed], row.period): row for row in rows}
    known = {
        (row.feed_id, row.period): row
        for row in tx.execute(
            select(past_arrival).where(
                past_arrival.c.feed_id.in_({key for key, _ in given}),
                past_arrival.c.period.in_({period for _, period in given}),
            )
        )
    }
    new = [_past(key, row) for key, row in given.items() if key not in known]
    changed = [
        {**_past(key, row), "row_seq": known[key].seq}
        for key, row in given.items()
        if key in known
        and (known[key].arrived_at, known[key].submitted_at) != (row.arrived_at, row.submitted_at)
    ]
    if new:
        tx.execute(insert(past_arrival), new)
    if changed:
        names = ("arrived_at", "submitted_at", "origin")
        stored = update(past_arrival).where(past_arrival.c.seq == bindparam("row_seq"))
        tx.execute(
            stored.values({name: bindparam(name) for name in names}),
            [{name: each[name] for name in ("row_seq", *names)} for each in changed],
        )
    return Kept(len(new), len(changed), len(given) - len(new) - len(changed))


def _past(key: tuple[int, str], row: Imported) -> dict[str, Any]:
    return {
        "feed_id": key[0],
        "period": key[1],
        "arrived_at": row.arrived_at,
        "submitted_at": row.submitted_at,
        "origin": row.origin,
    }
