"""A product decided at 07:30 of the next working day; its cut-off is 18:00 two days on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from wharf.contracts import Edge, Period
from wharf.contracts.product import ProductTerms
from wharf.timeliness.calendars import open_days
from wharf.timeliness.edges import Candidate, Decision, Use, decide
from wharf.timeliness.points import ProductPoints, product_points

WORKING = open_days(None, "business_day")
TERMS = ProductTerms.model_validate(
    {"tz": "UTC", "decide_at": "T+1bd 07:30", "due": "T+1bd 08:00", "cutoff": "T+3bd 18:00"}
)
EARLY = datetime(2026, 11, 21, 7, tzinfo=UTC)
DECIDE_AT = datetime(2026, 11, 23, 7, 30, tzinfo=UTC)
CUTOFF = datetime(2026, 11, 25, 18, tzinfo=UTC)


def points(key: str = "2026-11-20", kind: str = "day") -> ProductPoints:
    return product_points(TERMS, Period.parse(kind, key), WORKING)


def day(
    number: int,
    batch: str | None = None,
    timeliness: str = "LATE",
    parts: tuple[int, int] | None = None,
) -> Candidate:
    period = Period.parse("day", f"2026-11-{number:02d}")
    if batch and parts:
        return Candidate(period, "ON_TIME", "PUBLISHED", batch, parts=parts)
    if batch:
        timeliness = "ON_TIME" if timeliness == "LATE" else timeliness
        return Candidate(period, timeliness, "PUBLISHED", batch)
    return Candidate(period, timeliness, "NONE")


def closed(number: int, batch: str | None = None) -> Candidate:
    return day(number, batch, "NOT_EXPECTED")


def edge(read: str, *on_missing: Any) -> Edge:
    return Edge.model_validate({"read": read, "on_missing": on_missing or ("wait", "fail")})


def ask(
    spec: Edge, *candidates: Candidate, now: datetime = DECIDE_AT, is_snapshot: bool = True
) -> Decision:
    return decide(spec, points(), candidates, now, days=WORKING, is_snapshot=is_snapshot)


def used(decision: Decision) -> tuple[tuple[str, ...], str, int]:
    assert isinstance(decision, Use), decision
    return decision.batch_ids, decision.policy, decision.age_days


LAST_GOOD = {"last_good": {"max_age": "1bd"}}
