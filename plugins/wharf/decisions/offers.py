"""Proposals: a closed product period that would come out differently waits for a person's word."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from wharf.contracts import StartRun
from wharf.decisions.desk import Desk, Person
from wharf.errors import DecisionRefused
from wharf.ledger import decisions, proposals
from wharf.ledger.proposals import Proposal

Word = Literal["accept", "decline"]
VERDICTS = {"accept": "accepted", "decline": "declined"}


def settle_offer(
    desk: Desk,
    seq: int,
    word: str,
    reason: str,
    person: Person,
    now: datetime,
    start_run: StartRun | None = None,
) -> Proposal:
    """Accept or decline a proposal; an accepted one gets a run of its product.

    Args:
        desk: The ledger and the contracts.
        seq: The proposal.
        word: `accept` or `decline`.
        reason: Why.
        person: Who says so.
        now: The instant.
        start_run: Starts the run; without it the next tick does.

    Raises:
        DecisionRefused: It was settled before, or the word or the reason is missing.
        AirflowUnavailable: It is accepted, and its run could not be started.
    """
    if word not in VERDICTS:
        raise DecisionRefused("verdict", f"{word!r} is none; use accept or decline")
    if not reason:
        raise DecisionRefused("reason", "is missing: say why, for whoever reads it later")
    with desk.ledger.write() as tx:
        row = proposals.find_proposal(tx, seq)
        if row is None:
            raise DecisionRefused("proposal", f"there is no proposal {seq}")
        if not proposals.settle_proposal(tx, row, VERDICTS[word], person.name, reason, now):
            raise DecisionRefused("proposal", f"{row.decided_by} {row.verdict} it already")
        row = proposals.find_proposal(tx, seq) or row
    if word == "accept" and start_run is not None:
        dag_id, cause = f"product__{row.product}", f"proposal-{row.seq}"
        start_run(dag_id, row.period, cause)
        with desk.ledger.write() as tx:
            decisions.record_run(tx, dag_id, row.period, cause, now)
    return row
