"""The versions of one period of a feed: what was delivered, what was made of it, what is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from wharf.contracts import Feed
from wharf.errors import PublishRefused
from wharf.ledger import Transaction, batches, deliveries
from wharf.ledger.rows import BatchRow, Delivery

SHOWN = (
    "seq", "part", "version", "verdict", "reverts_to", "same_as_period", "path", "size", "sha256",
    "submitted_at", "arrived_at", "landed_at", "outcome", "reason",
)  # fmt: skip


@dataclass(frozen=True)
class Version:
    """One delivered file, and the batches that were made of it."""

    delivery: Delivery
    batches: tuple[str, ...]
    is_current: bool
    """Whether it is what counts of its part now."""

    def describe(self) -> Mapping[str, Any]:
        """The version as a JSON object."""
        said = asdict(self.delivery)
        return {
            "delivery": said["seq"],
            **{name: said[name] for name in SHOWN[1:]},
            "is_current": self.is_current,
            "batches": list(self.batches),
        }


@dataclass(frozen=True)
class Versions:
    """All versions of one period, oldest first."""

    feed: str
    period: str
    deliveries: tuple[Version, ...]
    batches: tuple[BatchRow, ...]
    read_now: str | None

    def describe(self) -> Mapping[str, Any]:
        """All of it as a JSON object."""
        return {
            "feed": self.feed,
            "period": self.period,
            "read_now": self.read_now,
            "deliveries": [each.describe() for each in self.deliveries],
            "batches": [
                {
                    "batch_id": row.batch_id, "status": row.status, "version": row.version,
                    "rows_in_file": row.rows_in_file, "rows_staged": row.rows_staged,
                    "rows_quarantined": row.rows_quarantined, "staged_at": row.staged_at,
                    "deliveries": made_of(row), "fixes": len(row.origin.get("fixes", ())),
                }
                for row in self.batches
            ],
        }  # fmt: skip


def made_of(row: BatchRow) -> list[int]:
    """Numbers of the deliveries that a batch was made of."""
    return [int(each["delivery"]) for each in row.origin.get("deliveries", ())]


def versions_of(tx: Transaction, feed: Feed, period: str) -> Versions:
    """Read the versions of one period of a feed."""
    rows = batches.batches_for(tx, feed.feed, period)
    current = {each.seq for each in deliveries.current_versions(tx, feed.feed, period).values()}
    return Versions(
        feed.feed,
        period,
        tuple(
            Version(
                each,
                tuple(row.batch_id for row in rows if each.seq in made_of(row)),
                each.seq in current,
            )
            for each in deliveries.deliveries_of(tx, feed.feed, period)
        ),
        tuple(rows),
        batches.current(tx, feed.table, period, period).get(period),
    )


def pair_to_compare(found: Versions, was: str = "", now: str = "") -> tuple[BatchRow, BatchRow]:
    """The two batches that are to be compared.

    Args:
        found: The versions.
        was: A batch id, or a version's number; the batch before the other by default.
        now: The same; what is read now by default, else the newest.

    Raises:
        PublishRefused: There is no such batch; the message lists those there are.
    """
    later = _named(found, now) if now else _newest(found)
    if was:
        return _named(found, was), later
    before = [row for row in found.batches if row.seq < later.seq]
    if not before:
        raise PublishRefused(
            f"{found.feed} {found.period}: nothing was made before batch {later.batch_id}"
        )
    return before[-1], later


def _newest(found: Versions) -> BatchRow:
    rows: Sequence[BatchRow] = [b for b in found.batches if b.batch_id == found.read_now]
    if not (rows or found.batches):
        raise PublishRefused(f"{found.feed} {found.period}: no batch was made yet")
    return (rows or found.batches)[-1]


def _named(found: Versions, text: str) -> BatchRow:
    by_id = [row for row in found.batches if row.batch_id == text]
    # The last batch of a version: an earlier one was read under another contract, or not corrected.
    by_number = [row for row in found.batches if str(row.version) == text]
    if rows := by_id or by_number:
        return rows[-1]
    choices = ", ".join(f"{row.version} ({row.batch_id})" for row in found.batches) or "none yet"
    raise PublishRefused(
        f"{found.feed} {found.period} has no batch or version {text!r}; there are: {choices}"
    )
