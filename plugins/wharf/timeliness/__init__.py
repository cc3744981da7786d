"""Timeliness: what a promise, the calendar and the facts make of a delivery, as pure functions.

Nothing here reads a clock, a database or a file: instants, facts and calendars are arguments and
frozen values are results, so a tick, a crash and a replay all come to the same state. Recording
what is decided here is the ledger's work, telling people is `alerts`'.
"""

from wharf.timeliness.calendars import OpenDays, open_days
from wharf.timeliness.edges import Candidate, Decision, Fail, Skip, Use, Wait
from wharf.timeliness.facts import (
    ArrivalFact,
    BatchFact,
    DecisionFact,
    Facts,
    PollFact,
    Problem,
    State,
)
from wharf.timeliness.horizon import expected_periods, is_expected, product_periods
from wharf.timeliness.matching import Match, expected_paths, match
from wharf.timeliness.points import ClockPoints, ProductPoints, clock_points, product_points
from wharf.timeliness.states import evaluate

__all__ = [
    "ArrivalFact",
    "BatchFact",
    "Candidate",
    "ClockPoints",
    "Decision",
    "DecisionFact",
    "Facts",
    "Fail",
    "Match",
    "OpenDays",
    "PollFact",
    "Problem",
    "ProductPoints",
    "Skip",
    "State",
    "Use",
    "Wait",
    "clock_points",
    "evaluate",
    "expected_paths",
    "expected_periods",
    "is_expected",
    "match",
    "open_days",
    "product_periods",
    "product_points",
]
