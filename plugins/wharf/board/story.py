"""One cell's story: what was promised, what came, what became of it, who was told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from wharf.contracts import Feed
from wharf.errors import PeriodError
from wharf.ledger import (
    Transaction,
    arrivals,
    batches,
    contracts,
    decisions,
    deliveries,
    expected,
    facts,
    incidents,
    products,
)
from wharf.ledger.rows import (
    Arrival,
    BatchRow,
    Decision,
    Delivery,
    ExpectedDelivery,
    Incident,
    Outgoing,
    PublishEvent,
    StateEvent,
)
from wharf.timeliness.facts import State


@dataclass(frozen=True)
class Story:
    """Everything known of one expected delivery."""

    at: datetime
    feed: Feed
    row: ExpectedDelivery
    state: State
    clock: tuple[tuple[str, datetime, str], ...]
    arrivals: tuple[Arrival, ...]
    deliveries: tuple[Delivery, ...]
    batches: tuple[BatchRow, ...]
    read_now: str | None
    publishes: tuple[PublishEvent, ...]
    decisions: tuple[Decision, ...]
    events: tuple[StateEvent, ...]
    incidents: tuple[tuple[Incident, tuple[Outgoing, ...]], ...]
    used_by: tuple[Mapping[str, Any], ...]


def build_story(tx: Transaction, name: str, period: str, now: datetime) -> Story | None:
    """Collect the story of a feed's period; None when nothing is expected there."""
    feed = contracts.feeds_in_force(tx).get(name)
    row = expected.find_expected(tx, name, period) if feed else None
    if feed is None or row is None:
        return None
    try:
        terms = feed.terms_for(feed.parse_period(period))
    except PeriodError:
        return None
    zone = ZoneInfo(terms.tz)
    points = {
        "opens": row.opens_at, "warned from": row.warn_at, "due": row.due_at,
        "late from": row.late_at, "cut-off": row.cutoff_at,
    }  # fmt: skip
    return Story(
        at=now,
        feed=feed,
        row=row,
        state=facts.state_of(tx, feed, row, now),
        clock=tuple(
            (label, at, f"{at.astimezone(zone):%a %d %b %H:%M} {terms.tz}")
            for label, at in points.items()
        ),
        arrivals=tuple(arrivals.arrivals_of(tx, name, period)),
        deliveries=tuple(deliveries.deliveries_of(tx, name, period)),
        batches=tuple(batches.batches_for(tx, name, period)),
        read_now=batches.current(tx, feed.table).get(period),
        publishes=tuple(batches.publishes_of(tx, feed.table, period)),
        decisions=tuple(decisions.decisions_of(tx, name, period)),
        events=tuple(expected.events_of(tx, row.id)),
        incidents=tuple(
            (each, tuple(incidents.messages(tx, each.id)))
            for each in incidents.incidents_of(tx, name, period)
        ),
        used_by=tuple(_used_by(tx, batches.batches_for(tx, name, period))),
    )


def _used_by(tx: Transaction, own: list[BatchRow]) -> list[Mapping[str, Any]]:
    """Product periods whose current release was made of one of these batches."""
    ids = {row.batch_id for row in own}
    return [
        {"product": release.product, "period": release.period, "manifest": release.manifest_id}
        for release in products.all_current_releases(tx)
        for manifest in [products.find_manifest(tx, release.manifest_id)]
        if manifest and ids & set(_strings(manifest.body))
    ]


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = (
        value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    )
    return [text for each in inner for text in _strings(each)]
