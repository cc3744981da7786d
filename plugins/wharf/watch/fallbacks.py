"""What was made without a delivery that came late: the last thing said about its lateness."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from wharf.ledger import Transaction, products
from wharf.ledger.rows import ManifestRow
from wharf.timeliness.incidents import Row

_READ_AS_IT_IS = {"published", "not_expected", "anchored"}


@dataclass(frozen=True)
class Ending:
    """How a lateness ended."""

    sentence: str
    """Such as `published 194 min late, 1 product served stale for 134 min, 0 missed periods`."""
    lines: tuple[str, ...] = ()
    """One for each product that was made without the delivery."""


def endings(tx: Transaction, published: Iterable[Row]) -> dict[tuple[str, str], Ending]:
    """How the lateness of deliveries ended that are published now, by feed and period."""
    late = list(published)
    wanted = {(need.product, need.period) for row in late for need in row.needs}
    manifests = products.manifests_for(tx, wanted)
    released = products.released_at(tx, wanted)
    return {(row.feed, row.period): _ending(row, manifests, released) for row in late}


def _ending(
    row: Row,
    manifests: Mapping[tuple[str, str], list[ManifestRow]],
    released: Mapping[str, datetime],
) -> Ending:
    spans: list[timedelta] = []
    lines: list[str] = []
    for need in row.needs:
        every = manifests.get((need.product, need.period), [])
        made = [each for each in every if each.manifest_id in released]
        without = [each for each in made if _policy(each, row.feed) not in _READ_AS_IT_IS]
        if not without:
            continue
        again = next((each for each in made if each.seq > without[-1].seq), None)
        until = released[again.manifest_id] if again else row.state.published_at
        begun = released[without[0].manifest_id]
        span = until - begun if until else timedelta(0)
        spans.append(max(span, timedelta(0)))
        line = (
            f"{need.product} {need.period} was made without it "
            f"({_policy(without[0], row.feed)}) and stood so for {_minutes(spans[-1])} min"
        )
        lines.append(f"{line}; it was made again since" if again else line)
    told = [f"published {_lateness(row)}", *_stale(spans), _count(row.missed, "missed period")]
    return Ending(", ".join(told), tuple(lines))


def _lateness(row: Row) -> str:
    at, due_at = row.state.published_at, row.state.due_at
    minutes = _minutes(at - due_at) if at else 0
    return f"{minutes} min late" if minutes > 0 else "in time"


def _stale(spans: list[timedelta]) -> Iterable[str]:
    if spans:
        most = "" if len(spans) == 1 else "up to "
        yield f"{_count(len(spans), 'product')} served stale for {most}{_minutes(max(spans))} min"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _minutes(span: timedelta) -> int:
    return span // timedelta(minutes=1)


def _policy(manifest: ManifestRow, feed: str) -> str:
    """How a manifest's edge to a feed was decided; as it is where there is none."""
    inputs: Iterable[Mapping[str, Any]] = manifest.body.get("inputs", ())
    return next((str(each["policy"]) for each in inputs if each["name"] == feed), "published")
