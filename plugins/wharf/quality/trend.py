"""How expectations came out batch after batch, and since when one fails."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Point:
    """One outcome of one expectation."""

    batch_id: str
    period: str
    at: datetime
    success: bool
    errored: bool
    unexpected: int | None
    elements: int | None
    observed: str

    @property
    def share(self) -> float | None:
        """The share of rows that broke it."""
        return self.unexpected / self.elements if self.unexpected and self.elements else None


@dataclass(frozen=True)
class Outcomes:
    """Outcomes by expectation, oldest first."""

    points: Mapping[str, Sequence[Point]] = field(default_factory=dict)

    def of(self, check: str) -> Sequence[Point]:
        """The outcomes of the expectation with this identity."""
        return self.points.get(check, ())


def identity(entry: Mapping[str, Any]) -> str:
    """What an expectation is known by from batch to batch: its type and its arguments.

    Severity, notes and place in the suite may change and leave its history whole.
    """
    said = json.dumps([entry["type"], entry.get("kwargs") or {}], sort_keys=True, default=str)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def failing_since(points: Sequence[Point]) -> Point | None:
    """The first of the failures at the end of a history; None when the last outcome held."""
    since = None
    for each in reversed(points):
        if each.success:
            break
        since = each
    return since
