"""What a waiting product watches in the ledger: its inputs' published batches, releases, decisions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from wharf.ledger import Ledger, batches, decisions, products

SEEN_BY_READERS = {"PUBLISHED", "SUPERSEDED", "ROLLED_BACK"}


def state_of_inputs(ledger: Ledger, inputs: Iterable[str]) -> str:
    """A fingerprint that changes whenever an edge over these inputs may be decided otherwise.

    Args:
        ledger: The ledger.
        inputs: Names of feeds and products.
    """
    found: dict[str, object] = {}
    with ledger.read() as tx:
        for name in sorted(inputs):
            if "." in name:
                rows = batches.batches_for(tx, name)
                shown = [[row.batch_id, row.status] for row in rows if row.status in SEEN_BY_READERS]
                found[name] = [shown, [each.seq for each in decisions.decisions_of(tx, name)]]
            else:
                found[name] = [each.seq for each in products.releases_of(tx, name)]
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()[:32]
