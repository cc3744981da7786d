"""Messages that failed for good: another channel is told which one does not work."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from wharf.ledger import Transaction
from wharf.ledger import incidents as rows
from wharf.ledger.rows import Incident
from wharf.timeliness.incidents import OPENS_AGAIN_WITHIN, dedup_key

_LONGEST_ERROR = 300


def note_failure(tx: Transaction, channel: str, env: str, error: str, now: datetime) -> None:
    """Open the incident of a channel, or count one more message to it that failed for good."""
    key = dedup_key(env, "channel", channel)
    last = rows.last_incident(tx, key)
    if last is not None and last.resolved_at is None:
        count = int(last.detail["failed"]) + 1
        rows.change_incident(tx, last.id, detail={**last.detail, "failed": count})
        return
    told = " ".join(error.split())[:_LONGEST_ERROR]
    detail: dict[str, Any] = {
        "condition": "",
        "loudest": "L1",
        "waits": False,
        "told_at": now.isoformat(),
        "channel": channel,
        "failed": 1,
        "about": f"a message to channel {channel} failed for good: {told}",
    }
    if last is not None and last.resolved_at and now - last.resolved_at <= OPENS_AGAIN_WITHIN:
        rows.change_incident(tx, last.id, resolved_at=None, detail=detail, wakes_at=now)
        return
    rows.open_incident(
        tx,
        Incident(
            feed="",
            period="",
            kind="channel",
            dedup_key=key,
            level="L1",
            opened_at=now,
            what=detail["about"],
            detail=detail,
            wakes_at=now,
        ),
    )


def note_success(tx: Transaction, channel: str, env: str, now: datetime) -> None:
    """Have the incident of a channel end: it took a message again."""
    last = rows.last_incident(tx, dedup_key(env, "channel", channel))
    if last is not None and last.resolved_at is None and not last.detail.get("answers"):
        rows.change_incident(tx, last.id, detail={**last.detail, "answers": True}, wakes_at=now)
