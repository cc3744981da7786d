"""The outcome: what a played ledger holds, as plain values for tables and pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from wharf.contracts import Calendar, Feed
from wharf.ledger import Ledger, expected, history, incidents
from wharf.ledger.rows import ExpectedDelivery, Incident, Outgoing, StateEvent, Transition
from wharf.timeliness.calendars import OpenDays
from wharf.watch.rehearse.supplied import Event, Stray


@dataclass(frozen=True)
class Expected:
    """One expected delivery, as it stands at the end."""

    row: ExpectedDelivery
    first_seen_at: datetime | None
    versions: int
    withdrawals: int

    @property
    def came(self) -> bool:
        """Whether a complete delivery was there at some moment."""
        return self.row.complete_at is not None

    @property
    def is_late_by_submission(self) -> bool | None:
        """Whether it was submitted after due; None where nothing complete came."""
        return _is_late(self.row.late_by_submitted_s)

    @property
    def is_late_by_arrival(self) -> bool | None:
        """Whether it arrived after due; None where nothing complete came."""
        return _is_late(self.row.late_by_arrived_s)


@dataclass(frozen=True)
class Change:
    """One recorded change: of a row's state, or in an incident's life."""

    at: datetime
    kind: str
    """`state`, or the incident's kind."""
    feed: str
    period: str
    supplier: str
    action: str
    was: str
    now: str
    level: str
    what: str


@dataclass(frozen=True)
class Outcome:
    """All that a rehearsal found."""

    start: datetime
    until: datetime
    feeds: tuple[Feed, ...]
    days: Mapping[str, OpenDays]
    """Open days of each feed's calendar."""
    expected: tuple[Expected, ...]
    changes: tuple[Change, ...]
    messages: tuple[Outgoing, ...]
    incidents: tuple[Incident, ...]
    strays: tuple[Stray, ...]
    lines: int
    duplicates: int
    unlike: int
    """Lines whose file the contract's path would not have found."""
    first_line_at: datetime | None
    last_line_at: datetime | None
    has_no_channels: bool
    stops: int
    """At how many instants the clock stood."""
    ticks: int
    calendars: Mapping[str, Calendar]


def read_expected(ledger: Ledger, events: Sequence[Event]) -> Iterator[Expected]:
    """Every row, with what the past says of its files."""
    seen: dict[tuple[str, str], list[Event]] = {}
    for event in events:
        if not event.is_done_flag:
            seen.setdefault(event.key, []).append(event)
    with ledger.read() as tx:
        rows = expected.expected_between(tx, "", "9999-12-31")
    for row in rows:
        mine = seen.get((row.feed, row.period), [])
        came = [event for event in mine if not event.line.withdrawn]
        yield Expected(
            row,
            first_seen_at=min((event.at for event in came), default=None),
            versions=len(came),
            withdrawals=len(mine) - len(came),
        )


def read_changes(ledger: Ledger) -> list[Change]:
    """Every change of a state and of an incident, in the order of their instants."""
    with ledger.read() as tx:
        found = [_of_state(*each) for each in history.state_changes(tx)]
        conditions: dict[int, str] = {}
        for incident, step in history.incident_steps(tx):
            was = conditions.get(incident.id, "")
            conditions[incident.id] = now = str(step.detail.get("condition") or step.kind)
            found.append(_of_incident(incident, step, was, now))
    return sorted(found, key=lambda change: change.at)


def read_messages(ledger: Ledger) -> tuple[tuple[Outgoing, ...], tuple[Incident, ...]]:
    """Every message that left, and every incident that was opened."""
    with ledger.read() as tx:
        told = tuple(each for each in incidents.messages(tx) if each.sent_at is not None)
        opened = {incident.id: incident for incident, _ in history.incident_steps(tx)}
    return told, tuple(opened.values())


def why_never_expected(event: Event) -> Stray:
    """Say why no row was ever made for a line's feed and period."""
    feed, period = event.feed, event.period
    first, last = feed.parse_period(feed.active.from_), feed.active.until
    if period.first < first.first:
        told = f"its period {period} is before active.from {first}"
        return Stray(event.line, "before active.from", told)
    if last is not None and period.first > feed.parse_period(last).first:
        told = f"its period {period} is after active.until {last}"
        return Stray(event.line, "after active.until", told)
    told = f"its period {period} opens long after the rehearsal's end"
    return Stray(event.line, "a period of the future", told)


def _of_state(feed: str, period: str, event: StateEvent) -> Change:
    supplier = feed.partition(".")[0]
    was, now = _state(event.was), _state(event.is_)
    return Change(event.at, "state", feed, period, supplier, "change", was, now, "", event.why)


def _of_incident(incident: Incident, step: Transition, was: str, now: str) -> Change:
    return Change(
        at=step.at,
        kind=incident.kind,
        feed=incident.feed,
        period=incident.period,
        supplier=incident.supplier or incident.feed.partition(".")[0],
        action=step.kind,
        was=was,
        now=now,
        level=step.level,
        what=step.what,
    )


def _state(values: object) -> str:
    if not isinstance(values, dict):
        return ""
    told = values.get("timeliness"), values.get("delivery")
    return "/".join(str(each) for each in told) if all(told) else str(values.get("due_at", ""))


def _is_late(seconds: float | None) -> bool | None:
    return None if seconds is None else seconds > 0
