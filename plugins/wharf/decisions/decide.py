"""Deciding: check a wish against what is known, keep it, and have the next tick weigh it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from wharf.contracts import Feed
from wharf.decisions.desk import Desk, Person
from wharf.decisions.rules import check, check_until, needs_second_person
from wharf.decisions.situations import situation_of
from wharf.decisions.wishes import Wish
from wharf.errors import DecisionRefused
from wharf.ledger import Transaction, decisions, deliveries, expected
from wharf.ledger.rows import Decision, Delivery

BACK = 35
"""How many days back a maintenance window may begin: as far as the horizon reaches."""


def decide(desk: Desk, wish: Wish, person: Person, now: datetime) -> Decision:
    """Keep what a person decided.

    A forced publication is only noted here; `wharf.decisions.publishing` carries it out.

    Args:
        desk: The ledger and the contracts.
        wish: What is to be decided.
        person: Who decides, and from where.
        now: The instant.

    Raises:
        DecisionRefused: It is not allowed; nothing was kept.
    """
    with desk.ledger.write() as tx:
        here = situation_of(tx, desk, wish, now)
        check(wish, here, person, now)
        detail = {**wish.detail, "via": person.via}
        if wish.kind == "force_publish" and here.batch is not None:
            detail["needs_second"] = needs_second_person(here.batch)
        row = decisions.record_decision(
            tx,
            Decision(
                feed=wish.feed,
                period=wish.period,
                kind=wish.kind,
                until=wish.until,
                by=person.name,
                reason=wish.reason,
                at=now,
                first=wish.first,
                last=wish.last,
                detail=detail,
            ),
        )
        if here.file is not None:
            _mark(tx, wish.kind, here.file, here.versions)
        make_due(tx, row, now)
    return row


def decide_window(
    desk: Desk,
    feeds: Sequence[Feed],
    scope: str,
    since: datetime,
    until: datetime,
    reason: str,
    person: Person,
    now: datetime,
) -> list[Decision]:
    """Set a maintenance window: nothing is expected of these feeds that falls due within it.

    Raises:
        DecisionRefused: It is too long, past, or without a reason or a feed.
    """
    if not reason:
        raise DecisionRefused("reason", "is missing: say why, for whoever reads it later")
    if not feeds:
        raise DecisionRefused("scope", f"no feed belongs to {scope!r}")
    check_until("maintenance", until, now)
    if until <= since:
        raise DecisionRefused("until", "the window ends before it begins")
    if (now - since).days >= BACK:
        raise DecisionRefused("since", f"a window begins at most {BACK} days ago")
    detail = {"since": since.isoformat(), "scope": scope, "via": person.via}
    made: list[Decision] = []
    with desk.ledger.write() as tx:
        for feed in feeds:
            row = Decision(
                feed.feed, None, "maintenance", until, person.name, reason, now, detail=detail
            )
            made.append(decisions.record_decision(tx, row))
            make_due(tx, made[-1], now)
    return made


def window_feeds(desk: Desk, scope: str) -> list[Feed]:
    """The feeds of a maintenance window: `all`, `supplier:ID`, `connection:ID` or `feed:NAME`.

    Raises:
        DecisionRefused: The scope is none of these, or has no feed.
    """
    kind, _, name = scope.partition(":")
    own: Mapping[str, Callable[[Feed], str]] = {
        "all": lambda _: "",
        "supplier": lambda feed: feed.supplier_id,
        "connection": lambda feed: feed.source.connection,
        "feed": lambda feed: feed.feed,
    }
    if kind not in own or (kind == "all") == bool(name):
        raise DecisionRefused(
            "scope", f"{scope!r} is none; use all, supplier:ID, connection:ID or feed:NAME"
        )
    feeds = [feed for _, feed in sorted(desk.feeds.items()) if own[kind](feed) == name]
    if not feeds:
        raise DecisionRefused("scope", f"no feed belongs to {scope!r}")
    return feeds


def revoke(desk: Desk, seq: int, reason: str, person: Person, now: datetime) -> Decision:
    """Take a decision back from now on; what it did until now stays in the history.

    Raises:
        DecisionRefused: There is no such decision, it ended or was taken back, or cannot be.
    """
    with desk.ledger.write() as tx:
        row = decisions.find_decision(tx, seq)
        if row is None:
            raise DecisionRefused("decision", f"there is no decision {seq}; see `wharf decisions`")
        if problem := _cannot_be_revoked(row, reason, now):
            raise DecisionRefused("decision", problem)
        decisions.revoke_decision(tx, row, person.name, reason, now)
        make_due(tx, row, now)
        return decisions.find_decision(tx, seq) or row


def make_due(tx: Transaction, row: Decision, now: datetime) -> None:
    """Have the next tick weigh every delivery that a decision is about."""
    if row.period is not None:
        expected.make_due(tx, row.feed, [row.period], now)
        return
    since = str(row.detail.get("since") or "")
    from_ = datetime.fromisoformat(since) if since else row.at
    about = [
        each.period
        for each in expected.expected_of(tx, row.feed)
        if decisions.is_about(row, each.period, each.period_first)
        and (row.first is not None or each.due_at >= from_)
    ]
    expected.make_due(tx, row.feed, about, now)


def _cannot_be_revoked(row: Decision, reason: str, now: datetime) -> str:
    if not reason:
        return "say why it is taken back"
    if row.revoked_at is not None:
        return f"{row.revoked_by} took it back already"
    if row.kind.startswith(("mark_", "hand_in", "export")):
        return "it was carried out; mark the file anew, or roll its batch back"
    if row.kind == "retire":
        return "put the contract file back in place of it"
    if row.detail.get("carried_out_at"):
        return "it was carried out; roll the batch back in place of it"
    settled = row.kind in {"waive", "suspend", "maintenance"}  # what they excuse stays excused
    if not settled and row.until is not None and row.until <= now:
        return "it has ended"
    return ""


def _mark(tx: Transaction, kind: str, file: Delivery, versions: Sequence[Delivery]) -> None:
    """Give a landed file the verdict that a person gives it."""
    if kind == "mark_duplicate":
        before = [each for each in versions if each.verdict != "DUPLICATE" and each.seq < file.seq]
        marked = replace(file, verdict="DUPLICATE", version=before[-1].version)
    else:
        counted = [each.version for each in versions if each.verdict != "DUPLICATE"]
        marked = replace(file, verdict="RESTATEMENT", version=max(counted, default=0) + 1)
    deliveries.set_verdict(tx, marked)
