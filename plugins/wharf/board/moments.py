"""The instants of a delivery's life, gathered from all that the ledger knows of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from wharf.board.readers import Reader
from wharf.board.timeline import Point, in_order
from wharf.ledger.rows import Arrival, BatchRow, ExpectedDelivery, PublishEvent
from wharf.timeliness.facts import State

_SHOWN_READERS = 3
_TONES = {"PUBLISHED": "on-time", "QUARANTINED": "quarantined"}


def promised_points(row: ExpectedDelivery, state: State) -> list[Point]:
    """The points of the promise; those that fall together with the due time are left out."""
    points = [Point("opens", row.opens_at, "promise", "opens")]
    if row.expected_at and row.expected_at != row.due_at:
        points.append(Point("expected", row.expected_at, "promise", "expected"))
    if row.warn_at not in {row.due_at, row.expected_at}:
        points.append(Point("at risk from", row.warn_at, "promise", "warn"))
    points.append(Point("due", row.due_at, "promise", "due"))
    if row.late_at != row.due_at:
        points.append(Point("late from", row.late_at, "promise", "late"))
    if state.late_at != row.late_at:
        points.append(Point("promised for", state.late_at, "promise", "promised"))
    points.append(Point("missing from", row.cutoff_at, "promise", "cutoff"))
    return points


def happened_points(
    state: State,
    seen: Sequence[Arrival],
    staged: Sequence[BatchRow],
    publishes: Sequence[PublishEvent],
    now: datetime,
) -> list[Point]:
    """What came, what became of it, and the instant of now."""
    points = [Point("now", now, "now", "now")]
    files = [each for each in seen if not each.withdrawn]
    if files:
        points.append(Point("first seen", min(f.first_seen for f in files), "fact", "seen"))
    points += [
        Point("taken back", each.first_seen, "fact", "late") for each in seen if each.withdrawn
    ]
    if state.submitted_at and state.submitted_at != state.complete_at:
        points.append(Point("sent", state.submitted_at, "fact", "seen"))
    if state.complete_at:
        tone = "on-time" if state.complete_at <= state.due_at else "late-arrived"
        points.append(Point("complete", state.complete_at, "fact", tone))
    for batch in staged:
        if batch.status == "QUARANTINED":
            points.append(Point("quarantined", batch.status_at, "fact", "quarantined"))
    points += _published(publishes)
    return _once(points)


def reader_points(readers: Iterable[Reader], last: datetime) -> list[Point]:
    """When the first products decide, as far as that is in sight."""
    near = [each for each in readers if each.decide_at <= last]
    return [
        Point(f"{each.product} decides", each.decide_at, "promise", "decides")
        for each in near[:_SHOWN_READERS]
    ]


def _published(publishes: Sequence[PublishEvent]) -> Iterator[Point]:
    for number, each in enumerate(publishes):
        if not each.batch_id:
            yield Point("emptied", each.at, "fact", "late")
        elif each.action == "rollback":
            yield Point("rolled back", each.at, "fact", "late-arrived")
        else:
            yield Point("published again" if number else "published", each.at, "fact", "on-time")


def _once(points: Iterable[Point]) -> list[Point]:
    """Points in order, each label and instant once."""
    return list({(p.label, p.at): p for p in in_order(points)}.values())
