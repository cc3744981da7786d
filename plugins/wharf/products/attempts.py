"""How far the steps of a manifest came; of the attempts of a step only the newest counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from wharf.contracts import Product
from wharf.errors import ProductError
from wharf.ledger import Transaction
from wharf.ledger import batches as batch_rows
from wharf.ledger import products as product_rows
from wharf.ledger.rows import BatchRow, StepResult
from wharf.products.context import Context
from wharf.products.manifest import Manifest

STEP = "step"
TOLD = {"": "was not run", "started": "was begun and did not end", "error": "failed"}
DONE = frozenset({"AUDITED", "PUBLISHED", "SUPERSEDED", "ROLLED_BACK"})


@dataclass(frozen=True)
class Attempt:
    """One try of one step."""

    step: int
    id: str
    status: str
    batches: tuple[BatchRow, ...] = ()
    """What it staged, in the order in which it is published."""
    result: str = ""

    @property
    def is_done(self) -> bool:
        """Whether the step ended well and all it staged passed its audit."""
        wanted = self.batches[0].origin["tables"] if self.batches else []
        return (
            self.status == "success"
            and [row.table for row in self.batches] == list(wanted)
            and all(row.status in DONE for row in self.batches)
        )


def begin(ctx: Context, manifest: Manifest, step: int, *, now: datetime, run_id: str) -> str:
    """Note that a step is tried (again); until it ends well the step counts as not done."""
    attempt = uuid4().hex[:12]
    _note(ctx, manifest, step, "started", attempt, now=now, run_id=run_id)
    return attempt


def end(
    ctx: Context,
    manifest: Manifest,
    step: int,
    attempt: str,
    *,
    ok: bool,
    now: datetime,
    run_id: str,
    result: str = "",
) -> None:
    """Note how an attempt ended."""
    status = "success" if ok else "error"
    _note(ctx, manifest, step, status, f"{attempt} {result}".strip(), now=now, run_id=run_id)


def newest_attempts(tx: Transaction, manifest: Manifest) -> dict[int, Attempt]:
    """Step number -> its newest attempt."""
    notes: dict[int, StepResult] = {}
    for row in product_rows.steps_of(tx, manifest.manifest_id):
        if row.node == STEP:
            notes[row.step] = row
    staged: dict[str, list[BatchRow]] = {}
    for batch in batch_rows.batches_for(tx, manifest.product, manifest.period):
        if batch.origin.get("manifest_id") == manifest.manifest_id:
            staged.setdefault(str(batch.origin.get("attempt")), []).append(batch)
    found = {}
    for step, note in notes.items():
        attempt, _, result = note.message.partition(" ")
        found[step] = Attempt(
            step, attempt, note.status, _in_order(staged.get(attempt, [])), result
        )
    return found


def finished(
    ctx: Context, product: Product, manifest: Manifest, *, before: int
) -> dict[int, Attempt]:
    """The newest attempts of all steps before one, all of which must have ended well.

    Raises:
        ProductError: A step is not done, or read what an earlier step has replaced since.
    """
    with ctx.ledger.read() as tx:
        newest = newest_attempts(tx, manifest)
    done: dict[int, Attempt] = {}
    for step in range(min(before, len(product.steps))):
        attempt = newest.get(step)
        if attempt is None or not attempt.is_done:
            state = TOLD.get(attempt.status if attempt else "", "is not whole")
            raise ProductError(
                f"{product.product} {manifest.period}: step {step} ({label(product, step)}) of "
                f"manifest {manifest.manifest_id} {state}; run it again first"
            )
        _refuse_stale(product, attempt, done)
        done[step] = attempt
    return done


def label(product: Product, step: int) -> str:
    """A step as its contract writes it."""
    spec = product.steps[step]
    return f"{spec.kind}: {getattr(spec, spec.kind)}"


def _refuse_stale(product: Product, attempt: Attempt, done: dict[int, Attempt]) -> None:
    stands = {row.table: row.batch_id for each in done.values() for row in each.batches}
    for row in attempt.batches:
        for table, read in row.origin.get("inputs", {}).items():
            if table in stands and list(read) != [stands[table]]:
                raise ProductError(
                    f"{product.product}: step {attempt.step} ({label(product, attempt.step)}) read "
                    f"a batch of {table} that an earlier step has replaced since; run it again"
                )


def _in_order(rows: list[BatchRow]) -> tuple[BatchRow, ...]:
    if not rows:
        return ()
    order = {table: place for place, table in enumerate(rows[0].origin["tables"])}
    return tuple(sorted(rows, key=lambda row: order.get(row.table, len(order))))


def _note(
    ctx: Context,
    manifest: Manifest,
    step: int,
    status: str,
    message: str,
    *,
    now: datetime,
    run_id: str,
) -> None:
    row = StepResult(
        manifest_id=manifest.manifest_id,
        product=manifest.product,
        step=step,
        node=STEP,
        status=status,
        at=now,
        message=message,
        run_id=run_id,
    )
    with ctx.ledger.write() as tx:
        product_rows.record_step(tx, row)
