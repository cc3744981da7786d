"""Corrections of quarantined rows: decisions that come with a file, in force until taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from wharf.ledger.decisions import decisions_of
from wharf.ledger.rows import Decision, Delivery

REPLAY = "replay"
"""The kind of these decisions."""


@dataclass(frozen=True)
class FixedFile:
    """A file of corrected rows, and the delivered files that it is about."""

    decision: int
    sha256: str
    uri: str
    name: str
    by: str
    reason: str
    at: datetime
    paths: Mapping[str, str]
    """What a delivered file was called when it was corrected -> what it is called now."""

    def describe(self) -> Mapping[str, object]:
        """Where corrected rows come from, for the audit trail."""
        return {
            "decision": self.decision, "sha256": self.sha256, "name": self.name, "uri": self.uri,
            "by": self.by, "reason": self.reason, "at": self.at.isoformat(),
        }  # fmt: skip


def fixes_for(
    tx: Connection, feed: str, period: str, current: Sequence[Delivery]
) -> list[FixedFile]:
    """Corrections in force of the rows of some delivered files, oldest first.

    A correction is about bytes: it holds again when a supplier returns to them, and no longer
    when other bytes came.
    """
    now = {(each.part, each.sha256): each.path for each in current}
    found = []
    for row in decisions_of(tx, feed, period):
        holds = row.kind == REPLAY and row.revoked_at is None and "uri" in row.detail
        if holds and (paths := _paths(row, now)):
            found.append(_fixed_file(row, paths))
    return found


def _paths(row: Decision, now: Mapping[tuple[str, str], str]) -> dict[str, str]:
    files = row.detail.get("files", ())
    return {
        str(each["path"]): now[str(each["part"]), str(each["sha256"])]
        for each in files
        if (str(each["part"]), str(each["sha256"])) in now
    }


def _fixed_file(row: Decision, paths: Mapping[str, str]) -> FixedFile:
    said = row.detail
    return FixedFile(
        row.seq, str(said["sha256"]), str(said["uri"]), str(said["name"]),
        row.by, row.reason, row.at, paths,
    )  # fmt: skip
