"""What a product's page says, as values; the page and `page.json` are made of the same object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from wharf.contracts.product import Plot
from wharf.portal.words import days, spoken


@dataclass(frozen=True)
class InputState:
    """One input of a product, as its manifest has it."""

    name: str
    period: str
    batch_id: str
    age_days: int
    policy: str
    state: str
    reason: str = ""

    @property
    def is_fresh(self) -> bool:
        """Whether the product read what it asked for, not a stand-in."""
        return self.policy in {"same", "published", "not_expected"} or (
            self.policy == "latest" and self.age_days == 0
        )

    @property
    def shortfall(self) -> str:
        """How it falls short of what was asked for, and why, in one clause."""
        if not self.period:
            how = "left out"
        elif self.policy == "partial":
            how = f"read in part, up to {self.period}"
        else:
            how = f"{self.period} is read, {days(self.age_days)} older"
        return f"{how}: {spoken(self.reason)}" if self.reason else how


@dataclass(frozen=True)
class TableState:
    """One table of a product's release."""

    table: str
    batch_id: str
    rows: int


@dataclass(frozen=True)
class PageContent:
    """Everything a product's page shows.

    `relation` is DuckDB SQL giving the page's table; `columns` are `{name, type, about}`.
    """

    product: str
    title: str
    about: str
    period: str
    built_at: datetime
    manifest_id: str
    tables: Sequence[TableState]
    inputs: Sequence[InputState]
    columns: Sequence[Mapping[str, str]]
    relation: str
    plots: Sequence[Plot] = ()
    queries: Sequence[str] = ()
    model: Mapping[str, Any] | None = None
    findings: Sequence[str] = field(default_factory=tuple)

    @property
    def batch_id(self) -> str:
        """The batch that the page's downloads are named by: that of its last table."""
        return self.tables[-1].batch_id

    @property
    def stale(self) -> list[InputState]:
        """Inputs that are not what was asked for."""
        return [each for each in self.inputs if not each.is_fresh]

    def describe(self) -> dict[str, Any]:
        """The content as JSON, without the relation."""
        described = asdict(self)
        described.pop("relation")
        described["plots"] = [plot.model_dump() for plot in self.plots]
        described["built_at"] = self.built_at.isoformat()
        described["stale"] = [each.name for each in self.stale]
        return described
