"""What the tests of reading share: write bytes, read them by a contract, look at both files."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from wharf.contracts import Column
from wharf.contracts.feed import SchemaPolicy
from wharf.contracts.formats import CsvFormat, FileFormat
from wharf.reading import Counts, Plan, SourceFile, plan_reading, write_plan

CONSTANTS = {"_period": "2026-11-20", "_batch_id": "20261120T060412345Z-7f3a9c"}
SYSTEM = ("_period", "_batch_id", "_file", "_line")
CSV = CsvFormat(kind="csv")
_numbers = itertools.count()


@dataclass
class Read:
    """One delivery, read."""

    plan: Plan
    counts: Counts
    good: Path
    bad: Path

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The staged rows, without system columns."""
        names = [name for name in self.plan.columns if name not in SYSTEM]
        return pq.read_table(self.good, columns=names).to_pylist()  # type: ignore[no-any-return]

    @property
    def lines(self) -> list[int]:
        """The physical lines of the staged rows."""
        return pq.read_table(self.good)["_line"].to_pylist()  # type: ignore[no-any-return]

    @property
    def quarantined(self) -> list[dict[str, Any]]:
        """The quarantined rows."""
        return pq.read_table(self.bad).to_pylist()  # type: ignore[no-any-return]

    @property
    def reasons(self) -> list[str]:
        """The reasons of the quarantined rows, in their order."""
        return [row["reason"] for row in self.quarantined]

    @property
    def notes(self) -> dict[str, str]:
        """Findings by their kind."""
        return {finding.kind: finding.message for finding in self.plan.findings}


def columns(**types: str) -> dict[str, Column]:
    """Columns by their types; a type that ends with ! is required."""
    return {
        name: Column(type=type_.removesuffix("!"), required=type_.endswith("!"))
        for name, type_ in types.items()
    }


def read(
    folder: Path,
    *contents: bytes | Path,
    wanted: Mapping[str, Column],
    fmt: FileFormat | None = CSV,
    policy: SchemaPolicy | None = None,
    names: tuple[str, ...] = (),
) -> Read:
    """Read files by a contract and write what came out."""
    files = []
    for content in contents:
        number = next(_numbers)
        path = content
        if isinstance(content, bytes):
            path = folder / f"delivered-{number}"
            path.write_bytes(content)
        assert isinstance(path, Path)
        name = names[len(files)] if names else f"file-{len(files)}"
        files.append(SourceFile(path, name))
    plan = plan_reading(files, fmt, wanted, policy or SchemaPolicy())
    number = next(_numbers)
    good, bad = folder / f"good-{number}.parquet", folder / f"bad-{number}.parquet"
    ids = {name: place for place, name in enumerate([*plan.columns, *SYSTEM], start=1)}
    counts = write_plan(plan, good=good, bad=bad, field_ids=ids, constants=CONSTANTS, work=folder)
    assert all(each.reconciles for each in counts.files)
    return Read(plan, counts, good, bad)
