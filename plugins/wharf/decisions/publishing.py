"""Publishing against the rules: one person's word, or two where a critical check failed."""

from __future__ import annotations

from datetime import datetime
from unicodedata import normalize

from wharf.batches import Batches
from wharf.decisions.decide import decide, make_due
from wharf.decisions.desk import Desk, Person
from wharf.decisions.wishes import Wish
from wharf.errors import DecisionRefused
from wharf.ledger import decisions
from wharf.ledger.rows import Decision


def force_publish(
    desk: Desk, batches: Batches, wish: Wish, person: Person, now: datetime
) -> Decision:
    """Keep the wish to publish a batch, and publish it unless a second person must agree first.

    Raises:
        DecisionRefused: It is not allowed; nothing was kept.
        PublishRefused: The batch's structure does not allow it.
        LakeError: The lake cannot be reached; publish again.
    """
    row = decide(desk, wish, person, now)
    if row.detail.get("needs_second"):
        return row
    return _carry_out(desk, batches, row, person.name, now)


def approve(desk: Desk, batches: Batches, seq: int, person: Person, now: datetime) -> Decision:
    """Agree to a forced publication as the second person, and publish.

    Raises:
        DecisionRefused: Nothing waits for a second person, or this is not one.
        PublishRefused: The batch's structure does not allow it.
        LakeError: The lake cannot be reached; agree again.
    """
    with desk.ledger.write() as tx:
        row = decisions.find_decision(tx, seq)
        if problem := _cannot_approve(row, person, now):
            raise DecisionRefused("approve", problem)
        assert row is not None
        decisions.add_detail(tx, row, approved_by=person.name, approved_at=now.isoformat())
        row = decisions.find_decision(tx, seq) or row
    return _carry_out(desk, batches, row, f"{row.by}, approved by {person.name}", now)


def waits_for_second(row: Decision, now: datetime) -> bool:
    """Whether a forced publication waits for a second person's word."""
    done = row.detail.get("carried_out_at")
    return bool(row.detail.get("needs_second")) and not done and decisions.goes_on(row, now)


def is_same_person(one: str, other: str) -> bool:
    """Whether two login names may be one, written in two ways."""
    return _folded(one) == _folded(other)


def _folded(name: str) -> str:
    return normalize("NFKC", normalize("NFKC", name).casefold()).strip()


def _cannot_approve(row: Decision | None, person: Person, now: datetime) -> str:
    if row is None or row.kind != "force_publish":
        return "there is no such wish to publish a batch"
    if not waits_for_second(row, now):
        return "it waits for nobody: it was carried out, taken back, or has ended"
    if not person.has_login:
        return "a second person must have signed in; this Airflow asks nobody who they are"
    if is_same_person(person.name, row.by):
        return "you asked for it yourself; somebody else must agree"
    return ""


def _carry_out(desk: Desk, batches: Batches, row: Decision, by: str, now: datetime) -> Decision:
    batch_id = str(row.detail["batch_id"])
    batches.publish(batch_id, now=now, by=by, reason=row.reason, force=True)
    with desk.ledger.write() as tx:
        row = decisions.find_decision(tx, row.seq) or row
        decisions.add_detail(tx, row, carried_out_at=now.isoformat())
        make_due(tx, row, now)
        return decisions.find_decision(tx, row.seq) or row
