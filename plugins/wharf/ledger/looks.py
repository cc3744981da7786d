"""How the looks at each connection go: the last one, and since when they fail."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from wharf.ledger.schema import arrival, poll


@dataclass(frozen=True)
class Sight:
    """How we see one connection."""

    connection: str
    at: datetime
    """The last look."""
    ok: bool
    error: str = ""
    good_at: datetime | None = None
    """The last look that did not fail; None where there was none."""


def sights(tx: Connection, connections: Iterable[str]) -> dict[str, Sight]:
    """How the last look at each of these connections went; none where nobody looked yet."""
    found = {}
    for name in connections:
        own = poll.c.connection == name
        query = select(poll.c.at, poll.c.ok, poll.c.error).where(own)
        last = tx.execute(query.order_by(poll.c.seq.desc()).limit(1)).first()
        if last is None:
            continue
        good = last.at
        if not last.ok:
            seq = select(func.max(poll.c.seq)).where(own, poll.c.ok.is_(True)).scalar_subquery()
            good = tx.execute(select(poll.c.at).where(poll.c.seq == seq)).scalar()
        found[name] = Sight(name, last.at, last.ok, "" if last.ok else last.error, good)
    return found


def detection_delays(tx: Connection, count: int = 1000) -> list[float]:
    """Seconds that the newest files lay at their source before we saw them.

    Files that lay there before our first look say nothing of us and are left out.
    """
    began = tx.execute(select(poll.c.at).order_by(poll.c.seq).limit(1)).scalar()
    query = select(arrival.c.first_seen, arrival.c.source_ts).where(
        arrival.c.is_done_flag.is_(False), arrival.c.withdrawn.is_(False)
    )
    newest = tx.execute(query.order_by(arrival.c.seq.desc()).limit(count))
    return [
        max((seen - sent).total_seconds(), 0.0)
        for seen, sent in newest
        if began is not None and sent is not None and sent >= began
    ]
