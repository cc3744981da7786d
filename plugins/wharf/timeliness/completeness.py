"""Completeness: from which moment on all parts of a delivery were there at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from wharf.timeliness.facts import ArrivalFact, DecisionFact, Facts


@dataclass(frozen=True)
class Span:
    """How long one usable version of a file was what its path held."""

    fact: ArrivalFact
    start: datetime
    end: datetime | None

    def covers(self, moment: datetime) -> bool:
        """Whether the version was there at a moment."""
        return self.start <= moment and (self.end is None or moment < self.end)


@dataclass(frozen=True)
class Completeness:
    """What the arrivals known at one instant amount to."""

    complete_at: datetime | None
    submitted_at: datetime | None
    present: frozenset[str]
    is_seen: bool
    """Some file is there, usable or not."""
    is_withdrawn: bool
    """Files were there, and all are gone."""
    was_reopened: bool
    """A withdrawal before due took back a complete delivery."""
    settles_at: tuple[datetime, ...]
    """When files now there will have been stable for long enough, by the clock."""
    refused: tuple[ArrivalFact, ...]
    current: frozenset[int]
    """Sequence numbers of what each path holds now."""
    accepted_by: str = ""
    """Who took the parts that were there for the whole; empty where all came first."""


def completeness(known: Facts, now: datetime) -> Completeness:
    """Weigh the arrivals known at an instant.

    Args:
        known: Facts of `Facts.known_at(now)`.
        now: That instant.
    """
    paths: dict[tuple[bool, str], list[ArrivalFact]] = {}
    for fact in known.arrivals:
        paths.setdefault((fact.is_done_flag, fact.path), []).append(fact)
    current = [versions[-1] for versions in paths.values()]
    spans = [span for versions in paths.values() for span in _spans(versions, known, now)]
    decided, reopened = _first_whole_moment(spans, known)
    accepted = _accepted(spans, known, now)
    is_accepted = accepted is not None and (decided is None or accepted.at < decided)
    decided = accepted.at if accepted is not None and is_accepted else decided
    present = {span.fact.part for span in spans if _is_part(span) and span.covers(now)}
    return Completeness(
        complete_at=decided,
        submitted_at=None if decided is None else _submitted(spans, known, decided),
        present=frozenset(present & set(known.parts)),
        is_seen=any(not fact.withdrawn for fact in current),
        is_withdrawn=bool(current) and all(fact.withdrawn for fact in current),
        was_reopened=reopened,
        settles_at=tuple(
            fact.first_seen + known.stable_for for fact in current if not fact.withdrawn
        ),
        refused=tuple(fact for fact in known.arrivals if fact.refused),
        current=frozenset(fact.seq for fact in current),
        accepted_by=(accepted.by or "a person") if accepted is not None and is_accepted else "",
    )


def _spans(versions: list[ArrivalFact], known: Facts, now: datetime) -> list[Span]:
    spans = []
    for fact, following in zip(versions, [*versions[1:], None], strict=True):
        end = following.first_seen if following else None
        if _is_usable(fact, known) and _is_settled(fact, end, known, now):
            spans.append(Span(fact, fact.arrived_at, end))
    return spans


def _is_usable(fact: ArrivalFact, known: Facts) -> bool:
    if fact.withdrawn or fact.refused:
        return False
    return fact.is_done_flag or fact.size >= known.min_bytes


def _is_settled(fact: ArrivalFact, end: datetime | None, known: Facts, now: datetime) -> bool:
    """Whether a version is known to have stayed as it is for long enough.

    A good look after `stable_for` must have shown it unchanged; where no looks are given at all,
    the clock decides. A file that its own time calls old enough needs no second look.
    """
    if not known.stable_for or fact.is_done_flag:
        return True
    if fact.source_ts and fact.first_seen - fact.source_ts >= known.stable_for:
        return True
    since = fact.first_seen + known.stable_for
    if end is not None:
        return since <= end
    if not known.polls:
        return since <= now
    return any(poll.ok and poll.at >= since for poll in known.polls)


def _first_whole_moment(spans: list[Span], known: Facts) -> tuple[datetime | None, bool]:
    """The moment that decides timeliness for good, and whether an earlier one was taken back."""
    gone = [
        fact.first_seen
        for fact in known.arrivals
        if fact.withdrawn and fact.first_seen < known.points.due_at
    ]
    reopened = False
    after: datetime | None = None
    for moment in sorted({span.start for span in spans}):
        if (after and moment <= after) or not _is_whole(spans, known, moment):
            continue
        taken_back = [at for at in gone if at > moment and not _is_whole(spans, known, at)]
        if not taken_back:
            return moment, reopened
        reopened, after = True, min(taken_back)
    return None, reopened


def _accepted(spans: list[Span], known: Facts, now: datetime) -> DecisionFact | None:
    """The first acceptance of the parts there, if it stands: readers saw them, or it goes on."""
    for each in known.decisions:
        if each.kind != "accept_partial":
            continue
        shown = any(
            batch.status in {"PUBLISHED", "SUPERSEDED"} and each.at <= batch.at
            for batch in known.batches
        )
        has_part = any(_is_part(span) and span.covers(each.at) for span in spans)
        if has_part and (shown or each.until is None or now < each.until):
            return each
    return None


def _is_whole(spans: list[Span], known: Facts, moment: datetime) -> bool:
    there = [span for span in spans if span.covers(moment)]
    parts = {span.fact.part for span in there if _is_part(span)}
    flag = not known.needs_done_flag or any(span.fact.is_done_flag for span in there)
    return flag and parts >= set(known.parts)


def _submitted(spans: list[Span], known: Facts, moment: datetime) -> datetime:
    """When the last of what made a moment whole was submitted."""
    earliest: dict[tuple[bool, str], datetime] = {}
    for span in spans:
        if not span.covers(moment) or (span.fact.is_done_flag and not known.needs_done_flag):
            continue
        key = (span.fact.is_done_flag, "" if span.fact.is_done_flag else span.fact.part)
        at = span.fact.submitted_at
        earliest[key] = min(earliest.get(key, at), at)
    return max(earliest.values())


def _is_part(span: Span) -> bool:
    return not span.fact.is_done_flag
