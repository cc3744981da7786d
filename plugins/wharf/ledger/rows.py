"""The ledger's rows as frozen values; field names are the columns' names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import Row as SqlRow

RowT = TypeVar("RowT")


def read_row(kind: type[RowT], row: SqlRow[Any]) -> RowT:
    """Build a value from a result row, by column name."""
    return kind(**{name: row[place] for name, place in _places(kind, row._fields)})  # type: ignore[arg-type]


@lru_cache(maxsize=256)
def _places(kind: type[Any], columns: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    """Which columns of a result a value is made of; asked anew for each row it would cost most."""
    place = {name: number for number, name in enumerate(columns)}
    return tuple((f.name, place[f.name]) for f in fields(kind) if f.name in place)


@dataclass(frozen=True)
class ContractVersion:
    """One stored version of a contract file."""

    name: str
    path: str
    sha256: str
    text: str
    stored_at: datetime
    seq: int = 0


@dataclass(frozen=True)
class ExpectedDelivery:
    """What should come: one feed, one period, its clock points and its last known state."""

    feed: str
    period: str
    period_first: str
    contract: str
    expected: bool
    notifies: bool
    judge_by: str
    opens_at: datetime
    warn_at: datetime
    due_at: datetime
    late_at: datetime
    cutoff_at: datetime
    closed_because: str = ""
    timeliness: str = "SCHEDULED"
    delivery: str = "NONE"
    reason: str = ""
    late_by_s: float | None = None
    late_by_submitted_s: float | None = None
    late_by_arrived_s: float | None = None
    complete_at: datetime | None = None
    submitted_at: datetime | None = None
    batch_id: str | None = None
    evaluated_at: datetime | None = None
    next_change_at: datetime | None = None
    expected_at: datetime | None = None
    calendar: str = ""
    """The calendar it was timed with, and the version of it."""
    stratum: str = ""
    """The kind of day it is for; see `timeliness.learned`."""
    not_usual_because: str = ""
    """Why nothing is learned from when it came; empty while nothing speaks against it."""
    fresh_seq: int | None = None
    """The last arrival that nothing had landed when the row was evaluated."""
    id: int = 0
    feed_id: int = 0


@dataclass(frozen=True)
class StateEvent:
    """One recorded change of an expected delivery."""

    expected_id: int
    at: datetime
    was: Mapping[str, Any]
    is_: Mapping[str, Any]
    why: str
    seq: int = 0


@dataclass(frozen=True)
class Arrival:
    """A file version seen at the source."""

    feed: str
    period: str
    part: str
    path: str
    size: int
    source_ts: datetime | None
    first_seen: datetime
    fingerprint: str
    is_done_flag: bool = False
    withdrawn: bool = False
    seq: int = 0


@dataclass(frozen=True)
class Poll:
    """One look at a connection, good or failed."""

    connection: str
    at: datetime
    ok: bool
    listed: int = 0
    error: str = ""
    seq: int = 0


@dataclass(frozen=True)
class Delivery:
    """A file as we landed it, with its verdict and how reading it ended."""

    feed: str
    period: str
    part: str
    version: int
    verdict: str
    arrival_seq: int
    path: str
    uri: str
    size: int
    sha256: str
    submitted_at: datetime | None
    arrived_at: datetime
    landed_at: datetime
    reverts_to: int | None = None
    same_as_period: str | None = None
    outcome: str = ""
    reason: str = ""
    seq: int = 0


@dataclass(frozen=True)
class BatchRow:
    """One immutable batch of any table, and how far it came."""

    batch_id: str
    table: str
    period: str
    subject: str
    status: str
    staged_at: datetime
    status_at: datetime
    version: int = 1
    rows_in_file: int = 0
    rows_staged: int = 0
    rows_quarantined: int = 0
    run_id: str = ""
    results: str = ""
    findings: Sequence[Any] = field(default_factory=list)
    origin: Mapping[str, Any] = field(default_factory=dict)
    seq: int = 0


@dataclass(frozen=True)
class PublishEvent:
    """One movement of a table's pointer for a period; `batch_id` None empties the period."""

    table: str
    period: str
    batch_id: str | None
    action: str
    snapshot_id: int
    at: datetime
    by: str
    reason: str = ""
    seq: int = 0


@dataclass(frozen=True)
class Decision:
    """What a person decided about a feed or one of its periods."""

    feed: str
    period: str | None
    kind: str
    until: datetime | None
    by: str
    reason: str
    at: datetime
    seq: int = 0
    first: str | None = None
    """For a range of periods: their first day as an ISO date, and `last` with it."""
    last: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    revoked_at: datetime | None = None
    revoked_by: str = ""


@dataclass(frozen=True)
class Run:
    """A run known to the ledger: started by the tick, or seen by its first task."""

    dag_id: str
    key: str
    cause: str
    at: datetime
    seq: int = 0


@dataclass(frozen=True)
class Incident:
    """Something that is wrong, until it is resolved.

    Of kind `late` and `quality` it is about one expected delivery; any other kind has no feed.
    """

    feed: str
    period: str
    kind: str
    dedup_key: str
    level: str
    opened_at: datetime
    what: str
    summary: bool = False
    resolved_at: datetime | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    id: int = 0
    supplier: str = ""
    parent_id: int | None = None
    """The incident that tells of this one too: a supplier's, or its connection's."""
    wakes_at: datetime | None = None
    """When the watch looks at it again; None when only news of it can change anything."""


@dataclass(frozen=True)
class Conversation:
    """What a channel needs to go on with an incident it was told of, such as a message's id."""

    incident_id: int
    channel: str
    handle: Mapping[str, Any]
    opened_at: datetime
    updated_at: datetime
    closed_at: datetime | None = None
    key: str = ""
    """The key that the channel knows the incident by: a group keeps that of its first member."""
    thread: str = ""
    seq: int = 0


@dataclass(frozen=True)
class Transition:
    """One step in an incident's life."""

    incident_id: int
    number: int
    at: datetime
    kind: str
    level: str
    what: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    seq: int = 0


@dataclass(frozen=True)
class Outgoing:
    """One message on its way to one channel."""

    key: str
    channel: str
    notice: Mapping[str, Any]
    queued_at: datetime
    incident_id: int | None = None
    number: int = 0
    status: str = "QUEUED"
    attempts: int = 0
    next_try_at: datetime | None = None
    sent_at: datetime | None = None
    response_id: str = ""
    error: str = ""
    seq: int = 0


@dataclass(frozen=True)
class ProductPeriod:
    """What a product owes for one period, and when it decides."""

    product: str
    period: str
    opens_at: datetime
    decide_at: datetime
    due_at: datetime
    cutoff_at: datetime
    id: int = 0


@dataclass(frozen=True)
class ManifestRow:
    """The exact inputs a product was made of; `body` is the manifest as JSON."""

    manifest_id: str
    product: str
    period: str
    body: Mapping[str, Any]
    created_at: datetime
    run_id: str = ""
    seq: int = 0


@dataclass(frozen=True)
class ReleaseRow:
    """Which snapshots and batches make up a product now; the last row of a period counts.

    `tables` maps a table to `{"snapshot_id": int, "batch_id": str}`.
    """

    product: str
    period: str
    manifest_id: str
    tables: Mapping[str, Any]
    at: datetime
    by: str
    action: str = "release"
    seq: int = 0


@dataclass(frozen=True)
class StepResult:
    """How one node of a product's step ended."""

    manifest_id: str
    product: str
    step: int
    node: str
    status: str
    at: datetime
    seconds: float = 0.0
    message: str = ""
    run_id: str = ""
    seq: int = 0


@dataclass(frozen=True)
class ModelVersionRow:
    """One trained version of a scoring model."""

    name: str
    version: int
    sha256: str
    uri: str
    metrics: Mapping[str, Any]
    data: Mapping[str, Any]
    state: str
    at: datetime
    seq: int = 0


@dataclass(frozen=True)
class AliasEvent:
    """One move of an alias such as `champion`; the last one counts."""

    name: str
    alias: str
    version: int
    previous: int | None
    reason: str
    actor: str
    at: datetime
    seq: int = 0


@dataclass(frozen=True)
class Tick:
    """One heartbeat of look or tick."""

    kind: str
    at: datetime
    seconds: float = 0.0
    note: str = ""
    seq: int = 0
