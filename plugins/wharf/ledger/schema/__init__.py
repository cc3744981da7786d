"""The ledger's tables: append-only what happened, updated where a state is cached."""

from wharf.ledger.schema.audited import batch_audit, check_outcome
from wharf.ledger.schema.columns import Big, Instant, metadata
from wharf.ledger.schema.decided import backfill, bookmark, decision, run, tick
from wharf.ledger.schema.delivered import (
    arrival,
    batch,
    delivery,
    disk_use,
    erasure,
    poll,
    publish_event,
)
from wharf.ledger.schema.made import (
    alias_event,
    anchor,
    manifest,
    manifest_input,
    model_version,
    product_period,
    proposal,
    release,
    step_result,
)
from wharf.ledger.schema.promised import (
    contract_problem,
    contract_version,
    expected_delivery,
    expected_delivery_event,
    feed,
    horizon,
    past_arrival,
    usual_arrival,
)
from wharf.ledger.schema.told import conversation, incident, outbox, transition

__all__ = [
    "Big",
    "Instant",
    "alias_event",
    "anchor",
    "arrival",
    "backfill",
    "batch",
    "batch_audit",
    "bookmark",
    "check_outcome",
    "contract_problem",
    "contract_version",
    "conversation",
    "decision",
    "delivery",
    "disk_use",
    "erasure",
    "expected_delivery",
    "expected_delivery_event",
    "feed",
    "horizon",
    "incident",
    "manifest",
    "manifest_input",
    "metadata",
    "model_version",
    "outbox",
    "past_arrival",
    "poll",
    "product_period",
    "proposal",
    "publish_event",
    "release",
    "run",
    "step_result",
    "tick",
    "transition",
    "usual_arrival",
]
