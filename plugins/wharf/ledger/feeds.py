"""Feeds by surrogate id, so that a rename carries history along."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, insert, select, update

from wharf.ledger.schema import feed


def feed_id(tx: Connection, name: str) -> int:
    """The id of a feed, made on first mention (needs a writing transaction then)."""
    found = find_feed(tx, name)
    if found is not None:
        return found
    made = tx.execute(insert(feed).values(name=name)).inserted_primary_key
    assert made is not None
    return int(made[0])


def feed_ids(tx: Connection, names: Iterable[str]) -> dict[str, int]:
    """The ids of feeds by name, made on first mention (needs a writing transaction then)."""
    wanted = set(names)
    found = {r.name: r.id for r in tx.execute(select(feed.c.name, feed.c.id)) if r.name in wanted}
    return found | {name: feed_id(tx, name) for name in sorted(wanted - set(found))}


def find_feed(tx: Connection, name: str) -> int | None:
    """The id of a feed, or None when the ledger never heard of it."""
    return tx.execute(select(feed.c.id).where(feed.c.name == name)).scalar()


def rename_feed(tx: Connection, name: str, formerly: Sequence[str]) -> None:
    """Let a feed take over the history of its former name, once."""
    if find_feed(tx, name) is None:
        for old in formerly:
            if tx.execute(update(feed).where(feed.c.name == old).values(name=name)).rowcount:
                return


def feed_names(tx: Connection) -> list[str]:
    """Names of all feeds the ledger knows, sorted."""
    return list(tx.execute(select(feed.c.name).order_by(feed.c.name)).scalars())
