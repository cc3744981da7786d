"""Decisions: what people may set above the contract, for how long, and how it is kept.

One pure check for each kind, one way to record it, whether it comes from the board, the command
line or REST; nothing without a reason and an end. What a decision makes of a delivery is
`timeliness`' affair; asking Airflow for runs and asking who is there are arguments.
"""

from wharf.decisions.backfills import Plan, plan_backfill, start_backfill, started_periods
from wharf.decisions.decide import decide, decide_window, revoke
from wharf.decisions.desk import Desk, Person
from wharf.decisions.instants import parse_instant
from wharf.decisions.kinds import KINDS, Kind
from wharf.decisions.telling import describe, sentence, status
from wharf.decisions.wishes import Wish, plain, read_wish

__all__ = [
    "KINDS",
    "Desk",
    "Kind",
    "Person",
    "Plan",
    "Wish",
    "decide",
    "decide_window",
    "describe",
    "parse_instant",
    "plain",
    "plan_backfill",
    "read_wish",
    "revoke",
    "sentence",
    "start_backfill",
    "started_periods",
    "status",
]
