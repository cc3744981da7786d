"""Erasing one batch or one delivered file: the lake's files first, then the ledger's row of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from wharf.lake import Lake, Landing
from wharf.ledger import Ledger, erasures
from wharf.ledger.erasures import QUARANTINE, Erasure, Kind
from wharf.ledger.rows import BatchRow, Delivery


@dataclass(frozen=True)
class Cause:
    """Why something goes."""

    kind: Kind
    by: str
    reason: str
    at: datetime

    @property
    def note(self) -> dict[str, object]:
        """The cause as it lies beside what is gone."""
        return {"kind": self.kind, "by": self.by, "reason": self.reason, "at": self.at.isoformat()}

    @property
    def sentence(self) -> str:
        """The cause in words; it stands beside what is gone."""
        return f"{self.kind} by {self.by} at {self.at.isoformat(timespec='seconds')}: {self.reason}"


def erase_batch(
    lake: Lake,
    ledger: Ledger,
    row: BatchRow,
    cause: Cause,
    *,
    replaced_by: str | None = None,
    rows: int = 0,
) -> Erasure:
    """Delete the files of a batch that readers do not see, for good.

    Args:
        lake: The lake.
        ledger: The ledger.
        row: The batch.
        cause: Why.
        replaced_by: The batch that holds all its other rows, if one does.
        rows: Rows that are gone with it for good.

    Raises:
        LakeError: Readers or a tag see the batch.
    """
    freed = lake.eraser.erase(
        row.table,
        row.period,
        row.batch_id,
        {**cause.note, "replaced_by": replaced_by, "rows": rows},
    )
    erased = Erasure(
        cause.kind, row.table, row.period, cause.at, cause.by, cause.reason,
        batch_id=row.batch_id, replaced_by=replaced_by, rows=rows, bytes=freed,
    )  # fmt: skip
    with ledger.write() as tx:
        erasures.record_erasure(tx, erased)
    return erased


def erase_rows(lake: Lake, ledger: Ledger, row: BatchRow, cause: Cause) -> Erasure:
    """Delete the rows of a batch that were set aside, for good; its other rows stay.

    Args:
        lake: The lake.
        ledger: The ledger.
        row: The batch, read or not.
        cause: Why.
    """
    batch = lake.read_batch(row.table, row.period, row.batch_id)
    freed = lake.eraser.erase_rows(batch, cause.note)
    erased = Erasure(
        cause.kind, row.table, row.period, cause.at, cause.by, cause.reason,
        batch_id=row.batch_id, part=QUARANTINE, rows=row.rows_quarantined, bytes=freed,
    )  # fmt: skip
    with ledger.write() as tx:
        erasures.record_erasure(tx, erased)
    return erased


def erase_delivery(
    landing: Landing, ledger: Ledger, table: str, same: Sequence[Delivery], cause: Cause
) -> Erasure:
    """Delete one landed file for good; every delivery of these bytes loses it.

    Args:
        landing: The landing area.
        ledger: The ledger.
        table: The table that it was read into.
        same: The deliveries whose file it is.
        cause: Why.
    """
    freed = landing.erase(same[0].uri, cause.sentence)
    erased = Erasure(
        cause.kind, table, same[0].period, cause.at, cause.by, cause.reason, bytes=freed
    )
    with ledger.write() as tx:
        for each in same:
            erasures.record_erasure(tx, replace(erased, delivery_seq=each.seq))
    return erased
