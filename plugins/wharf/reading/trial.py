"""How one file would end: read on a throw-away place, by an inferred contract or a given one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from wharf.contracts import Column
from wharf.contracts.feed import SchemaPolicy
from wharf.contracts.formats import FileFormat
from wharf.errors import WharfError
from wharf.reading.apart import Used
from wharf.reading.counts import Counts
from wharf.reading.infer import infer_contract
from wharf.reading.opened import SourceFile
from wharf.reading.plan import Plan, plan_reading
from wharf.reading.unpack import Limits
from wharf.reading.write import write_plan

MOST_QUARANTINED: Final = 0.1
"""Share of quarantined rows above which a file without a contract counts as quarantined."""


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
    header: tuple[str, ...] = ()
    """The header cells as they stand in the file."""
    kind: str | None = None
    quote: str | None = None
    escape: str = ""
    comment: str = ""
    sheet: str | None = None
    reasons: Mapping[str, int] = field(default_factory=dict)
    """Why rows are in quarantine, and how many for each reason."""
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    peak_mib: int = 0
    """The most memory that its reader held."""

    def describe(self) -> Mapping[str, Any]:
        """The trial as a JSON object."""
        return asdict(self)

    def with_use(self, used: Used) -> Trial:
        """The same trial with what reading took."""
        return replace(self, seconds=round(used.seconds, 3), peak_mib=used.memory >> 20)

    def with_failures(self, failures: tuple[str, ...]) -> Trial:
        """The same trial, quarantined for what its audit found."""
        if not failures:
            return self
        named = "; ".join([*failures, *([self.reason] if self.reason else [])])
        return replace(self, outcome="quarantined", reason=named)


@dataclass(frozen=True)
class Terms:
    """What a contract says about reading."""

    format: FileFormat
    columns: Mapping[str, Column]
    policy: SchemaPolicy
    max_quarantined: float


def try_file(
    file: Path, work: Path, limits: Limits | None = None, terms: Terms | None = None
) -> Trial:
    """Read one file and say how it would end; what was read is in `work`, good.parquet first.

    Args:
        file: The file.
        work: Folder for everything that is made.
        limits: How far a compressed file may expand, and what reading may use.
        terms: What its contract says; None to infer it from the file.
    """
    source = SourceFile(file, file.name, "")
    try:
        plan = _plan(source, work, limits, terms)
        counts = _write(plan, work)
    except (WharfError, OSError) as error:
        return refused(file, getattr(error, "reason", str(error)))
    return _trial(file, plan, counts, terms.max_quarantined if terms else MOST_QUARANTINED)


def refused(file: Path, reason: str) -> Trial:
    """The trial of a file that cannot be read."""
    return Trial(str(file), "refused", reason=reason)


def _plan(source: SourceFile, work: Path, limits: Limits | None, terms: Terms | None) -> Plan:
    if terms is None:
        proposal = infer_contract(source, work=work, limits=limits)
        terms = Terms(proposal.format, proposal.columns, SchemaPolicy(), MOST_QUARANTINED)
    return plan_reading(
        [source], terms.format, terms.columns, terms.policy, work=work, limits=limits
    )


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


def _trial(file: Path, plan: Plan, counts: Counts, limit: float) -> Trial:
    reason = ""
    if counts.rows_quarantined > limit * counts.rows_in_file:
        named = ", ".join(f"{reason} ({n})" for reason, n in sorted(counts.reasons.items()))
        reason = f"{counts.rows_quarantined} of {counts.rows_in_file} rows: {named}"
    sniffed = plan.sniffed[0]
    return Trial(
        file=str(file),
        outcome="quarantined" if reason else "loaded",
        reason=reason,
        rows_in_file=counts.rows_in_file,
        rows_staged=counts.rows_staged,
        rows_quarantined=counts.rows_quarantined,
        encoding=sniffed.encoding,
        delimiter=sniffed.delimiter,
        header_line=sniffed.header_line,
        columns=tuple(plan.columns),
        header=sniffed.columns,
        kind=sniffed.kind,
        quote=sniffed.quote,
        escape=sniffed.escape,
        comment=sniffed.comment,
        sheet=sniffed.sheet,
        reasons=dict(counts.reasons),
        notes=tuple(finding.message for finding in plan.findings),
    )
