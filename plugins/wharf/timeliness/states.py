"""States: the one pure function that says what an expected delivery is, as of an instant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from wharf.timeliness.completeness import Completeness, completeness
from wharf.timeliness.facts import (
    BatchFact,
    DecisionFact,
    DeliveryState,
    Facts,
    PollFact,
    Problem,
    State,
    Timeliness,
)

_VALIDATING = {"STAGED", "AUDITED"}
_PAUSES = {"suspend": "feed suspended", "maintenance": "maintenance window set"}
_ENDING = {"waive", "ack", "snooze", "accept_partial"}
_BLIND_AFTER = timedelta(minutes=10)


def evaluate(facts: Facts, now: datetime) -> State:
    """What an expected delivery is.

    Args:
        facts: All that is known, in any order; what became known after `now` is not used.
        now: The instant to evaluate.

    Returns:
        The state. Until `next_change_at` it stays as it is unless a fact is added.
    """
    known = facts.known_at(now)
    whole = completeness(known, now)
    batches = _latest(known)
    published = max(
        (b for b in batches if b.status == "PUBLISHED"), key=lambda b: b.at, default=None
    )
    complete_at, submitted_at = _decided(known, whole)
    late_at = _late_at(known)
    delivery, told = _delivery(known, whole, batches, published)
    judged = submitted_at if known.judge_by == "submission" else complete_at
    timeliness, reason = _timeliness(known, now, judged, late_at)
    due_at = known.points.due_at
    came_late = timeliness == "LATE_ARRIVED" and judged is not None
    newest = published or (batches[-1] if batches else None)
    return State(
        timeliness=timeliness,
        delivery=delivery,
        reason="; ".join(text for text in (reason, told) if text),
        due_at=due_at,
        late_at=late_at,
        late_by=judged - due_at if judged is not None and came_late else None,
        late_by_submission=submitted_at - due_at if submitted_at else None,
        late_by_arrival=complete_at - due_at if complete_at else None,
        complete_at=complete_at,
        submitted_at=submitted_at,
        published_at=published.at if published else None,
        batch_id=newest.batch_id if newest else None,
        parts_present=len(whole.present),
        parts_expected=len(known.parts),
        recovered=came_late and judged is not None and judged >= known.points.cutoff_at,
        unexpected=timeliness == "NOT_EXPECTED" and (whole.is_seen or published is not None),
        problem=_problem(whole, batches, published),
        acked_until=_in_force(known, "ack", now),
        snoozed_until=_in_force(known, "snooze", now),
        next_change_at=_next_change(facts, known, whole, now, complete_at, late_at),
    )


def _latest(known: Facts) -> list[BatchFact]:
    """The last status of each batch, the most recently changed one last."""
    last = {batch.batch_id: batch for batch in known.batches}
    return sorted(last.values(), key=lambda batch: (batch.at, batch.batch_id))


def _decided(known: Facts, whole: Completeness) -> tuple[datetime | None, datetime | None]:
    """When a complete delivery had arrived, and when it was submitted.

    What was published without one (parts accepted by a person, a table written by hand) counts
    from its first publication.
    """
    if whole.complete_at is not None or whole.was_reopened:
        return whole.complete_at, whole.submitted_at
    first = min((b.at for b in known.batches if b.status == "PUBLISHED"), default=None)
    return first, first


def _timeliness(
    known: Facts, now: datetime, judged: datetime | None, late_at: datetime
) -> tuple[Timeliness, str]:
    if excuse := _not_expected(known, now):
        return "NOT_EXPECTED", excuse
    points = known.points
    if judged is not None:
        how = "submitted" if known.judge_by == "submission" else "arrived"
        when = f"{how} {_say(judged, known)}, due {_say(points.due_at, known)}"
        return ("ON_TIME" if judged <= points.due_at else "LATE_ARRIVED"), when
    due = f"due {_say(points.due_at, known)}{_promised(known, late_at)}"
    due += f" ({points.remark})" if points.remark else ""
    warn_at = min(points.warn_at, known.usual_by or points.warn_at)
    claims: list[tuple[datetime, Timeliness, str]] = [
        (points.cutoff_at, "MISSING", f"cut-off was {_say(points.cutoff_at, known)}"),
        (late_at, "LATE", f"not complete, {due}"),
        (
            max(warn_at, points.opens_at),
            "AT_RISK",
            f"not complete yet{_unusual(known, now)}, {due}",
        ),
        (points.opens_at, "DUE", f"open since {_say(points.opens_at, known)}, {due}"),
    ]
    blind = blind_since(known.polls, known.look_every)
    for since, state, reason in claims:
        if now >= since and blind is not None and blind <= since:
            return "UNKNOWN", f"our looks at the source fail since {_say(blind, known)}; {due}"
        if now >= since:
            return state, reason + _unwatched(known, since, state)
    return "SCHEDULED", f"opens {_say(points.opens_at, known)}, {due}"


def _unusual(known: Facts, now: datetime) -> str:
    """A remark when it usually is there by now."""
    if known.usual_by is None or now < known.usual_by:
        return ""
    return f", later than usual ({_say(known.usual_by, known)})"


def _not_expected(known: Facts, now: datetime) -> str:
    """Why nothing is expected; empty when something is."""
    if not known.expected:
        return known.not_expected_because or "not expected by the calendar"
    waived = _waiver(known, now)
    if waived is not None:
        return f"waived by {waived.by or 'a person'}: {waived.reason}"
    for each in known.decisions:
        if each.kind in _PAUSES and _falls_due_within(known, each):
            return f"{_PAUSES[each.kind]} by {each.by or 'a person'}: {each.reason}"
    return ""


def _falls_due_within(known: Facts, pause: DecisionFact) -> bool:
    since, ends = pause.since or pause.at, pause.until
    return since <= known.points.due_at and (ends is None or known.points.due_at < ends)


def _waiver(known: Facts, now: datetime) -> DecisionFact | None:
    """The last waiver that holds; one that outlasts the cut-off holds for good."""
    standing = [
        d
        for d in known.decisions
        if d.kind == "waive"
        and (d.until is None or now < d.until or known.points.cutoff_at <= d.until)
    ]
    return standing[-1] if standing else None


def _in_force(known: Facts, kind: str, now: datetime) -> datetime | None:
    """Until when the last decision of a kind goes on; None where none does."""
    made = [d.until for d in known.decisions if d.kind == kind and d.until is not None]
    return made[-1] if made and now < made[-1] else None


def _late_at(known: Facts) -> datetime:
    """When the alarm rings: a promise may put it off, and never moves due."""
    promised = [d.until for d in known.decisions if d.kind == "promise" and d.until]
    return max([known.points.late_at, *promised[-1:]])


def _promised(known: Facts, late_at: datetime) -> str:
    if late_at == known.points.late_at:
        return ""
    return f", promised for {_say(late_at, known)}"


def blind_since(polls: Sequence[PollFact], look_every: timedelta) -> datetime | None:
    """Since when all looks failed, if that is longer than two looks and ten minutes.

    Args:
        polls: As in `Facts`, oldest first.
        look_every: How often the source is looked at.
    """
    failed: list[datetime] = []
    for poll in reversed(polls):
        if poll.ok:
            break
        failed.append(poll.at)
    limit = max(2 * look_every, _BLIND_AFTER)
    return failed[-1] if failed and failed[0] - failed[-1] > limit else None


def _unwatched(known: Facts, since: datetime, state: Timeliness) -> str:
    """A remark when nobody looked at the source after a claim began to hold."""
    if state not in {"LATE", "MISSING"} or any(poll.at >= since for poll in known.polls):
        return ""
    if not known.polls:
        return "; nobody looked at the source"
    return f"; nobody looked at the source since {_say(known.polls[-1].at, known)}"


def _delivery(
    known: Facts, whole: Completeness, batches: list[BatchFact], published: BatchFact | None
) -> tuple[DeliveryState, str]:
    if published is not None:
        return "PUBLISHED", f"batch {published.batch_id} is published"
    newest = batches[-1] if batches else None
    if newest is not None and newest.status in _VALIDATING:
        return "VALIDATING", f"batch {newest.batch_id} is {newest.status.lower()}"
    if newest is not None and newest.status == "QUARANTINED":
        why = f": {newest.why}" if newest.why else ""
        return "QUARANTINED", f"batch {newest.batch_id} is in quarantine{why}"
    if newest is not None and newest.status == "SUPERSEDED":
        return "SUPERSEDED", f"batch {newest.batch_id} was superseded"
    rolled_back = f"batch {newest.batch_id} was rolled back" if newest is not None else ""
    state, told = _arrived(known, whole)
    return state, "; ".join(text for text in (told, rolled_back) if text)


def _arrived(known: Facts, whole: Completeness) -> tuple[DeliveryState, str]:
    """How far the files themselves are, with nothing staged."""
    missing = [part for part in known.parts if part not in whole.present]
    if whole.is_withdrawn:
        return "WITHDRAWN", "the supplier took the files back"
    if whole.complete_at is not None:
        return "COMPLETE", _how_accepted(known, whole)
    if not whole.is_seen:
        return "NONE", ""
    if not whole.present:
        return "SEEN", _why_not_usable(known, whole)
    told = f"{len(whole.present)} of {len(known.parts)} parts"
    if missing:
        told += f", missing {', '.join(missing)}"
    return "PARTIAL", told if missing else f"{told}, the done-flag is missing"


def _how_accepted(known: Facts, whole: Completeness) -> str:
    if not whole.accepted_by:
        return ""
    there = f"{len(whole.present)} of {len(known.parts)} parts"
    return f"{there}, accepted as they are by {whole.accepted_by}"


def _why_not_usable(known: Facts, whole: Completeness) -> str:
    current = [fact for fact in known.arrivals if fact.seq in whole.current]
    if all(fact.is_done_flag for fact in current):
        return "only the done-flag is there"
    if any(fact.refused for fact in current):
        because = next((f.refused_because for f in current if f.refused_because), "")
        return "what came was refused" + (f": {because}" if because else "")
    if any(fact.size < known.min_bytes for fact in current if not fact.is_done_flag):
        return f"what came has fewer than {known.min_bytes} bytes"
    return "seen, and not yet stable"


def _problem(
    whole: Completeness, batches: list[BatchFact], published: BatchFact | None
) -> Problem | None:
    """The newest refused file or quarantined batch that no later publication has put right."""
    found = [
        Problem("quarantined", batch.batch_id, batch.at, batch.why)
        for batch in batches
        if batch.status == "QUARANTINED" and (published is None or batch.at > published.at)
    ]
    for fact in whole.refused:
        at = fact.refused_at or fact.first_seen
        if published is None or (fact.seq in whole.current and at > published.at):
            found.append(Problem("refused", fact.path, at, fact.refused_because))
    return max(found, key=lambda each: (each.at, each.kind, each.subject), default=None)


def _next_change(
    facts: Facts,
    known: Facts,
    whole: Completeness,
    now: datetime,
    complete_at: datetime | None,
    late_at: datetime,
) -> datetime | None:
    def candidates() -> Iterator[datetime]:
        yield from facts.instants()
        yield from whole.settles_at
        for decision in known.decisions:
            if decision.kind in _ENDING and decision.until is not None:
                yield decision.until
        if complete_at is None and known.expected:
            points = known.points
            yield from (points.opens_at, points.warn_at, late_at, points.cutoff_at)
            if known.usual_by is not None:
                yield known.usual_by

    return min((at for at in candidates() if at > now), default=None)


def _say(at: datetime, known: Facts) -> str:
    return f"{at.astimezone(ZoneInfo(known.tz)):%Y-%m-%d %H:%M %Z}"
