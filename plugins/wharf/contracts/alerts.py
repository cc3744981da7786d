"""Routing of messages: `dags/alerts.yaml`."""

from __future__ import annotations

from typing import Literal

from wharf.contracts.feed import Level
from wharf.contracts.spec import Spec


class Channel(Spec):
    """Where messages of some suppliers go, from which level on."""

    name: str
    kind: Literal["webhook", "smtp"]
    connection: str
    min_level: Level = "L1"
    suppliers: tuple[str, ...] = ("*",)
    to: tuple[str, ...] = ()

    def takes(self, supplier: str, level: str) -> bool:
        """Whether a message of this supplier and level goes to this channel."""
        return level >= self.min_level and ("*" in self.suppliers or supplier in self.suppliers)


class Routing(Spec):
    """All channels of a project."""

    channels: tuple[Channel, ...] = ()
