"""Recording what incidents do, and queueing what is to be said about it; nothing is sent here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from wharf.contracts.alerts import Routing
from wharf.ledger import Transaction, conversations, decisions, outbox, scorecard
from wharf.ledger import incidents as rows
from wharf.ledger.rows import Incident, Outgoing, Transition
from wharf.settings import Settings
from wharf.timeliness import incidents
from wharf.timeliness.inhibition import unwatched_until
from wharf.watch import fallbacks, notices
from wharf.watch.reminders import next_reminder

_LATE = {"LATE", "MISSING", "LATE_ARRIVED"}


@dataclass(frozen=True)
class _Step:
    """A transition with the incident as it is after it, and before."""

    made: incidents.Transition
    was: Incident | None
    incident: Incident
    number: int = 0


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
    weighed = _with_streaks(tx, weighed, known)
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
    steps = _record(tx, found, known, weighed, now, settings)
    _wake_groups(tx, steps, now)
    if settings.sends_outside:
        outbox.queue_messages(tx, _messages(tx, routing, steps, weighed, now, settings))
    _remind(tx, routing, steps, now)
    return len(found)


def _with_streaks(
    tx: Transaction, weighed: Sequence[incidents.Row], known: Sequence[Incident]
) -> list[incidents.Row]:
    """Rows with how many periods in a row are late, where that may be told or counts."""
    told = {(each.feed, each.period) for each in known if each.resolved_at is None}
    wanted = [
        (row.feed, row.period)
        for row in weighed
        if (row.feed, row.period) in told or row.state.timeliness in _LATE
    ]
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


def _record(
    tx: Transaction,
    found: Sequence[incidents.Transition],
    known: Sequence[Incident],
    weighed: Sequence[incidents.Row],
    now: datetime,
    settings: Settings,
) -> list[_Step]:
    """Write incidents and transitions; gives them with their numbers."""
    of = {(row.feed, row.period): row for row in weighed}
    last = {(each.kind, each.feed, each.period): each for each in known}
    old_news = _old_news_group(tx, found, now, settings.env)
    new: list[tuple[tuple[str, str, str], Incident]] = []
    for each in found:
        key = (each.kind, each.feed, each.period)
        if each.action == "open" and not each.opens_again:
            new.append((key, _opened(each, of[each.feed, each.period], old_news, now)))
    made = rows.open_all(tx, [incident for _, incident in new])
    fresh = {key: incident for (key, _), incident in zip(new, made, strict=True)}
    steps: list[_Step] = []
    changes: dict[int, dict[str, Any]] = {}
    for each in found:
        key = (each.kind, each.feed, each.period)
        was = last.get(key)
        if each.action == "open" and not each.opens_again:
            last[key] = fresh[key]
            steps.append(_Step(each, None, fresh[key]))
            continue
        assert was is not None
        values = _changed(each, was, of[each.feed, each.period], old_news, now)
        changes[was.id] = values
        last[key] = replace(was, **values)
        steps.append(_Step(each, was, last[key]))
    rows.change_each(tx, changes)
    numbered = rows.append_transitions(tx, [_transition(step) for step in steps])
    return [replace(s, number=n.number) for s, n in zip(steps, numbered, strict=True)]


def _opened(
    each: incidents.Transition, row: incidents.Row, old_news: Incident | None, now: datetime
) -> Incident:
    waits = each.kind == "late" and not each.summary
    return Incident(
        feed=each.feed,
        period=each.period,
        kind=each.kind,
        dedup_key=each.key,
        level=each.level,
        opened_at=each.at,
        what=each.what,
        summary=each.summary,
        detail=_detail(each, row, now, waits),
        supplier=each.supplier,
        parent_id=old_news.id if each.summary and old_news else None,
        wakes_at=now if waits else None,
    )


def _changed(
    each: incidents.Transition,
    was: Incident,
    row: incidents.Row,
    old_news: Incident | None,
    now: datetime,
) -> dict[str, Any]:
    """What a transition changes about its incident."""
    leaves_summary = was.summary and not each.summary and each.action != "resolve"
    waits = bool(was.detail.get("waits"))
    if each.opens_again or leaves_summary:
        waits = each.kind == "late" and not each.summary
    values: dict[str, Any] = {
        "level": each.level,
        "what": each.what,
        "detail": _detail(each, row, now, waits, was),
        "resolved_at": now if each.action == "resolve" else None,
        "summary": each.summary if each.opens_again or leaves_summary else was.summary,
        "wakes_at": None if each.action == "resolve" else now if waits else was.wakes_at,
        "parent_id": was.parent_id,
    }
    if each.opens_again or leaves_summary:
        values["parent_id"] = None
    if each.summary and old_news is not None and values["parent_id"] is None:
        values["parent_id"] = old_news.id
    return values


def _detail(
    each: incidents.Transition,
    row: incidents.Row,
    now: datetime,
    waits: bool,
    was: Incident | None = None,
) -> dict[str, Any]:
    noticed_at = was.detail.get("noticed_at") if was and not each.opens_again else None
    return {
        **each.numbers,
        "condition": each.condition,
        "loudest": each.loudest,
        "connection": row.connection,
        "groups": row.groups,
        "waits": waits,
        "noticed_at": noticed_at or now.isoformat(),
        "told_at": now.isoformat(),
    }


def _transition(step: _Step) -> Transition:
    each = step.made
    return Transition(
        step.incident.id, 0, each.at, each.action, each.level, each.what, dict(each.numbers)
    )


def _old_news_group(
    tx: Transaction, found: Sequence[incidents.Transition], now: datetime, env: str
) -> Incident | None:
    """The summary that old news goes into: the one that is being collected, else a new one."""
    if not any(each.summary and each.action in {"open", "raise"} for each in found):
        return None
    for each in reversed(rows.open_of_kind(tx, "summary")):
        if each.detail.get("waits"):
            return each
    opened = Incident(
        feed="",
        period="",
        kind="summary",
        dedup_key=incidents.dedup_key(env, "summary", f"{now:%Y%m%dT%H%M%S%fZ}"),
        level="L0",
        opened_at=now,
        what="caught up",
        detail={"condition": "", "loudest": "L0", "waits": True},
        wakes_at=now,
    )
    return rows.open_incident(tx, opened)


def _wake_groups(tx: Transaction, steps: Iterable[_Step], now: datetime) -> None:
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
    steps: Sequence[_Step],
    weighed: Sequence[incidents.Row],
    now: datetime,
    settings: Settings,
) -> list[Outgoing]:
    of = {(row.feed, row.period): row for row in weighed}
    ended = {step.incident.id: step for step in steps if step.made.action == "resolve"}
    told = conversations.channels_told(tx, ended)
    outbox.drop_held(tx, ended)
    late = [step for step in ended.values() if step.made.kind == "late"]
    more = fallbacks.made_without(
        tx, [(step.incident, of[step.made.feed, step.made.period]) for step in late]
    )
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
        lines = more.get(incident.id, ()) if each.action == "resolve" else ()
        notice = notices.about_delivery(each, row, incident, step.number, settings, lines)
        held = not speaks_for_itself and each.action != "resolve"
        found += notices.outgoing(incident, notice, sorted(channels), now, held=held)
    return found


def _remind(tx: Transaction, routing: Routing, steps: Sequence[_Step], now: datetime) -> None:
    """Have open incidents that were told of looked at again when a reminder is due."""
    changes: dict[int, dict[str, Any]] = {}
    for step in steps:
        incident = step.incident
        speaks = incident.parent_id is None and not incident.detail["waits"]
        if incident.resolved_at is None and speaks and not incident.summary:
            changes[incident.id] = {"wakes_at": next_reminder(routing, incident, now)}
    rows.change_each(tx, changes)
