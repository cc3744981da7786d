"""Backfills: which periods a person had made again, and which of its runs are known."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from wharf.ledger.rows import Run, read_row
from wharf.ledger.schema import backfill, run

_CAUSE = re.compile(r"(?:^|__)backfill-(\d+)$")


@dataclass(frozen=True)
class Backfill:
    """Periods of a feed or product that a person had made again, one run for each."""

    subject: str
    dag_id: str
    first: str
    last: str
    periods: Sequence[str]
    reprocess: str
    follow: str
    """Whether products follow: `none`, `affected` or `all`."""
    by: str
    via: str
    reason: str
    at: datetime
    seq: int = 0

    @property
    def cause(self) -> str:
        """What its runs are started for; part of their ids."""
        return f"backfill-{self.seq}"


def record_backfill(tx: Connection, row: Backfill) -> Backfill:
    """Append a backfill; gives it with its number."""
    values: dict[str, Any] = asdict(row)
    values.pop("seq")
    values["periods"] = list(row.periods)
    made = tx.execute(insert(backfill).values(**values)).inserted_primary_key
    assert made is not None
    return replace(row, seq=int(made[0]))


def find_backfill(tx: Connection, seq: int) -> Backfill | None:
    """One backfill by its number."""
    row = tx.execute(select(backfill).where(backfill.c.seq == seq)).first()
    return read_row(Backfill, row) if row else None


def backfills(tx: Connection, limit: int = 20) -> list[Backfill]:
    """The last backfills, newest first."""
    query = select(backfill).order_by(backfill.c.seq.desc()).limit(limit)
    return [read_row(Backfill, row) for row in tx.execute(query)]


def backfill_of_run(tx: Connection, run_id: str) -> Backfill | None:
    """The backfill that a run belongs to, by the run's id or its cause; None for any other run."""
    found = _CAUSE.search(run_id)
    return find_backfill(tx, int(found[1])) if found else None


def runs_of(tx: Connection, row: Backfill) -> dict[str, Run]:
    """The runs of a backfill that were started, by period."""
    query = select(run).where(run.c.dag_id == row.dag_id, run.c.cause == row.cause)
    return {each.key: read_row(Run, each) for each in tx.execute(query)}
