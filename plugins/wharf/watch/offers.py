"""Proposals: what a product period past its cut-off would be made of, put before a person."""

from __future__ import annotations

from datetime import datetime

from wharf import products
from wharf.ledger import proposals
from wharf.ledger.proposals import Proposal
from wharf.products import Rerun
from wharf.watch.touched import Touched

OUTDATED = "outdated"
"""The verdict on a proposal that nobody settled before its inputs changed again."""


def offer(context: products.Context, touched: Touched, now: datetime) -> bool:
    """Record what a closed product period would be made of; end what was proposed before it.

    The same batches for the same manifest are proposed once: not again after a person declined.

    Returns:
        Whether batches were compared for it, which takes its time.
    """
    rerun = touched.rerun
    with context.ledger.read() as tx:
        given = proposals.proposals_of(tx, touched.product, touched.period)
    cause = touched.rerun.cause if touched.rerun else ""
    stale = [each for each in given if not each.verdict and each.cause != cause]
    again = [each for each in given if each.verdict == OUTDATED and each.cause == cause]
    is_new = rerun is not None and all(each.cause != cause for each in given)
    row = _proposal(context, rerun, now) if rerun is not None and is_new else None
    if row is None and not stale and not again:
        return False
    with context.ledger.write() as tx:
        for each in stale:
            why = "its inputs changed again"
            proposals.settle_proposal(tx, each, OUTDATED, "wharf", why, now)
        for each in again:
            proposals.reopen_proposal(tx, each)
        if row is not None:
            proposals.record_proposal(tx, row)
    return row is not None


def _proposal(context: products.Context, rerun: Rerun, now: datetime) -> Proposal:
    """Outside of any transaction: it reads the files of both batches."""
    rows = products.difference(context, rerun)
    return Proposal(
        product=rerun.product,
        period=rerun.period,
        manifest_id=rerun.manifest_id,
        cause=rerun.cause,
        why="; ".join([rerun.reason, *(str(each) for each in rows)]),
        at=now,
        body=products.body_of(rerun, rows),
    )
