"""Deliveries: what was landed, its version and verdict, and how reading it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy import Connection, Select, and_, insert, select, update

from wharf.ledger.chunks import chunks
from wharf.ledger.feeds import feed_id
from wharf.ledger.rows import Arrival, Delivery, read_row
from wharf.ledger.schema import delivery, expected_delivery, feed


@dataclass(frozen=True)
class Verdict:
    """What a file is among the versions of its feed, period and part."""

    name: str
    version: int
    reverts_to: int | None = None


def verdict_of(known: Sequence[Delivery], sha256: str) -> Verdict:
    """Compare bytes with the deliveries of the same feed, period and part, oldest first."""
    versions = [each for each in known if each.verdict != "DUPLICATE"]
    if not versions:
        return Verdict("NEW", 1)
    if versions[-1].sha256 == sha256:
        return Verdict("DUPLICATE", versions[-1].version)
    before = [each.version for each in versions if each.sha256 == sha256]
    return Verdict("RESTATEMENT", versions[-1].version + 1, before[-1] if before else None)


def current_versions(tx: Connection, feed_name: str, period: str) -> dict[str, Delivery]:
    """The version that counts now, by part."""
    known = deliveries_of(tx, feed_name, period)
    return {each.part: each for each in known if each.verdict != "DUPLICATE"}


def record_landed(
    tx: Connection, arrival: Arrival, *, uri: str, size: int, sha256: str, now: datetime
) -> Delivery:
    """Append the delivery that an arrival became in the landing area, with its verdict.

    A delivery of a rebuilt ledger is no new version when its file is seen again at the source: it
    gets that arrival, and what is given says DUPLICATE.
    """
    known = deliveries_of(tx, arrival.feed, arrival.period)
    if (again := _seen_again(known, arrival, sha256)) is not None:
        return _take_arrival(tx, again, arrival)
    elsewhere = periods_with_bytes(tx, arrival.feed, sha256)
    others = [period for period in elsewhere if period != arrival.period]
    verdict = verdict_of([each for each in known if each.part == arrival.part], sha256)
    row = Delivery(
        feed=arrival.feed,
        period=arrival.period,
        part=arrival.part,
        verdict=verdict.name,
        version=verdict.version,
        reverts_to=verdict.reverts_to,
        same_as_period=others[-1] if others else None,
        arrival_seq=arrival.seq,
        path=arrival.path,
        uri=uri,
        size=size,
        sha256=sha256,
        submitted_at=arrival.source_ts,
        arrived_at=arrival.first_seen,
        landed_at=now,
    )
    return record_delivery(tx, row)


def _seen_again(known: Sequence[Delivery], arrival: Arrival, sha256: str) -> Delivery | None:
    """The rebuilt delivery, without an arrival so far, that this file is.

    Only the newest of its name: older bytes under the same name are a revert.
    """
    name = PurePosixPath(arrival.path).name
    named = [
        row for row in known if row.part == arrival.part and PurePosixPath(row.path).name == name
    ]
    if named and named[-1].arrival_seq < 0 and named[-1].sha256 == sha256:
        return named[-1]
    return None


def _take_arrival(tx: Connection, row: Delivery, arrival: Arrival) -> Delivery:
    values = {
        "arrival_seq": arrival.seq,
        "path": arrival.path,
        "submitted_at": arrival.source_ts,
    }
    tx.execute(update(delivery).where(delivery.c.seq == row.seq).values(**values))
    return replace(
        row,
        verdict="DUPLICATE",
        arrival_seq=arrival.seq,
        path=arrival.path,
        submitted_at=arrival.source_ts,
    )


def record_delivery(tx: Connection, row: Delivery) -> Delivery:
    """Append one landed file; the same arrival twice gives the row that stands."""
    for stands in deliveries_of(tx, row.feed, row.period):
        if (stands.part, stands.arrival_seq) == (row.part, row.arrival_seq):
            return stands
    values: dict[str, Any] = asdict(row)
    values["feed_id"] = feed_id(tx, values.pop("feed"))
    values.pop("seq")
    made = tx.execute(insert(delivery).values(**values)).inserted_primary_key
    assert made is not None
    return Delivery(**{**asdict(row), "seq": int(made[0])})


def set_outcome(tx: Connection, seq: int, outcome: str, reason: str = "") -> None:
    """Say how reading a landed file ended: loaded, quarantined or refused."""
    tx.execute(update(delivery).where(delivery.c.seq == seq).values(outcome=outcome, reason=reason))


def delivery_by_seq(tx: Connection, seq: int) -> Delivery | None:
    """One landed file by its number."""
    row = tx.execute(_select().where(delivery.c.seq == seq)).first()
    return read_row(Delivery, row) if row else None


def set_verdict(tx: Connection, row: Delivery) -> None:
    """Store the verdict and version of a landed file, as a person corrected them."""
    values = {"verdict": row.verdict, "version": row.version, "outcome": "", "reason": ""}
    tx.execute(update(delivery).where(delivery.c.seq == row.seq).values(**values))


def deliveries_of(tx: Connection, feed_name: str, period: str) -> list[Delivery]:
    """All landed files of one feed and period, oldest first."""
    query = _select().where(feed.c.name == feed_name, delivery.c.period == period)
    return [read_row(Delivery, row) for row in tx.execute(query.order_by(delivery.c.seq))]


def deliveries_for(tx: Connection, ids: Sequence[int]) -> dict[int, list[Delivery]]:
    """All landed files of some expected deliveries, oldest first, by the delivery's id."""
    found: dict[int, list[Delivery]] = {}
    for some in chunks(ids):
        query = (
            select(expected_delivery.c.id, feed.c.name.label("feed"), delivery)
            .join(
                delivery,
                and_(
                    delivery.c.feed_id == expected_delivery.c.feed_id,
                    delivery.c.period == expected_delivery.c.period,
                ),
            )
            .join(feed, feed.c.id == expected_delivery.c.feed_id)
            .where(expected_delivery.c.id.in_(some))
            .order_by(delivery.c.seq)
        )
        for row in tx.execute(query):
            found.setdefault(row.id, []).append(read_row(Delivery, row))
    return found


def deliveries_by_period(tx: Connection, feed_name: str) -> dict[str, list[Delivery]]:
    """All landed files of one feed by period, oldest first."""
    found: dict[str, list[Delivery]] = {}
    for row in tx.execute(_select().where(feed.c.name == feed_name).order_by(delivery.c.seq)):
        found.setdefault(row.period, []).append(read_row(Delivery, row))
    return found


def periods_with_bytes(tx: Connection, feed_name: str, sha256: str) -> list[str]:
    """Periods of a feed in which these bytes were delivered before."""
    query = (
        select(delivery.c.period)
        .join(feed, feed.c.id == delivery.c.feed_id)
        .where(feed.c.name == feed_name, delivery.c.sha256 == sha256)
        .distinct()
        .order_by(delivery.c.period)
    )
    return list(tx.execute(query).scalars())


def describe(each: Delivery) -> Mapping[str, object]:
    """A landed file as the record of a batch names it."""
    return {
        "part": each.part, "path": each.path, "version": each.version, "verdict": each.verdict,
        "reverts_to": each.reverts_to, "sha256": each.sha256, "delivery": each.seq,
    }  # fmt: skip


def _select() -> Select[Any]:
    return select(delivery, feed.c.name.label("feed")).join(feed, feed.c.id == delivery.c.feed_id)
