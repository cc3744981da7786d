"""What runs and the ledger tell each other: that a run exists, and that an input changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime

from wharf.contracts import Period
from wharf.ledger import Ledger, anchors, batches, decisions, products

SEEN_BY_READERS = {"PUBLISHED", "SUPERSEDED", "ROLLED_BACK"}


def note_run(ledger: Ledger, dag_id: str, period: Period, run_id: str, now: datetime) -> None:
    """Tell the ledger that a run exists, so that the tick starts no second one.

    Args:
        ledger: The ledger.
        dag_id: The run's DAG.
        period: The run's period.
        run_id: Airflow's id; its cause where the tick started it, else the id itself.
        now: The instant of the note.
    """
    cause = run_id.removeprefix(f"wharf__{period.key}__")
    with ledger.write() as tx:
        decisions.record_run(tx, dag_id, period.key, cause, now)


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
                shown = [
                    [row.batch_id, row.status] for row in rows if row.status in SEEN_BY_READERS
                ]
                found[name] = [shown, [each.seq for each in decisions.decisions_of(tx, name)]]
            else:
                found[name] = [each.seq for each in products.releases_of(tx, name)]
        found[""] = [each.seq for each in anchors.anchors(tx) if each.revoked_at is None]
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()[:32]
