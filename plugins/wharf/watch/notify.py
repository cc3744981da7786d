"""Recording what incidents do, and queueing what is to be said about it; nothing is sent here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from wharf.contracts.alerts import Routing
from wharf.ledger import Transaction, conversations, decisions, outbox, scorecard
from wharf.ledger import incidents as rows
from wharf.ledger.rows import Incident, Outgoing
from wharf.settings import Settings
from wharf.timeliness import incidents
from wharf.timeliness.inhibition import unwatched_until
from wharf.watch import notices
from wharf.watch.recording import Step, record
from wharf.watch.reminders import next_reminder

_LATE = {"LATE", "MISSING", "LATE_ARRIVED"}


def record_transitions(
    tx: Transaction,
    routing: Routing,
    weighed: Sequence[incidents.Row],
    now: datetime,
    settings: Settings,
) -> int:
    """Decide what is new about incidents, record it, and queue its messages.

    What may yet be told of by a group is held back; `supervise` decides that in the same tick.

    Args:
        tx: The writing transaction in which the states were recorded.
        routing: Which channels hear of what.
        weighed: The expected deliveries that were evaluated.
        now: The instant of the evaluation.
        settings: Name and addresses of the installation.

    Returns:
        How many transitions were recorded.
    """
    known = rows.incidents_for(tx, [(row.feed, row.period) for row in weighed])
    counts = [row for row in weighed if row.page_after_streak is not None]
    weighed = _with_streaks(
        tx, weighed, {(r.feed, r.period) for r in counts if r.state.timeliness in _LATE}
    )
    recent, is_first = decisions.recent_ticks(tx, now)
    found = incidents.decide(
        [_as_decided(each) for each in known],
        weighed,
        now,
        env=settings.env,
        unwatched_until=unwatched_until(recent, now, is_first=is_first),
    )
    _note_blind(tx, weighed, now)
    if not found:
        return 0
    told = {(each.feed, each.period) for each in found if not each.summary}
    weighed = _with_streaks(tx, weighed, told)
    steps = record(tx, found, known, weighed, now, settings)
    _wake_groups(tx, steps, now)
    if settings.sends_outside:
        outbox.queue_messages(tx, _messages(tx, routing, steps, weighed, now, settings))
    _remind(tx, routing, steps, now)
    return len(found)


def _with_streaks(
    tx: Transaction, weighed: Sequence[incidents.Row], wanted: Collection[tuple[str, str]]
) -> list[incidents.Row]:
    """Rows, those wanted with how many periods in a row are late up to them."""
    found = scorecard.streaks(tx, wanted) if wanted else {}
    return [
        replace(row, streak=streak.late, missed=streak.missed)
        if (streak := found.get((row.feed, row.period))) is not None
        else row
        for row in weighed
    ]


def _as_decided(row: Incident) -> incidents.Incident:
    return incidents.Incident(
        key=row.dedup_key,
        kind=row.kind,  # type: ignore[arg-type]
        feed=row.feed,
        period=row.period,
        level=row.level,  # type: ignore[arg-type]
        condition=str(row.detail["condition"]),
        summary=row.summary,
        loudest=row.detail["loudest"],
        resolved_at=row.resolved_at,
    )


def _wake_groups(tx: Transaction, steps: Iterable[Step], now: datetime) -> None:
    """Have `supervise` tell of groups whose members have news."""
    parents = {step.incident.parent_id for step in steps}
    parents |= {step.was.parent_id for step in steps if step.was is not None}
    rows.change_all(tx, [each for each in parents if each is not None], wakes_at=now)


def _note_blind(tx: Transaction, weighed: Sequence[incidents.Row], now: datetime) -> None:
    """Keep with an unreachable connection how badly what lies behind it is needed."""
    blind = [row for row in weighed if row.state.timeliness == "UNKNOWN" and row.notifies]
    loud = [(row, incidents.level_of(row, now)) for row in blind]
    loud = [(row, level) for row, level in loud if level > "L1"]
    if not loud:
        return
    for each in rows.open_of_kind(tx, "connection"):
        needs = {
            f"{row.feed} {row.period}": level
            for row, level in loud
            if row.connection in each.detail["connections"]
        }
        if needs:
            detail = {**each.detail, "needs": {**each.detail.get("needs", {}), **needs}}
            rows.change_incident(tx, each.id, detail=detail, wakes_at=now)


def _messages(
    tx: Transaction,
    routing: Routing,
    steps: Sequence[Step],
    weighed: Sequence[incidents.Row],
    now: datetime,
    settings: Settings,
) -> list[Outgoing]:
    of = {(row.feed, row.period): row for row in weighed}
    ended = {step.incident.id: step for step in steps if step.made.action == "resolve"}
    told = conversations.channels_told(tx, ended)
    outbox.drop_held(tx, ended)
    found: list[Outgoing] = []
    for step in steps:
        each, incident = step.made, step.incident
        if each.action != "resolve" and (each.summary or incident.id in ended):
            continue
        channels = {
            channel.name
            for channel in notices.routed(
                routing, each.kind, each.loudest, [(each.supplier, each.feed)]
            )
        }
        speaks_for_itself = incident.parent_id is None and not incident.detail["waits"]
        if each.action == "resolve":
            # A member of a group, or one that nobody was told of yet, ends where it was told.
            heard = told[incident.id]
            channels = heard | channels if speaks_for_itself and not each.summary else heard
        row = of[each.feed, each.period]
        notice = notices.about_delivery(
            each, row, incident, step.number, settings, _lines(each, incident, settings)
        )
        held = not speaks_for_itself and each.action != "resolve"
        found += notices.outgoing(incident, notice, sorted(channels), now, held=held)
    return found


def _lines(each: incidents.Transition, incident: Incident, settings: Settings) -> Iterable[str]:
    """What a message says beside what happened."""
    if each.kind == "late" and each.condition == "QUARANTINED":
        yield f"see incident {incidents.dedup_key(settings.env, 'quality', each.feed, each.period)}"
    if each.action == "resolve" and incident.detail.get("ending"):
        yield incident.detail["ending"]
        yield from incident.detail["made_without"]


def _remind(tx: Transaction, routing: Routing, steps: Sequence[Step], now: datetime) -> None:
    """Have open incidents that were told of looked at again when a reminder is due."""
    changes: dict[int, dict[str, Any]] = {}
    for step in steps:
        incident = step.incident
        speaks = incident.parent_id is None and not incident.detail["waits"]
        if incident.resolved_at is None and speaks and not incident.summary:
            changes[incident.id] = {"wakes_at": next_reminder(routing, incident, now)}
    rows.change_each(tx, changes)
