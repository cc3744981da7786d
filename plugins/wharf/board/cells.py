"""The board as values: cells, the line of each feed, and the whole grid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from wharf.board.promised import Promised
from wharf.board.words import TIMELINESS, span

WEIGHT = {"LATE": 6, "MISSING": 5, "UNKNOWN": 4, "AT_RISK": 3, "LATE_ARRIVED": 1}
EARLIER = date.min
"""The column of what is older than the days shown and still matters."""


@dataclass(frozen=True)
class Cell:
    """One feed, one period, as of this second."""

    feed: str
    period: str
    day: date
    timeliness: str
    delivery: str
    reason: str
    late_by_s: float | None
    is_closed: bool
    """Whether the calendar expects nothing, as against a person."""
    label: str = ""
    """The period, where the column does not say it."""

    @property
    def tone(self) -> str:
        """The cell's class: timeliness, or quarantined where that is worse."""
        return "quarantined" if self.is_held else self.timeliness.lower().replace("_", "-")

    @property
    def is_held(self) -> bool:
        """Whether it came and stands in quarantine."""
        came = self.timeliness in {"ON_TIME", "LATE_ARRIVED"}
        return came and self.delivery == "QUARANTINED"

    @property
    def sign(self) -> str:
        """One character for the state, so that colour is never alone."""
        return "▣" if self.is_held else TIMELINESS[self.timeliness][0]

    @property
    def words(self) -> str:
        """The state in a word or two."""
        match self.timeliness:
            case "NOT_EXPECTED":
                return "closed" if self.is_closed else "excused"
            case "LATE" if self.late_by_s:
                return f"late {span(self.late_by_s)}"
            case "LATE_ARRIVED" if self.late_by_s:
                return f"came {span(self.late_by_s)} late"
        return TIMELINESS[self.timeliness][1]

    @property
    def tones(self) -> frozenset[str]:
        """The classes it counts for: what is late may stand in quarantine as well."""
        held = {"quarantined"} if self.delivery == "QUARANTINED" else set()
        return frozenset({self.tone} | held)

    @property
    def weight(self) -> int:
        """How bad it is; 0 is fine."""
        return WEIGHT.get(self.timeliness, 0) + (4 if self.delivery == "QUARANTINED" else 0)


@dataclass(frozen=True)
class Line:
    """One feed's cells by column, worst first in each, and how bad it stands."""

    feed: str
    supplier: str
    about: str
    cells: Mapping[date, Sequence[Cell]]
    is_broken: bool
    orphaned: str
    is_trial: bool

    @property
    def all_cells(self) -> list[Cell]:
        """Every cell, newest first."""
        days = sorted(self.cells, reverse=True)
        return [cell for day in days for cell in self.cells[day]]

    @property
    def weight(self) -> float:
        """Later periods weigh more: yesterday's gap is worse than last week's."""
        weights = [cell.weight / age for age, cell in enumerate(self.all_cells, start=1)]
        return max(weights, default=0.0) + (0.1 if self.is_broken or self.orphaned else 0.0)

    @property
    def tones(self) -> str:
        """The classes of its cells, for filtering."""
        return " ".join(sorted({tone for cell in self.all_cells for tone in cell.tones}))


@dataclass(frozen=True)
class Grid:
    """The whole board."""

    at: datetime
    columns: tuple[date, ...]
    lines: tuple[Line, ...]
    promised: Promised
    looked_at: datetime | None
    ticked_at: datetime | None
    silence: timedelta
    """How long look and tick may be silent."""

    @property
    def is_watched(self) -> bool:
        """Whether look and tick ran lately: otherwise silence means nothing."""
        return all(
            at is not None and self.at - at < self.silence
            for at in (self.looked_at, self.ticked_at)
        )

    @property
    def counts(self) -> Counter[str]:
        """How many cells count for each class."""
        cells = [cell for line in self.lines for cell in line.all_cells]
        return Counter(tone for cell in cells for tone in cell.tones)

    @property
    def total(self) -> int:
        """How many cells there are."""
        return sum(len(line.all_cells) for line in self.lines)

    def describe(self) -> dict[str, Any]:
        """The board as a JSON object."""
        return {
            "at": self.at.isoformat(),
            "looked_at": self.looked_at.isoformat() if self.looked_at else None,
            "ticked_at": self.ticked_at.isoformat() if self.ticked_at else None,
            "watched": self.is_watched,
            "counts": dict(self.counts),
            "broken_contracts": dict(self.promised.problems),
            "orphaned_contracts": dict(self.promised.orphaned),
            "cells": [
                {
                    "feed": cell.feed,
                    "period": cell.period,
                    "timeliness": cell.timeliness,
                    "delivery": cell.delivery,
                    "reason": cell.reason,
                    "late_by_s": cell.late_by_s,
                }
                for line in self.lines
                for cell in line.all_cells
            ],
        }
