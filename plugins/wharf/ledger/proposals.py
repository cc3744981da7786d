"""Proposals: closed product periods that would come out differently, and what people said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from wharf.ledger.rows import read_row
from wharf.ledger.schema import proposal


@dataclass(frozen=True)
class Proposal:
    """A product period that would come out differently and waits for a person's word."""

    product: str
    period: str
    manifest_id: str
    cause: str
    why: str
    at: datetime
    body: Mapping[str, Any] = field(default_factory=dict)
    verdict: str = ""
    """`accepted`, `declined`, or `outdated` by a later change; empty while it waits."""
    decided_at: datetime | None = None
    decided_by: str = ""
    seq: int = 0


def record_proposal(tx: Connection, row: Proposal) -> Proposal:
    """Append a proposal; the same cause twice gives the one that stands."""
    same = (
        proposal.c.product == row.product,
        proposal.c.period == row.period,
        proposal.c.cause == row.cause,
    )
    stands = tx.execute(select(proposal).where(*same)).first()
    if stands is not None:
        return read_row(Proposal, stands)
    values: dict[str, Any] = asdict(row)
    values.pop("seq")
    made = tx.execute(insert(proposal).values(**values)).inserted_primary_key
    assert made is not None
    return replace(row, seq=int(made[0]))


def find_proposal(tx: Connection, seq: int) -> Proposal | None:
    """One proposal by its number."""
    row = tx.execute(select(proposal).where(proposal.c.seq == seq)).first()
    return read_row(Proposal, row) if row else None


def open_proposals(tx: Connection) -> list[Proposal]:
    """Proposals that nobody has accepted or declined, oldest first."""
    query = select(proposal).where(proposal.c.verdict == "").order_by(proposal.c.seq)
    return [read_row(Proposal, row) for row in tx.execute(query)]


def proposals_of(tx: Connection, product: str, period: str | None = None) -> list[Proposal]:
    """All proposals of a product, and of one period when given, oldest first."""
    query = select(proposal).where(proposal.c.product == product)
    if period is not None:
        query = query.where(proposal.c.period == period)
    return [read_row(Proposal, row) for row in tx.execute(query.order_by(proposal.c.seq))]


def settle_proposal(
    tx: Connection, row: Proposal, verdict: str, by: str, reason: str, now: datetime
) -> bool:
    """Note a person's word on a proposal; False when somebody was faster."""
    values: dict[str, Any] = {
        "verdict": verdict,
        "decided_at": now,
        "decided_by": by,
        "body": {**row.body, "reason": reason},
    }
    waits = update(proposal).where(proposal.c.seq == row.seq, proposal.c.verdict == "")
    return tx.execute(waits.values(**values)).rowcount == 1


def reopen_proposal(tx: Connection, row: Proposal) -> None:
    """Put a proposal before people again that a later change had outdated."""
    gone = update(proposal).where(proposal.c.seq == row.seq, proposal.c.verdict == "outdated")
    tx.execute(gone.values(verdict="", decided_at=None, decided_by=""))
