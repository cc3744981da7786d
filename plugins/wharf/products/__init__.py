"""Products: decide the inputs, run the steps on exactly those, release all tables together.

A product period begins with a manifest (which batches, why), goes through steps that stage and
audit, and ends with one ledger row that makes it what readers see. How a batch is published
belongs to `wharf.batches`, how a score is computed to `wharf.scoring`, how a page looks to
`wharf.portal`; when a run starts is decided by the tick.
"""

from wharf.products.anchor_tags import anchors_from_tags, sync_anchor_tags
from wharf.products.anchors import anchored_batches, remove_anchor, renew_anchor, set_anchor
from wharf.products.attempts import Attempt, newest_attempts
from wharf.products.consumers import needs_for, needs_of, needs_of_release
from wharf.products.context import Context, Skipped, Waiting
from wharf.products.difference import RowDifference, body_of, difference
from wharf.products.gather import gather, read_manifest
from wharf.products.held import released_batches, released_tables
from wharf.products.inputs import days_of
from wharf.products.manifest import Input, Manifest, Pin
from wharf.products.project_check import check_dbt_project
from wharf.products.release import current_release, load_product, release, rollback_release
from wharf.products.reruns import Rerun, Swap, closed_readers, redecided, reruns
from wharf.products.step_python import StepInput
from wharf.products.step_score import finish_score_step, prepare_score_step
from wharf.products.steps import StepDone, run_step

__all__ = [
    "Attempt",
    "Context",
    "Input",
    "Manifest",
    "Pin",
    "Rerun",
    "RowDifference",
    "Skipped",
    "StepDone",
    "StepInput",
    "Swap",
    "Waiting",
    "anchored_batches",
    "anchors_from_tags",
    "body_of",
    "check_dbt_project",
    "closed_readers",
    "current_release",
    "days_of",
    "difference",
    "finish_score_step",
    "gather",
    "load_product",
    "needs_for",
    "needs_of",
    "needs_of_release",
    "newest_attempts",
    "prepare_score_step",
    "read_manifest",
    "redecided",
    "release",
    "released_batches",
    "released_tables",
    "remove_anchor",
    "renew_anchor",
    "reruns",
    "rollback_release",
    "run_step",
    "set_anchor",
    "sync_anchor_tags",
]
