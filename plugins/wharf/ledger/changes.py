"""What happened since somebody looked last that may change what a product reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Select, func, insert, select, update

from wharf.ledger.schema import bookmark, decision, feed, manifest, publish_event, release

Kind = Literal["publish", "release", "decision", "manifest"]
Marks = Mapping[str, int]
"""The last sequence number seen, by kind of change."""
_SEQ: Mapping[Kind, Any] = {
    "publish": publish_event.c.seq,
    "release": release.c.seq,
    "decision": decision.c.seq,
    "manifest": manifest.c.seq,
}
AT_ONCE = 5000


@dataclass(frozen=True)
class Change:
    """One thing that happened; a rollback is a publish or a release of its own."""

    kind: Kind
    name: str
    """The table that was published to, the product, or the feed decided about."""
    period: str | None
    """Its period; None where a decision is about more than one."""
    at: datetime
    by: str = ""
    """The run or person, as noted."""
    batch_id: str | None = None


def newest(tx: Connection) -> dict[str, int]:
    """The newest sequence number of each kind: four look-ups at an index's end."""
    query = select(*(select(func.max(seq)).scalar_subquery() for seq in _SEQ.values()))
    return {kind: seq or 0 for kind, seq in zip(_SEQ, tx.execute(query).one(), strict=True)}


def bookmarks(tx: Connection, reader: str) -> dict[str, int] | None:
    """How far a reader has come; None for one that never set a bookmark."""
    names = {f"{reader}:{kind}": kind for kind in _SEQ}
    query = select(bookmark.c.name, bookmark.c.seq).where(bookmark.c.name.in_(names))
    found = {names[row.name]: row.seq for row in tx.execute(query)}
    return {kind: found.get(kind, 0) for kind in _SEQ} if found else None


def set_bookmarks(tx: Connection, reader: str, marks: Marks) -> None:
    """Note how far a reader has come."""
    for kind, seq in marks.items():
        name = f"{reader}:{kind}"
        moved = update(bookmark).where(bookmark.c.name == name).values(seq=seq)
        if tx.execute(moved).rowcount == 0:
            tx.execute(insert(bookmark).values(name=name, seq=seq))


def changes_since(
    tx: Connection, since: Marks, at_once: int = AT_ONCE
) -> tuple[list[Change], dict[str, int]]:
    """Changes after a reader's bookmarks, some thousands of each kind at most.

    Returns:
        The changes, and the marks that they reach.
    """
    found: list[Change] = []
    upto = newest(tx)
    for kind, seq in _SEQ.items():
        if upto[kind] <= since[kind]:
            continue
        some = list(
            _read(tx, kind, _QUERY[kind].where(seq > since[kind]).order_by(seq).limit(at_once))
        )
        found += [change for change, _ in some]
        if len(some) == at_once:
            upto[kind] = some[-1][1]
    return found, upto


_QUERY: Mapping[Kind, Select[Any]] = {
    "publish": select(
        publish_event.c.seq,
        publish_event.c.table.label("name"),
        publish_event.c.period,
        publish_event.c.at,
        publish_event.c.by,
        publish_event.c.batch_id,
    ),
    "release": select(
        release.c.seq,
        release.c.product.label("name"),
        release.c.period,
        release.c.at,
        release.c.by,
        release.c.manifest_id.label("batch_id"),
    ),
    "decision": select(
        decision.c.seq,
        feed.c.name.label("name"),
        decision.c.period,
        decision.c.at,
        decision.c.by,
    ).join(feed, feed.c.id == decision.c.feed_id),
    "manifest": select(
        manifest.c.seq,
        manifest.c.product.label("name"),
        manifest.c.period,
        manifest.c.created_at.label("at"),
        manifest.c.run_id.label("by"),
    ),
}


def _read(tx: Connection, kind: Kind, query: Select[Any]) -> Iterator[tuple[Change, int]]:
    for row in tx.execute(query):
        batch_id = row.batch_id if kind in {"publish", "release"} else None
        yield Change(kind, row.name, row.period, row.at, row.by, batch_id), row.seq
