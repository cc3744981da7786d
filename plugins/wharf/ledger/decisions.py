"""What people decided, and which runs are known."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, insert, or_, select

from wharf.ledger.feeds import feed_id
from wharf.ledger.rows import Decision, Run, Tick, read_row
from wharf.ledger.schema import decision, feed, run, tick


def record_decision(tx: Connection, row: Decision) -> None:
    """Append one decision of a person."""
    values: dict[str, Any] = asdict(row)
    values["feed_id"] = feed_id(tx, values.pop("feed"))
    values.pop("seq")
    tx.execute(insert(decision).values(**values))


def decisions_of(tx: Connection, feed_name: str, period: str | None = None) -> list[Decision]:
    """Decisions about a feed, and about one of its periods when given, oldest first."""
    query = _select().where(feed.c.name == feed_name)
    if period is not None:
        query = query.where(or_(decision.c.period == period, decision.c.period.is_(None)))
    return [read_row(Decision, row) for row in tx.execute(query.order_by(decision.c.seq))]


def record_run(tx: Connection, dag_id: str, key: str, cause: str, now: datetime) -> bool:
    """Note that a run exists for a key and cause; False when that was known."""
    known = select(run.c.seq).where(run.c.dag_id == dag_id, run.c.key == key, run.c.cause == cause)
    if tx.execute(known).first():
        return False
    tx.execute(insert(run).values(dag_id=dag_id, key=key, cause=cause, at=now))
    return True


def runs_known(tx: Connection) -> list[Run]:
    """All runs the ledger knows of."""
    return [read_row(Run, row) for row in tx.execute(select(run).order_by(run.c.seq))]


def record_tick(tx: Connection, row: Tick) -> None:
    """Append a heartbeat of look or tick."""
    values: dict[str, Any] = asdict(row)
    values.pop("seq")
    tx.execute(insert(tick).values(**values))


def last_tick(tx: Connection, kind: str) -> Tick | None:
    """The last heartbeat of look or tick."""
    query = select(tick).where(tick.c.kind == kind).order_by(tick.c.seq.desc()).limit(1)
    row = tx.execute(query).first()
    return read_row(Tick, row) if row else None


def _select() -> Select[Any]:
    return select(decision, feed.c.name.label("feed")).join(feed, feed.c.id == decision.c.feed_id)
