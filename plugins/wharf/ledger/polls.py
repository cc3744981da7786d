"""How the last looks at all connections went, read by index alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Subquery, func, select
from sqlalchemy.sql.selectable import CTE, ScalarSelect

from wharf.ledger.chunks import chunks
from wharf.ledger.rows import Poll, read_row
from wharf.ledger.schema import poll
from wharf.timeliness.inhibition import Looks


def last_looks(tx: Connection) -> list[Looks]:
    """How the last looks at each connection went, by its name."""
    found = tx.execute(select(_ends())).all()
    seqs = sorted({seq for row in found for seq in (row.last, row.before, row.failed) if seq})
    rows: dict[int, Poll] = {}
    for some in chunks(seqs):
        for each in tx.execute(select(poll).where(poll.c.seq.in_(some))):
            rows[each.seq] = read_row(Poll, each)
    return [
        Looks(
            connection=row.connection,
            last_at=rows[row.last].at,
            failing_since=rows[row.failed].at if row.failed else None,
            error=rows[row.last].error,
            good_in_a_row=_good_in_a_row(rows[row.last], rows.get(row.before or 0)),
        )
        for row in found
    ]


def spans_of(tx: Connection, connections: Iterable[str]) -> dict[str, list[Poll]]:
    """By connection the last good look, and of the failed ones after it the first and the last."""
    found: dict[str, list[Poll]] = {name: [] for name in connections}
    ends = tx.execute(select(_ends())).all()
    seqs = {
        seq
        for row in ends
        if row.connection in found
        for seq in (row.good, row.failed, row.last)
        if seq
    }
    for some in chunks(sorted(seqs)):
        for each in tx.execute(select(poll).where(poll.c.seq.in_(some)).order_by(poll.c.seq)):
            found[each.connection].append(read_row(Poll, each))
    return found


def _good_in_a_row(last: Poll, before: Poll | None) -> int:
    """How many of the last two looks were good; the first look of all counts twice."""
    if not last.ok:
        return 0
    return 2 if before is None or before.ok else 1


def _ends() -> Subquery:
    """The last look at each connection, the one before it, and the first failed of those since."""
    names = _names()
    last = _edge(func.max, names)
    good = _edge(func.max, names, lambda here: here.c.ok)
    before = _edge(func.max, names, lambda here: here.c.seq < last)
    failed = _edge(func.min, names, lambda here: here.c.seq > func.coalesce(good, 0))
    return (
        select(
            names.c.connection,
            last.label("last"),
            good.label("good"),
            before.label("before"),
            failed.label("failed"),
        )
        .where(names.c.connection.is_not(None))
        .order_by(names.c.connection)
        .subquery()
    )


def _edge(
    end: Any, names: CTE, where: Callable[[Any], ColumnElement[bool]] | None = None
) -> ScalarSelect[Any]:
    """The first or last look at the connection in hand."""
    here = poll.alias()
    terms = () if where is None else (where(here),)
    query = select(end(here.c.seq)).where(here.c.connection == names.c.connection, *terms)
    return query.correlate(names).scalar_subquery()


def _names() -> CTE:
    """Every connection that was ever looked at, found by stepping through the index."""
    names = select(func.min(poll.c.connection).label("connection")).cte("names", recursive=True)
    after = select(func.min(poll.c.connection)).where(poll.c.connection > names.c.connection)
    step = select(after.correlate(names).scalar_subquery()).where(names.c.connection.is_not(None))
    return names.union_all(step)
