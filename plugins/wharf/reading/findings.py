"""What was noticed about a delivery without refusing it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One remark on a delivery: a word for machines, a sentence for people."""

    kind: str
    message: str
    file: str = ""
    column: str = ""

    def describe(self) -> Mapping[str, str]:
        """The finding as a JSON object."""
        pairs = {
            "kind": self.kind,
            "message": self.message,
            "file": self.file,
            "column": self.column,
        }
        return {key: value for key, value in pairs.items() if value}
