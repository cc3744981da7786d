"""The manifest: which exact batches a product period is made of, and why those."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from wharf.errors import ProductError
from wharf.ledger.rows import ManifestRow

Outcome = Literal["decided", "skipped", "failed"]


@dataclass(frozen=True)
class Pin:
    """One batch of one table that the product reads."""

    table: str
    period: str
    batch_id: str


@dataclass(frozen=True)
class Input:
    """How one edge of the product was decided."""

    name: str
    kind: Literal["feed", "product"]
    read: str
    policy: str
    reason: str
    state: str
    period: str | None = None
    """The newest period read; None where nothing is read."""
    age_days: int = 0
    pins: tuple[Pin, ...] = ()
    release: str | None = None
    """The manifest of the release read, where the input is a product."""


@dataclass(frozen=True)
class Manifest:
    """The decided inputs of one product period. Written once, never changed."""

    manifest_id: str
    product: str
    period: str
    decided_at: datetime
    outcome: Outcome
    inputs: tuple[Input, ...]
    models: Mapping[str, int | None] = field(default_factory=dict)
    """Scoring model -> pinned version; None where no version was champion."""
    repeats: str | None = None
    """The older manifest that this one repeats exactly."""
    contract: str = ""
    wharf_version: str = ""

    @property
    def pins(self) -> dict[str, tuple[Pin, ...]]:
        """Table -> the batches read from it, oldest period first."""
        found: dict[str, list[Pin]] = {}
        for each in self.inputs:
            for pin in each.pins:
                found.setdefault(pin.table, []).append(pin)
        return {
            table: tuple(sorted(pins, key=lambda pin: (pin.period, pin.batch_id)))
            for table, pins in found.items()
        }

    def batch_ids(self) -> dict[str, list[str]]:
        """Table -> batch ids, as `_batch.json`, table properties and the page name them."""
        return {table: [pin.batch_id for pin in pins] for table, pins in self.pins.items()}

    def to_body(self) -> dict[str, Any]:
        """The manifest as JSON values, with a checksum over all of them."""
        body = json.loads(json.dumps(asdict(self), default=datetime.isoformat))
        return {**body, "sha256": _checksum(body)}

    @classmethod
    def from_row(cls, row: ManifestRow) -> Manifest:
        """Read a manifest back.

        Raises:
            ProductError: The stored manifest was changed after it was written.
        """
        body = dict(row.body)
        if body.pop("sha256", None) != _checksum(body):
            raise ProductError(
                f"manifest {row.manifest_id} was changed after it was written; "
                f"gather {row.product} {row.period} again"
            )
        inputs = tuple(
            Input(**{**each, "pins": tuple(Pin(**pin) for pin in each["pins"])})
            for each in body["inputs"]
        )
        decided_at = datetime.fromisoformat(body["decided_at"])
        return cls(**{**body, "inputs": inputs, "decided_at": decided_at})


def _checksum(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
