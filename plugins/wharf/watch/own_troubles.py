"""What is wrong with ourselves: a channel that takes no messages, a component that is silent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from wharf.ledger import Ledger, Transaction
from wharf.ledger import incidents as rows
from wharf.ledger.rows import Incident
from wharf.timeliness.incidents import OPENS_AGAIN_WITHIN, dedup_key

SILENT_AFTER = timedelta(minutes=3)
_LONGEST_ERROR = 300
Kind = Literal["channel", "component"]


def note_failure(tx: Transaction, channel: str, env: str, error: str, now: datetime) -> None:
    """Open the incident of a channel, or count one more message to it that failed for good."""
    told = " ".join(error.split())[:_LONGEST_ERROR]
    about = f"a message to channel {channel} failed for good: {told}"
    _begin(tx, "channel", channel, about, env, now)


def note_success(tx: Transaction, channel: str, env: str, now: datetime) -> None:
    """Have the incident of a channel end: it took a message again."""
    _end(tx, "channel", channel, f"channel {channel} takes messages again", env, now)


def note_components(
    ledger: Ledger, beats: Mapping[str, datetime | None], env: str, now: datetime
) -> list[str]:
    """Open or end the incidents of Airflow's components by their heartbeats.

    Runs wait in a triggerer that has died, and DAGs stay as they were without a processor; Airflow
    itself calls both healthy for a while.

    Args:
        ledger: The ledger.
        beats: When each component gave its last sign of life; None is no component of this place.
        env: Name of the installation.
        now: The instant.

    Returns:
        A line for each silent component.
    """
    silent = {
        name: f"Airflow's {name} gave no sign of life since {beat:%Y-%m-%d %H:%M:%S} UTC"
        for name, beat in beats.items()
        if beat is not None and now - beat > SILENT_AFTER
    }
    with ledger.read() as tx:
        ill = {each for each in beats if _stands(tx, "component", each, env)}
    if silent or ill:
        with ledger.write() as tx:
            for name in sorted(set(silent) - ill):
                about = f"{silent[name]}; restart it"
                _begin(tx, "component", name, about, env, now)
            for name in sorted(ill - set(silent)):
                _end(tx, "component", name, f"Airflow's {name} is back", env, now)
    return sorted(silent.values())


def _begin(tx: Transaction, kind: Kind, subject: str, about: str, env: str, now: datetime) -> None:
    key = dedup_key(env, kind, subject)
    last = rows.last_incident(tx, key)
    if last is not None and last.resolved_at is None:
        count = int(last.detail["failed"]) + 1
        rows.change_incident(tx, last.id, detail={**last.detail, "failed": count})
        return
    detail: dict[str, Any] = {
        "condition": "",
        "loudest": "L1",
        "waits": False,
        "told_at": now.isoformat(),
        kind: subject,
        "failed": 1,
        "about": about,
    }
    if last is not None and last.resolved_at and now - last.resolved_at <= OPENS_AGAIN_WITHIN:
        rows.change_incident(tx, last.id, resolved_at=None, detail=detail, wakes_at=now)
        return
    rows.open_incident(
        tx,
        Incident(
            feed="",
            period="",
            kind=kind,
            dedup_key=key,
            level="L1",
            opened_at=now,
            what=about,
            detail=detail,
            wakes_at=now,
        ),
    )


def _end(tx: Transaction, kind: Kind, subject: str, ended: str, env: str, now: datetime) -> None:
    last = _stands(tx, kind, subject, env)
    if last is not None and not last.detail.get("ended"):
        rows.change_incident(tx, last.id, detail={**last.detail, "ended": ended}, wakes_at=now)


def _stands(tx: Transaction, kind: Kind, subject: str, env: str) -> Incident | None:
    last = rows.last_incident(tx, dedup_key(env, kind, subject))
    return last if last is not None and last.resolved_at is None else None
