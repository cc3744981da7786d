"""What is allowed: one pure check for each kind of decision."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from wharf.batches.batches import AUDIT
from wharf.decisions.desk import Person
from wharf.decisions.kinds import KINDS
from wharf.decisions.wishes import LONGEST_REASON, Wish
from wharf.errors import DecisionRefused
from wharf.ledger.rows import BatchRow, Delivery, ExpectedDelivery
from wharf.timeliness.facts import State

LONGEST_RANGE = timedelta(days=400)
_AGE = re.compile(r"^\d{1,4}(d|bd)$")
_STANDS_OPEN = {"DUE", "AT_RISK", "LATE", "MISSING", "UNKNOWN"}


@dataclass(frozen=True)
class Situation:
    """What is known of the subject of a wish; what it is not about stays empty."""

    row: ExpectedDelivery | None = None
    state: State | None = None
    is_promised: bool = False
    """Whether the contract holds for the period, its row made or not."""
    has_parts: bool = False
    """Whether a delivery of the feed is more than one file."""
    consumers: Sequence[str] = ()
    """Products that read the feed themselves."""
    batch: BatchRow | None = None
    is_discarded: bool = False
    """Whether somebody settled that the batch is not published."""
    is_read: bool = False
    """Whether readers see the batch, or the file in one, now."""
    file: Delivery | None = None
    versions: Sequence[Delivery] = ()
    """Landed files of the same feed, period and part, oldest first."""


Check = Callable[[Wish, Situation, Person, datetime], str]


def check(wish: Wish, here: Situation, person: Person, now: datetime) -> None:
    """Refuse what is not allowed.

    Raises:
        DecisionRefused: It names the field and the reason.
    """
    if not wish.reason:
        raise DecisionRefused("reason", "is missing: say why, for whoever reads it later")
    if len(wish.reason) > LONGEST_REASON:
        raise DecisionRefused("reason", f"is longer than {LONGEST_REASON} characters")
    check_until(wish.kind, wish.until, now)
    if problem := _CHECKS[wish.kind](wish, here, person, now):
        raise DecisionRefused(wish.kind, problem)


def check_until(kind: str, until: datetime, now: datetime) -> None:
    """Refuse an end that is past, or further away than the kind allows.

    Raises:
        DecisionRefused: It names the longest that is allowed.
    """
    if until <= now:
        raise DecisionRefused("until", f"{_say(until)} is past; a decision ends in the future")
    longest = KINDS[kind].longest
    if until - now > longest:
        raise DecisionRefused(
            "until", f"{_say(until)} is too far away: {kind} lasts {_span(longest)} at most"
        )


def needs_second_person(batch: BatchRow) -> bool:
    """Whether publishing a batch goes over a critical check that failed, now or before."""
    return batch.status == "QUARANTINED" or any(
        isinstance(each, Mapping)
        and (each.get("kind"), each.get("severity")) == (AUDIT, "critical")
        for each in batch.findings
    )


def _attend(wish: Wish, here: Situation, _person: Person, _now: datetime) -> str:
    if here.state is None:
        return f"nothing is expected of {wish.feed} for {wish.period}"
    if here.state.timeliness in _STANDS_OPEN or here.state.problem is not None:
        return ""
    if here.state.delivery not in {"PUBLISHED", "NONE", "SUPERSEDED"}:
        return ""
    return f"nothing is wrong with it: {here.state.reason}"


def _waive(wish: Wish, here: Situation, _person: Person, _now: datetime) -> str:
    if wish.first is not None and wish.last is not None:
        span = date.fromisoformat(wish.last) - date.fromisoformat(wish.first)
        if span < timedelta(0):
            return f"the range ends on {wish.last}, before it begins on {wish.first}"
        return f"a range lasts {_span(LONGEST_RANGE)} at most" if span > LONGEST_RANGE else ""
    if here.state is None:
        return "" if here.is_promised else f"nothing is expected of {wish.feed} for {wish.period}"
    if here.state.timeliness == "ON_TIME":
        return "it came in time; there is nothing to excuse"
    return ""


def _promise(wish: Wish, here: Situation, _person: Person, _now: datetime) -> str:
    if here.row is None or here.state is None:
        return f"nothing is expected of {wish.feed} for {wish.period}"
    if here.state.timeliness == "NOT_EXPECTED":
        return f"nothing is expected: {here.state.reason}"
    if here.state.complete_at is not None:
        return "it came already"
    if wish.until <= here.row.late_at:
        return f"the alarm is not before {_say(here.row.late_at)} anyway; promise a later time"
    if wish.until > here.row.cutoff_at:
        return f"the cut-off {_say(here.row.cutoff_at)} stands; promise a time before it"
    return ""


def _suspend(_wish: Wish, _here: Situation, _person: Person, _now: datetime) -> str:
    return ""


def _accept_partial(wish: Wish, here: Situation, _person: Person, _now: datetime) -> str:
    if not here.has_parts:
        return f"a delivery of {wish.feed} is one file; there are no parts to accept"
    if here.state is None or not here.state.parts_present:
        return "no usable part is there yet; there is nothing to accept"
    if here.state.complete_at is not None:
        return "it is complete already"
    return ""


def _use_last_good(wish: Wish, here: Situation, _person: Person, _now: datetime) -> str:
    consumer = str(wish.detail.get("consumer", ""))
    if consumer not in here.consumers:
        choices = ", ".join(here.consumers) or "none"
        return f"{consumer!r} is no product that reads {wish.feed}; there are: {choices}"
    if not _AGE.match(str(wish.detail.get("max_age", ""))):
        return "max_age says how old it may be, as 2d or 1bd (days or business days)"
    if here.state is not None and here.state.delivery == "PUBLISHED":
        return "it is published; the product reads it"
    return ""


def _force_publish(wish: Wish, here: Situation, person: Person, _now: datetime) -> str:
    batch = here.batch
    if batch is None:
        return f"there is no batch {wish.detail.get('batch_id', '')!r} of {wish.feed} {wish.period}"
    if here.is_read:
        return f"readers see batch {batch.batch_id} already"
    if here.is_discarded:
        return f"batch {batch.batch_id} was discarded; take that decision back first"
    if batch.status == "STAGED":
        return f"batch {batch.batch_id} was not audited; let its run audit it first"
    if needs_second_person(batch) and not person.has_login:
        return (
            f"a critical check of batch {batch.batch_id} failed, so two people must want it, and "
            "both must have signed in; ask for it on the board of an Airflow with logins"
        )
    return ""


def _mark_duplicate(wish: Wish, here: Situation, _person: Person, _now: datetime) -> str:
    if here.file is None:
        return _no_file(wish)
    if here.file.verdict == "DUPLICATE":
        return f"{here.file.path!r} is a duplicate already"
    counted = [each for each in here.versions if each.verdict != "DUPLICATE"]
    if counted[-1] != here.file:
        return f"version {here.file.version} was replaced by a later one"
    if len(counted) == 1:
        return "it is the only version there is; waive the delivery in place of it"
    if here.is_read:
        return "readers see a batch of it; roll that back first"
    return ""


def _mark_restatement(wish: Wish, here: Situation, _person: Person, _now: datetime) -> str:
    if here.file is None:
        return _no_file(wish)
    if here.file.verdict != "DUPLICATE":
        return f"{here.file.path!r} is version {here.file.version} already"
    if here.versions[-1] != here.file:
        return "a later file came for it; only the last one can become the new version"
    return ""


def _no_file(wish: Wish) -> str:
    return f"no file {wish.detail.get('delivery', '')!r} was landed for {wish.feed} {wish.period}"


_CHECKS: dict[str, Check] = {
    "ack": _attend,
    "snooze": _attend,
    "waive": _waive,
    "promise": _promise,
    "suspend": _suspend,
    "accept_partial": _accept_partial,
    "use_last_good": _use_last_good,
    "force_publish": _force_publish,
    "mark_duplicate": _mark_duplicate,
    "mark_restatement": _mark_restatement,
}


def _say(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _span(length: timedelta) -> str:
    days = length // timedelta(days=1)
    return f"{days} days" if days != 1 else "one day"
