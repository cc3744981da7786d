"""What was made without a delivery that came late: the last thing said about its lateness."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from wharf.ledger import Transaction, products
from wharf.ledger.rows import Incident, ManifestRow
from wharf.timeliness.incidents import Row

_READ_AS_IT_IS = {"published", "not_expected"}


def made_without(
    tx: Transaction, ended: Iterable[tuple[Incident, Row]]
) -> dict[int, tuple[str, ...]]:
    """Which products were made without deliveries that are there now, in sentences.

    Args:
        tx: A transaction.
        ended: Lateness that is over, and the delivery as it was weighed.

    Returns:
        By the incident's id: what was made without it and for how long, what was made again since,
        and how many periods in a row never came.
    """
    pairs = list(ended)
    wanted = {(need.product, need.period) for _, row in pairs for need in row.needs}
    manifests = products.manifests_for(tx, wanted)
    return {incident.id: tuple(_lines(row, manifests)) for incident, row in pairs}


def _lines(row: Row, manifests: Mapping[tuple[str, str], list[ManifestRow]]) -> Iterable[str]:
    stale = 0
    for need in row.needs:
        made = manifests.get((need.product, need.period), [])
        without = [each for each in made if _policy(each, row.feed) not in _READ_AS_IT_IS]
        if not without:
            continue
        stale += 1
        first, name = without[0], f"{need.product} {need.period}"
        again = next((each for each in made if each.seq > without[-1].seq), None)
        until = again.created_at if again else row.state.published_at
        policy = _policy(first, row.feed)
        if again is not None:
            yield f"{name} was made without it ({policy}){_for(first, until)}, and made again since"
        else:
            yield f"{name} was made without it ({policy}){_for(first, until)}"
    if row.needs:
        yield f"{stale} of {len(row.needs)} products were made without it"
    yield f"{row.missed} missed periods before it"


def _for(first: ManifestRow, until: datetime | None) -> str:
    if until is None or until <= first.created_at:
        return ""
    return f" and stood for {(until - first.created_at) // timedelta(minutes=1)} min"


def _policy(manifest: ManifestRow, feed: str) -> str:
    """How a manifest's edge to a feed was decided; as it is where there is none."""
    inputs: Iterable[Mapping[str, Any]] = manifest.body.get("inputs", ())
    return next((str(each["policy"]) for each in inputs if each["name"] == feed), "published")
