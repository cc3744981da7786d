"""Telling: what a delivery's state means for its incidents, in words and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from wharf.timeliness.facts import State
from wharf.timeliness.points import ClockPoints


@dataclass(frozen=True)
class Telling:
    """One thing to say about a delivery."""

    condition: str
    at: datetime | None
    """When it came to be; None is the instant of the evaluation (a person decided it)."""
    what: str
    opens: bool = False
    """Whether it opens an incident where none is open."""
    open_since: datetime | None = None
    """Since when that incident should have been open, if before `at`.

    With `resolves`: since when it should have been open until `at`."""
    opens_again: bool = False
    """Whether it opens an incident where one was resolved before, and nowhere else."""
    resolves: bool = False
    is_quiet: bool = False
    """Whether the level falls to the feed's floor."""
    numbers: Mapping[str, object] = field(default_factory=dict)


def tell_late(feed: str, period: str, points: ClockPoints, state: State, tz: str) -> Telling | None:
    """What the state means for an incident of kind `late`; None when it means nothing."""
    name = f"{feed} {period}"
    numbers = _numbers(points, state)
    if state.timeliness == "NOT_EXPECTED":
        what = f"{name} is not expected any more: {state.reason}"
        return Telling("NOT_EXPECTED", None, what, resolves=True, numbers=numbers)
    if state.delivery == "PUBLISHED" and state.published_at is not None:
        what = f"{name} is published, {_came(state)}"
        since = state.late_at if _alarm_rang(state) else None
        return Telling(
            "PUBLISHED", state.published_at, what, open_since=since, resolves=True, numbers=numbers
        )
    if state.complete_at is not None:
        return _tell_arrived(name, state, numbers)
    due = f"due {_say(state.due_at, tz)}"
    if state.timeliness == "MISSING":
        cutoff = f"by the cut-off {_say(points.cutoff_at, tz)}"
        what = f"{name} is missing: {_so_far(state)} {cutoff}, {due}"
        return Telling("MISSING", points.cutoff_at, what, opens=True, numbers=numbers)
    if state.timeliness == "LATE":
        what = f"{name} is late: {_so_far(state)}, {due}"
        return Telling("LATE", state.late_at, what, opens=True, numbers=numbers)
    if state.timeliness == "AT_RISK" and state.late_at > points.late_at:
        what = f"{name} is promised for {_say(state.late_at, tz)}, {due}"
        return Telling("PROMISED", None, what, is_quiet=True, numbers=numbers)
    return None


def tell_quality(feed: str, period: str, points: ClockPoints, state: State) -> Telling | None:
    """What the state means for an incident of kind `quality`; None when it means nothing."""
    name = f"{feed} {period}"
    problem = state.problem
    numbers = _numbers(points, state)
    if state.timeliness == "NOT_EXPECTED":
        what = f"{name} is not expected any more: {state.reason}"
        return Telling("NOT_EXPECTED", None, what, resolves=True, numbers=numbers)
    if problem is None:
        if state.delivery != "PUBLISHED" or state.published_at is None:
            return None
        what = f"{name} is published: batch {state.batch_id}"
        return Telling("PUBLISHED", state.published_at, what, resolves=True, numbers=numbers)
    why = f": {problem.why}" if problem.why else ""
    subject = f"{problem.subject} was refused"
    if problem.kind == "quarantined":
        subject = f"batch {problem.subject} is in quarantine"
    what = f"{name}: {subject}{why}"
    numbers |= {"problem": problem.kind, "subject": problem.subject, "why": problem.why}
    condition = f"{problem.kind.upper()} {problem.subject} {problem.at.isoformat()}"
    return Telling(condition, problem.at, what, opens=True, numbers=numbers)


def _tell_arrived(name: str, state: State, numbers: Mapping[str, object]) -> Telling:
    """A complete delivery that readers do not see."""
    at, condition, doing = state.complete_at, "ARRIVED", "validating"
    if state.delivery == "QUARANTINED":
        at = state.problem.at if state.problem else at
        condition, doing = "QUARANTINED", "its batch is in quarantine"
    elif state.delivery == "WITHDRAWN":
        condition, doing = "WITHDRAWN", "the supplier took it back"
    elif state.delivery == "COMPLETE" and state.batch_id is not None:
        condition, doing = "ROLLED_BACK", "its batch was rolled back"
    gone = condition in {"ROLLED_BACK", "WITHDRAWN"}
    return Telling(
        condition,
        at,
        f"{name} arrived {_came(state)}; {doing}",
        opens=_alarm_rang(state) and condition != "ROLLED_BACK",
        opens_again=gone,
        open_since=state.late_at,
        numbers=numbers,
    )


def _alarm_rang(state: State) -> bool:
    """Whether it came so late that somebody should have been told."""
    came_at = state.complete_at
    return state.timeliness == "LATE_ARRIVED" and came_at is not None and came_at > state.late_at


def _came(state: State) -> str:
    arrived, submitted = state.late_by_arrival, state.late_by_submission
    if state.late_by is not None:
        return f"{_minutes(state.late_by)} min late"
    if arrived is not None and submitted is not None and arrived > timedelta(0) >= submitted:
        return f"sent in time, arrived {_minutes(arrived)} min late"
    return "in time"


def _so_far(state: State) -> str:
    if state.parts_expected > 1 and state.parts_present:
        return f"{state.parts_present} of {state.parts_expected} parts came"
    return "nothing usable came" if state.delivery == "SEEN" else "nothing came"


def _numbers(points: ClockPoints, state: State) -> dict[str, object]:
    return {
        "timeliness": state.timeliness,
        "delivery": state.delivery,
        "due_at": state.due_at.isoformat(),
        "late_at": state.late_at.isoformat(),
        "cutoff_at": points.cutoff_at.isoformat(),
        "complete_at": state.complete_at.isoformat() if state.complete_at else None,
        "published_at": state.published_at.isoformat() if state.published_at else None,
        "late_by_min": _minutes(state.late_by),
        "late_by_submission_min": _minutes(state.late_by_submission),
        "late_by_arrival_min": _minutes(state.late_by_arrival),
        "published_late_by_min": _minutes(
            state.published_at - state.due_at if state.published_at else None
        ),
        "parts_present": state.parts_present,
        "parts_expected": state.parts_expected,
        "batch_id": state.batch_id,
    }


def _minutes(span: timedelta | None) -> int | None:
    """Whole minutes, rounded down; None for no span."""
    return None if span is None else span // timedelta(minutes=1)


def _say(at: datetime, tz: str) -> str:
    return f"{at.astimezone(ZoneInfo(tz)):%Y-%m-%d %H:%M %Z}"
