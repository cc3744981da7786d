"""Decisions in words and as JSON, the same on the board, the command line and REST."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from wharf.ledger import decisions
from wharf.ledger.rows import Decision

Status = Literal["in force", "waits for a second person", "carried out", "ended", "taken back"]
VERBS = {
    "ack": "takes care of it",
    "snooze": "wants to hear nothing of it",
    "waive": "waived",
    "promise": "noted a promise",
    "suspend": "suspended the feed",
    "accept_partial": "accepted the parts that are there",
    "use_last_good": "allowed an earlier batch",
    "force_publish": "published against the rules",
    "mark_duplicate": "marked a file as a duplicate",
    "mark_restatement": "marked a file as a new version",
    "maintenance": "set a maintenance window",
    "hand_in": "handed in a file",
    "replay": "had it read again",
    "discard": "discarded a batch",
    "export": "exported hidden values",
    "retire": "retired the feed",
}


def status(row: Decision, now: datetime) -> Status:
    """How a decision stands."""
    if row.revoked_at is not None and row.revoked_at <= now:
        return "taken back"
    if row.detail.get("carried_out_at") or row.kind.startswith(("mark_", "hand_in", "export")):
        return "carried out"
    if not decisions.goes_on(row, now):
        return "ended"
    return "waits for a second person" if row.detail.get("needs_second") else "in force"


def subject(row: Decision) -> str:
    """What a decision is about."""
    if row.first is not None:
        return f"{row.feed} {row.first} to {row.last}"
    return f"{row.feed} {row.period}" if row.period else row.feed


def sentence(row: Decision, now: datetime) -> str:
    """A decision in one line: who, what, about what, until when, why, and how it stands."""
    until = f" until {row.until:%Y-%m-%d %H:%M} UTC" if row.until else ""
    more = f" ({_more(row)})" if _more(row) else ""
    return (
        f"{row.by} {VERBS.get(row.kind, row.kind)}: {subject(row)}{more}{until}; {row.reason} "
        f"[{status(row, now)}]"
    )


def describe(row: Decision, now: datetime) -> dict[str, Any]:
    """A decision as a JSON object."""
    return {
        "decision": row.seq,
        "kind": row.kind,
        "feed": row.feed,
        "period": row.period,
        "first": row.first,
        "last": row.last,
        "until": row.until.isoformat() if row.until else None,
        "reason": row.reason,
        "by": row.by,
        "at": row.at.isoformat(),
        "status": status(row, now),
        "revoked_by": row.revoked_by or None,
        "revoked_at": row.revoked_at.isoformat() if row.revoked_at else None,
        "detail": dict(row.detail),
    }


def _more(row: Decision) -> str:
    """What only this kind of decision says."""
    said = row.detail
    told = {
        "use_last_good": f"{said.get('consumer')}, at most {said.get('max_age')} old",
        "force_publish": f"batch {said.get('batch_id')}",
        "mark_duplicate": f"delivery {said.get('delivery')}",
        "mark_restatement": f"delivery {said.get('delivery')}",
        "hand_in": f"sha256 {said.get('sha256')}",
        "replay": _corrected(row),
        "discard": f"batch {said.get('batch_id')}",
        "export": f"batch {said.get('batch_id')}, {said.get('rows')} rows",
        "maintenance": f"{said.get('scope')}, from {said.get('since')}",
    }.get(row.kind, "")
    if said.get("approved_by"):
        told += f", approved by {said['approved_by']}"
    if row.revoked_at:
        told += f", taken back by {row.revoked_by}: {said.get('revoked_because', '')}"
    return told.lstrip(", ")


def _corrected(row: Decision) -> str:
    """How many rows a correction is about; nothing where only the contract changed."""
    said = row.detail
    if "sha256" not in said:
        return f"batch {said['batch_id']}" if "batch_id" in said else "under the contract of then"
    left_out = f", {said['dropped']} left out" if said.get("dropped") else ""
    return f"{said.get('rows')} rows corrected{left_out}, sha256 {said['sha256']}"
