"""Who decides, and what deciding works with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from wharf.contracts import Feed, Product, Project
from wharf.contracts.calendars import Calendar
from wharf.errors import DecisionRefused
from wharf.ledger import Ledger

Via = Literal["board", "cli", "rest"]


@dataclass(frozen=True)
class Person:
    """Somebody who decides."""

    name: str
    via: Via
    has_login: bool = False
    """Whether somebody proved to be this person: a user of the machine has not."""


@dataclass(frozen=True)
class Desk:
    """The ledger, and the contracts in force."""

    ledger: Ledger
    feeds: Mapping[str, Feed]
    products: Mapping[str, Product] = field(default_factory=dict)
    calendars: Mapping[str, Calendar] = field(default_factory=dict)

    @classmethod
    def of(cls, ledger: Ledger, project: Project, feeds: Mapping[str, Feed] | None = None) -> Desk:
        """The desk of a project; `feeds` are those in force, where they are not all valid now."""
        return cls(ledger, feeds or project.feeds, project.products, project.calendars)

    def feed(self, name: str) -> Feed:
        """A feed in force.

        Raises:
            DecisionRefused: There is none of this name; the message lists those there are.
        """
        if name in self.feeds:
            return self.feeds[name]
        choices = ", ".join(sorted(self.feeds)) or "none yet"
        raise DecisionRefused("feed", f"there is no feed {name!r}; feeds here: {choices}")

    def subject(self, name: str) -> Feed | Product:
        """A feed or product in force.

        Raises:
            DecisionRefused: There is neither of this name.
        """
        if name in self.products:
            return self.products[name]
        if name in self.feeds:
            return self.feeds[name]
        choices = ", ".join(sorted({*self.feeds, *self.products})) or "none yet"
        raise DecisionRefused("subject", f"{name!r} is no feed or product; here are: {choices}")
