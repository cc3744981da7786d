"""What the demo's suppliers will do, and what must come of it: data, kept as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Condition:
    """What the ledger must show before a supplier goes on."""

    kind: str
    """arrival (files seen), delivery (files landed, any verdict), refused, published, message."""
    count: int = 1


@dataclass(frozen=True)
class PlacedFile:
    """One file as a supplier puts it in place."""

    path: str
    """Below the supplier's folder."""
    recipe: str
    """What `files.content` writes."""
    submitted: datetime | None
    """Its time, UTC; None for the moment it is written."""


@dataclass(frozen=True)
class Step:
    """Files put in place together, once a condition holds."""

    files: tuple[PlacedFile, ...]
    after: Condition | None = None


@dataclass(frozen=True)
class Expected:
    """What must come out for one feed and period."""

    timeliness: str = "ON_TIME"
    delivery: str = "PUBLISHED"
    verdicts: tuple[str, ...] = ("NEW",)
    """In the order of landing, one for each file that is no done-flag."""
    versions: int = 1
    """Different deliveries landed, of one part."""
    rows_staged: int = 0
    """In the batch staged last."""
    rows_quarantined: int = 0
    messages: tuple[str, ...] | None = None
    """Kinds of messages received, in order; None where they are not compared."""


@dataclass(frozen=True)
class Script:
    """One feed and period: what its supplier does, step by step, and what must come of it."""

    feed: str
    period: str
    steps: tuple[Step, ...]
    expected: Expected
    done: int = 0
    """Steps carried out."""
    title: str = ""
    """What is special about it; empty for a plain day."""

    @property
    def supplier(self) -> str:
        """The supplier's id."""
        return self.feed.split(".")[0]

    @property
    def next_step(self) -> Step | None:
        """The step not carried out yet; None when all are."""
        return self.steps[self.done] if self.done < len(self.steps) else None

    def advanced(self) -> Script:
        """The same script with one step more carried out."""
        return replace(self, done=self.done + 1)


@dataclass(frozen=True)
class Actual:
    """What came out for one feed and period, as the ledger and the receivers show it."""

    timeliness: str
    delivery: str
    verdicts: tuple[str, ...] = ()
    versions: int = 0
    rows_staged: int = 0
    rows_quarantined: int = 0
    messages: tuple[str, ...] = field(default=())


def differences(
    expected: Mapping[tuple[str, str], Expected], actual: Mapping[tuple[str, str], Actual]
) -> list[str]:
    """Compare what came out with what must come out.

    Returns:
        One line for each field that differs and each row that is absent; empty when all is right.
    """
    lines = []
    for (feed, period), wanted in expected.items():
        came = actual.get((feed, period))
        if came is None:
            lines.append(f"{feed} {period}: no such row in the ledger")
            continue
        for name, value in vars(wanted).items():
            if value is not None and getattr(came, name) != value:
                lines.append(f"{feed} {period}: {name} is {getattr(came, name)}, not {value}")
    return lines


def to_json(script: Script) -> dict[str, Any]:
    """A script as JSON holds it."""
    raw = asdict(script)
    for step in raw["steps"]:
        for file in step["files"]:
            at = file["submitted"]
            file["submitted"] = at.isoformat() if at else None
    return raw


def from_json(raw: Mapping[str, Any]) -> Script:
    """Read a script back."""
    expected = dict(raw["expected"])
    for name in ("verdicts", "messages"):
        expected[name] = None if expected[name] is None else tuple(expected[name])
    return Script(
        feed=raw["feed"],
        period=raw["period"],
        steps=tuple(_step(step) for step in raw["steps"]),
        expected=Expected(**expected),
        done=raw["done"],
        title=raw["title"],
    )


def _step(raw: Mapping[str, Any]) -> Step:
    files = tuple(
        PlacedFile(
            file["path"],
            file["recipe"],
            datetime.fromisoformat(file["submitted"]) if file["submitted"] else None,
        )
        for file in raw["files"]
    )
    return Step(files, Condition(**raw["after"]) if raw["after"] else None)
