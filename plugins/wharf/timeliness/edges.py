"""Edges: which batches of an input a product reads now, or until when it waits for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from wharf.contracts import Edge, Period, Policy
from wharf.contracts.product import parse_age
from wharf.timeliness.calendars import OpenDays
from wharf.timeliness.points import ProductPoints

_ASKED = "a person may let an earlier batch be read: `wharf use-last-good`"
_OVERDUE = frozenset({"LATE", "MISSING"})


@dataclass(frozen=True)
class Candidate:
    """One period of the input as it is now; `batch_id` is its published batch, if any."""

    period: Period
    timeliness: str
    delivery: str
    batch_id: str | None = None
    due_at: datetime | None = None
    parts: tuple[int, int] | None = None
    """Of a feed in parts: how many its batch was made of, and how many there should be."""

    @property
    def is_partial(self) -> bool:
        """Whether a person accepted its batch with fewer parts than were agreed."""
        return (
            self.batch_id is not None and self.parts is not None and self.parts[0] < self.parts[1]
        )

    @property
    def is_expected(self) -> bool:
        """Whether something should come for it."""
        return self.timeliness != "NOT_EXPECTED"


@dataclass(frozen=True)
class Wait:
    """Nothing is decided before `until`, unless the input is published."""

    until: datetime
    reason: str


@dataclass(frozen=True)
class Use:
    """Read these batches, oldest period first; none at all where an increment is left out."""

    batches: tuple[tuple[Period, str], ...]
    policy: str
    """`published`, `not_expected`, `last_good`, `partial` or `anchored`."""
    age_days: int
    """Calendar days from the newest batch read to the product's period."""
    reason: str

    @property
    def batch_ids(self) -> tuple[str, ...]:
        """Ids of the batches read."""
        return tuple(batch_id for _, batch_id in self.batches)

    @property
    def period(self) -> Period | None:
        """The newest period read."""
        return self.batches[-1][0] if self.batches else None

    @property
    def is_fallback(self) -> bool:
        """Whether something that was wanted is left out or replaced by older data."""
        return self.policy in {"last_good", "partial"}

    @property
    def is_anchored(self) -> bool:
        """Whether a person bound the edge to what it reads."""
        return self.policy == "anchored"


@dataclass(frozen=True)
class Skip:
    """Make nothing for this period; what was released before stays."""

    reason: str


@dataclass(frozen=True)
class Fail:
    """The product may not be made."""

    reason: str


Decision = Wait | Use | Skip | Fail


@dataclass(frozen=True)
class _Question:
    """One edge with what it wants and what there is."""

    edge: Edge
    reading: str
    points: ProductPoints
    eligible: tuple[Candidate, ...]
    wanted: tuple[Candidate, ...]
    """What the reading asks for; a period that nobody knows of stands without a batch."""
    readable: tuple[Candidate, ...]
    """What may be read in place of it."""
    days: OpenDays
    is_snapshot: bool


def decide(
    edge: Edge,
    points: ProductPoints,
    candidates: Iterable[Candidate],
    now: datetime,
    *,
    days: OpenDays,
    is_snapshot: bool = True,
    allowed: Iterable[tuple[Policy, str]] = (),
    anchored: tuple[Candidate, str] | None = None,
) -> Decision:
    """Decide one edge of a product as of an instant.

    Args:
        edge: How the product reads the input, and its policies in order.
        points: Clock points of the product's period.
        candidates: Every period of the input up to the product's, published or not; later ones
            are left out here.
        now: The instant.
        days: Open days of the input's calendar, for ages in business days.
        is_snapshot: Whether a period of the input is the whole state, not only its own rows.
        allowed: What people allowed above the contract, and why: it goes before waiting.
        anchored: What a person bound the edge to, and why: it goes before everything, but for a
            period that ends after the product's.
    """
    if anchored is not None and _is_eligible(anchored[0].period, points.period):
        return _use(points, (anchored[0],), "anchored", anchored[1])
    question = _ask(edge, points, candidates, days, is_snapshot)
    if closed := _not_expected(question):
        return closed
    if question.wanted and all(each.batch_id for each in question.wanted):
        return _all_there(question)
    if question.wanted and not any(each.is_expected for each in question.wanted):
        return _nothing_expected(question)
    missing = _missing(question)
    for policy, why in allowed:
        if found := _fallback(question, policy, f"{missing}; {why}"):
            return found
    first = edge.on_missing[0] if edge.on_missing else Policy(kind="fail")
    decide_at = points.resolve(first.until) if first.until else points.decide_at
    if now < decide_at:
        return Wait(decide_at, missing)
    return _by_policy(question, now, missing)


def may_read(edge: Edge, product: Period, period: Period) -> bool:
    """Whether a product's period could ever read a period of an input.

    Where `same` is read, a later period of the product may still stand on it as last good.
    """
    allowed = {policy.kind for policy in edge.on_missing}
    if edge.read == "same" and period.kind == product.kind and "last_good" not in allowed:
        return period == product
    return _is_eligible(period, product)


def has_fallback(edge: Edge) -> bool:
    """Whether the contract lets the product be made without what it wants of this input."""
    return any(
        policy.kind in {"last_good", "partial"} and not policy.needs_approval
        for policy in edge.on_missing
    )


def can_do_without(
    edge: Edge,
    points: ProductPoints,
    candidates: Iterable[Candidate],
    *,
    days: OpenDays,
    is_snapshot: bool = True,
) -> bool:
    """Whether the product can be made at its decision time if nothing more comes."""
    first = edge.on_missing[0] if edge.on_missing else Policy(kind="fail")
    at = points.resolve(first.until) if first.until else points.decide_at
    decision = decide(edge, points, candidates, at, days=days, is_snapshot=is_snapshot)
    return isinstance(decision, Use)


def _ask(
    edge: Edge,
    points: ProductPoints,
    candidates: Iterable[Candidate],
    days: OpenDays,
    is_snapshot: bool,
) -> _Question:
    eligible = tuple(
        sorted(
            (_readable(edge, e) for e in candidates if _is_eligible(e.period, points.period)),
            key=lambda each: (each.period.start, each.period.key),
        )
    )
    alike = all(each.period.kind == points.period.kind for each in eligible)
    reading = "latest" if edge.read == "same" and not alike else edge.read
    wanted = _wanted(reading, points.period, eligible)
    readable = _published(eligible)
    if reading.startswith("last:"):
        readable = readable[-_count(reading) :] if is_snapshot else _published(wanted)
    elif reading != "all":
        readable = readable[-1:]
    return _Question(edge, reading, points, eligible, wanted, readable, days, is_snapshot)


def _readable(edge: Edge, candidate: Candidate) -> Candidate:
    """A candidate as the edge sees it: a batch of too few parts is none."""
    floors = [policy.min_parts or 1 for policy in edge.on_missing if policy.kind == "partial"]
    if not candidate.is_partial or candidate.parts is None or not floors:
        return candidate
    there, of = candidate.parts
    if there >= min(floors):
        return candidate
    return replace(candidate, batch_id=None, delivery=f"accepted with {there} of {of} parts")


def _all_there(question: _Question) -> Use:
    """What is wanted is published; in part where a person accepted a part of it."""
    partial = [each for each in question.wanted if each.is_partial and each.parts]
    if not partial:
        return _use(question.points, question.wanted, "published", "published")
    told = ", ".join(f"{each.period} has {each.parts[0]} of {each.parts[1]} parts"
                     for each in partial[:3] if each.parts)  # fmt: skip
    return _use(question.points, question.wanted, "partial", told)


def _is_eligible(period: Period, product: Period) -> bool:
    """A product never reads a period that ends after its own: a backfill reads no future."""
    if period.kind == product.kind:
        return period.start <= product.start
    return period.last <= product.last


def _wanted(
    reading: str, product: Period, eligible: tuple[Candidate, ...]
) -> tuple[Candidate, ...]:
    if reading == "same":
        same = tuple(each for each in eligible if each.period == product)
        return same or (Candidate(product, "SCHEDULED", "NONE"),)
    given = tuple(each for each in eligible if each.is_expected or each.batch_id)
    if reading == "all":
        return tuple(each for each in given if each.batch_id or each is given[-1])
    return given[-_count(reading) :] or eligible[-1:]


def _count(reading: str) -> int:
    return int(reading.partition(":")[2]) if reading.startswith("last:") else 1


def _not_expected(question: _Question) -> Use | None:
    """On a closed day, `latest` of a snapshot is the newest older batch, at once."""
    newest = question.eligible[-1] if question.eligible else None
    if question.reading != "latest" or not question.is_snapshot or newest is None:
        return None
    if newest.is_expected or newest.batch_id or not question.readable:
        return None
    reason = f"nothing is expected for {newest.period}"
    return _use(question.points, question.readable, "not_expected", reason)


def _nothing_expected(question: _Question) -> Decision:
    """Waiting is useless where nothing is expected: take the first policy that gives data.

    What a person would have to allow first gives none.
    """
    keys = ", ".join(each.period.key for each in question.wanted) or str(question.points.period)
    missing = f"nothing is expected for {keys}"
    for policy in question.edge.on_missing:
        if not policy.needs_approval and (found := _fallback(question, policy, missing)):
            return found
    return Skip(missing)


def _by_policy(question: _Question, now: datetime, missing: str) -> Decision:
    policies = question.edge.on_missing
    for place, policy in enumerate(policies):
        is_last = place == len(policies) - 1
        if policy.kind == "wait":
            until = _waits_until(question, policy, is_last)
            if now < until:
                return Wait(until, missing)
            if is_last:
                return Fail(f"{missing} at {until:%Y-%m-%d %H:%M} UTC")
        elif policy.kind == "skip":
            return Skip(missing)
        elif policy.kind == "fail":
            return Fail(missing)
        elif found := _fallback(question, policy, missing):
            if not policy.needs_approval:
                return found
            if now < question.points.cutoff_at:
                return Wait(question.points.cutoff_at, f"{missing}; {_ASKED}")
    return Fail(f"{missing}, and no policy of the contract allows anything else")


def _waits_until(question: _Question, policy: Policy, is_last: bool) -> datetime:
    if policy.until is not None:
        return question.points.resolve(policy.until)
    return question.points.cutoff_at if is_last else question.points.decide_at


def _fallback(question: _Question, policy: Policy, missing: str) -> Use | None:
    """What a policy lets the product read in place of what is missing, if anything."""
    if policy.kind == "last_good":
        newest = question.readable[-1] if question.readable else _newest_published(question)
        if newest is None or not _is_young_enough(question, newest.period, policy.max_age):
            return None
        if not question.is_snapshot and question.reading == "same":
            return _use(question.points, (), "last_good", f"{missing}; made without it")
        if not question.readable:
            return None
        return _use(question.points, question.readable, "last_good", missing)
    if policy.kind == "partial":
        there = _published(question.wanted)
        # Of a feed in parts, the floor is one of parts, which each of these has reached.
        in_parts = any(each.parts for each in question.eligible)
        if len(there) < (1 if in_parts else policy.min_parts or 1):
            return None
        reason = f"{missing}; {len(there)} of {len(question.wanted)} periods are there"
        return _use(question.points, there, "partial", reason)
    return None


def _newest_published(question: _Question) -> Candidate | None:
    published = _published(question.eligible)
    return published[-1] if published else None


def _published(candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    return tuple(each for each in candidates if each.batch_id)


def _is_young_enough(question: _Question, period: Period, max_age: str | None) -> bool:
    if max_age is None:
        return True
    allowed, in_business_days = parse_age(max_age)
    product = question.points.period
    if in_business_days:
        return question.days.between(period.last, product.last) <= allowed.days
    return (product.last - period.last).days <= allowed.days


def _use(points: ProductPoints, candidates: tuple[Candidate, ...], policy: str, reason: str) -> Use:
    chosen = tuple((each.period, each.batch_id) for each in candidates if each.batch_id)
    newest = chosen[-1][0] if chosen else None
    age = (points.period.last - newest.last).days if newest else 0
    return Use(chosen, policy, max(age, 0), reason)


def _missing(question: _Question) -> str:
    absent = [each for each in question.wanted if not each.batch_id]
    if not absent:
        return "nothing of this input was ever published"
    told = ", ".join(_told(each) for each in absent[:3])
    return told + (f" and {len(absent) - 3} more" if len(absent) > 3 else "")


def _told(candidate: Candidate) -> str:
    """How one period stands, and since when it is overdue."""
    text = f"{candidate.period} is {candidate.timeliness}"
    if candidate.due_at is not None and candidate.timeliness in _OVERDUE:
        text += f" (due {candidate.due_at:%Y-%m-%d %H:%M} UTC)"
    return f"{text} and {candidate.delivery}"
