"""What every step of a product needs, and the answers of `gather` that are no manifest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from wharf.batches import Batches
from wharf.contracts import Product, Project
from wharf.errors import ProductError
from wharf.lake import Lake
from wharf.ledger import Ledger
from wharf.settings import Settings

if TYPE_CHECKING:
    from wharf.intake import Intake


@dataclass(frozen=True)
class Context:
    """The installation a product is made in."""

    settings: Settings
    project: Project
    ledger: Ledger
    lake: Lake
    batches: Batches

    @classmethod
    def of(cls, place: Intake, project: Project) -> Context:
        """The same installation as deliveries are taken in, with the project's contracts."""
        return cls(place.settings, project, place.ledger, place.lake, place.batches)

    def product(self, name: str) -> Product:
        """A product's contract.

        Raises:
            ProductError: The project has no such product.
        """
        if name not in self.project.products:
            choices = ", ".join(sorted(self.project.products)) or "none yet"
            raise ProductError(f"{name!r} is no product of this project; products: {choices}")
        return self.project.products[name]

    def work_folder(self, *parts: str) -> Path:
        """A folder below the work folder, made when absent."""
        folder = self.settings.work.joinpath(*parts)
        folder.mkdir(parents=True, exist_ok=True)
        return folder


@dataclass(frozen=True)
class Waiting:
    """An edge is not decided yet."""

    until: datetime
    """The next instant at which an edge decides by itself; a publish may decide earlier."""
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Skipped:
    """An edge says that this period is not made; the product's last release stays."""

    reason: str
