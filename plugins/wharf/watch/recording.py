"""Writing what was decided about incidents: new ones, changed ones, and their transitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from wharf.ledger import Transaction
from wharf.ledger import incidents as rows
from wharf.ledger.rows import Incident, Transition
from wharf.settings import Settings
from wharf.timeliness import incidents
from wharf.watch import fallbacks


@dataclass(frozen=True)
class Step:
    """A transition with the incident as it is after it, and before."""

    made: incidents.Transition
    was: Incident | None
    incident: Incident
    number: int = 0


def record(
    tx: Transaction,
    found: Sequence[incidents.Transition],
    known: Sequence[Incident],
    weighed: Sequence[incidents.Row],
    now: datetime,
    settings: Settings,
) -> list[Step]:
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
    ends = _endings(tx, found, of)
    steps: list[Step] = []
    changes: dict[int, dict[str, Any]] = {}
    for each in found:
        key = (each.kind, each.feed, each.period)
        was = last.get(key)
        if each.action == "open" and not each.opens_again:
            last[key] = fresh[key]
            steps.append(Step(each, None, fresh[key]))
            continue
        assert was is not None
        values = _changed(each, was, of[each.feed, each.period], old_news, now)
        ending = ends.get((each.feed, each.period)) if each.kind == "late" else None
        if ending is not None and each.action == "resolve":
            values["detail"] |= {"ending": ending.sentence, "made_without": list(ending.lines)}
        changes[was.id] = values
        last[key] = replace(was, **values)
        steps.append(Step(each, was, last[key]))
    rows.change_each(tx, changes)
    numbered = rows.append_transitions(tx, [_transition(step) for step in steps])
    return [replace(s, number=n.number) for s, n in zip(steps, numbered, strict=True)]


def _endings(
    tx: Transaction,
    found: Sequence[incidents.Transition],
    of: Mapping[tuple[str, str], incidents.Row],
) -> dict[tuple[str, str], fallbacks.Ending]:
    over = {(e.feed, e.period) for e in found if e.kind == "late" and e.condition == "PUBLISHED"}
    return fallbacks.endings(tx, [of[pair] for pair in sorted(over)]) if over else {}


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


def _transition(step: Step) -> Transition:
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
