"""Feeds by day: the states of this second, worst first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from wharf.ledger import Transaction, contracts, decisions, expected, facts

WEIGHT = {"LATE": 6, "MISSING": 5, "UNKNOWN": 4, "AT_RISK": 3, "LATE_ARRIVED": 1}
SIGN = {
    "ON_TIME": ("✓", "on time"),
    "LATE_ARRIVED": ("◷", "came late"),
    "LATE": ("!", "late"),
    "MISSING": ("✕", "missing"),
    "NOT_EXPECTED": ("–", "not expected"),
    "AT_RISK": ("△", "at risk"),
    "UNKNOWN": ("?", "unknown"),
    "DUE": ("·", "due"),
    "SCHEDULED": ("", "scheduled"),
}


@dataclass(frozen=True)
class Cell:
    """One feed, one period, as of this second."""

    feed: str
    period: str
    timeliness: str
    delivery: str
    reason: str
    late_by_s: float | None
    sign: str
    words: str

    @property
    def tone(self) -> str:
        """The cell's class: timeliness, or quarantined where that is worse."""
        bad = self.delivery == "QUARANTINED" and self.timeliness in {"ON_TIME", "LATE_ARRIVED"}
        return "quarantined" if bad else self.timeliness.lower().replace("_", "-")


@dataclass(frozen=True)
class Line:
    """One feed's cells by column, and how bad it stands."""

    feed: str
    supplier: str
    about: str
    cells: Mapping[str, Cell]
    weight: float


@dataclass(frozen=True)
class Grid:
    """The whole board."""

    at: datetime
    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    problems: Mapping[str, str]
    look_age_s: float | None
    tick_age_s: float | None

    @property
    def is_watched(self) -> bool:
        """Whether look and tick ran lately: otherwise silence means nothing."""
        ages = (self.look_age_s, self.tick_age_s)
        return all(age is not None and age < 300 for age in ages)

    def describe(self) -> dict[str, Any]:
        """The board as a JSON object."""
        return {
            "at": self.at.isoformat(),
            "last_look_age_s": self.look_age_s,
            "last_tick_age_s": self.tick_age_s,
            "watched": self.is_watched,
            "broken_contracts": dict(self.problems),
            "cells": [asdict(cell) for line in self.lines for cell in line.cells.values()],
        }


def build_grid(tx: Transaction, now: datetime, days: int) -> Grid:
    """Evaluate every expected delivery whose period begins within the last days."""
    first = (now - timedelta(days=days - 1)).date().isoformat()
    last = (now + timedelta(days=1)).date().isoformat()
    feeds = contracts.feeds_in_force(tx)
    lines: dict[str, dict[str, Cell]] = {name: {} for name in feeds}
    for row in expected.expected_between(tx, first, last):
        if row.feed in feeds and row.opens_at <= now:
            state = facts.state_of(tx, feeds[row.feed], row, now)
            sign, words = SIGN[state.timeliness]
            late_by = state.late_by.total_seconds() if state.late_by else None
            lines[row.feed][row.period] = Cell(
                row.feed, row.period, state.timeliness, state.delivery, state.reason, late_by,
                sign, words,
            )  # fmt: skip
    columns = sorted({period for cells in lines.values() for period in cells})
    told = [
        Line(
            name,
            feeds[name].supplier.name or feeds[name].supplier_id,
            feeds[name].about,
            cells,
            _weigh(cells),
        )
        for name, cells in lines.items()
    ]
    return Grid(
        at=now,
        columns=tuple(columns),
        lines=tuple(sorted(told, key=lambda line: (-line.weight, line.feed))),
        problems=contracts.contract_problems(tx),
        look_age_s=_age(tx, "look", now),
        tick_age_s=_age(tx, "tick", now),
    )


def _weigh(cells: Mapping[str, Cell]) -> float:
    """Later periods weigh more: yesterday's gap is worse than last week's."""
    weights = [
        (WEIGHT.get(cell.timeliness, 0) + (2 if cell.delivery == "QUARANTINED" else 0)) / age
        for age, (_, cell) in enumerate(sorted(cells.items(), reverse=True), start=1)
    ]
    return max(weights, default=0.0)


def _age(tx: Transaction, kind: str, now: datetime) -> float | None:
    last = decisions.last_tick(tx, kind)
    return (now - last.at).total_seconds() if last else None
