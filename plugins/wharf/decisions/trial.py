"""One file read and audited on a throw-away place."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from wharf import quality
from wharf.contracts import Feed
from wharf.contracts.feed import SchemaPolicy
from wharf.errors import WharfError
from wharf.reading import (
    Counts,
    Plan,
    SourceFile,
    infer_contract,
    parts_of,
    plan_reading,
    write_plan,
)


@dataclass(frozen=True)
class Trial:
    """How one file would end."""

    file: str
    outcome: str
    reason: str = ""
    rows_in_file: int = 0
    rows_staged: int = 0
    rows_quarantined: int = 0
    encoding: str | None = None
    delimiter: str | None = None
    header_line: int | None = None
    columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def describe(self) -> Mapping[str, Any]:
        """The trial as a JSON object."""
        return asdict(self)


def attempt(file: Path, feed: Feed | None, project: Path, now: datetime) -> Trial:
    """Read one file, by a feed's contract or by an inferred one, and audit what was read.

    Args:
        file: The file.
        feed: Its contract; None to infer one.
        project: The folder of the feed's expectation suite.
        now: The instant that the audit is noted with; it is not kept.
    """
    with tempfile.TemporaryDirectory(prefix="wharf-try-") as folder:
        work = Path(folder)
        source = SourceFile(file, file.name, "")
        try:
            if feed is None:
                proposal = infer_contract(source)
                plan = plan_reading([source], proposal.format, proposal.columns, SchemaPolicy())
            else:
                plan = plan_reading([source], feed.format, feed.columns, feed.on_arrival.schema_)
            counts = _write(plan, work)
        except (WharfError, OSError) as error:
            return Trial(str(file), "refused", reason=getattr(error, "reason", str(error)))
        failed = _audit(feed, counts, work, project, now) if feed and counts.rows_staged else ()
    return _trial(file, plan, counts, failed, feed)


def _write(plan: Plan, work: Path) -> Counts:
    names = [*plan.columns, "_period", "_batch_id", "_file", "_line"]
    return write_plan(
        plan,
        good=work / "good.parquet",
        bad=work / "bad.parquet",
        field_ids={name: number for number, name in enumerate(names, start=1)},
        constants={"_period": "try", "_batch_id": "try"},
        work=work,
    )


def _audit(feed: Feed, counts: Counts, work: Path, project: Path, now: datetime) -> tuple[str, ...]:
    audit = quality.audit(
        parts_of(work / "good.parquet"),
        suite=quality.suite_path(project, feed.feed),
        batch_id="try",
        table=feed.table,
        period="try",
        results=work / "results",
        rows=counts.rows_staged,
        now=now,
    )
    return tuple(audit.failed_critical)


def _trial(
    file: Path, plan: Plan, counts: Counts, failed: tuple[str, ...], feed: Feed | None
) -> Trial:
    limit = feed.on_arrival.max_quarantined if feed else 0.1
    reasons = [*failed]
    if counts.rows_quarantined > limit * counts.rows_in_file:
        named = ", ".join(f"{reason} ({n})" for reason, n in sorted(counts.reasons.items()))
        reasons.append(f"{counts.rows_quarantined} of {counts.rows_in_file} rows: {named}")
    sniffed = plan.sniffed[0]
    return Trial(
        file=str(file),
        outcome="quarantined" if reasons else "loaded",
        reason="; ".join(reasons),
        rows_in_file=counts.rows_in_file,
        rows_staged=counts.rows_staged,
        rows_quarantined=counts.rows_quarantined,
        encoding=sniffed.encoding,
        delimiter=sniffed.delimiter,
        header_line=sniffed.header_line,
        columns=tuple(plan.columns),
        notes=tuple(finding.message for finding in plan.findings),
    )
