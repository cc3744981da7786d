"""Auditing what a step staged: structure always, a product's expectation suite where it applies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from wharf import quality
from wharf.batches.auditing import AGAIN
from wharf.lake import Batch
from wharf.products.context import Context


@dataclass(frozen=True)
class StagedAudit:
    """What the audit of one staged batch found."""

    batch_id: str
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    results: str = ""


def suite_path(project: Path, product: str) -> Path:
    """Where a product's expectation suite lies; dbt models are audited by dbt tests instead."""
    return project / "expectations" / "products" / f"{product}.json"


def audit_staged(
    ctx: Context, batch: Batch, *, suite: Path | None, now: datetime, again: bool = False
) -> StagedAudit:
    """Check a staged batch, and run a suite on it when there is one.

    Args:
        ctx: The installation.
        batch: The batch.
        suite: The suite.
        now: When.
        again: Whether it was audited before; those results then stay as they are.

    Raises:
        SuiteError: The suite is missing or names unknown expectations.
    """
    problems = tuple(f"{batch.table}: {problem}" for problem in ctx.lake.check(batch))
    if problems or suite is None:
        return StagedAudit(batch.batch_id, problems)
    outcome = quality.audit(
        (),
        relation_sql=ctx.lake.scan_batches_sql([batch]),
        prepare=ctx.lake.prepare,
        suite=suite,
        batch_id=batch.batch_id,
        table=batch.table,
        period=batch.period,
        results=ctx.settings.results / AGAIN if again else ctx.settings.results,
        rows=batch.rows,
        now=now,
    )
    return StagedAudit(
        batch.batch_id, outcome.failed_critical, outcome.failed_warnings, str(outcome.page)
    )


def note_audits(
    ctx: Context, audits: Sequence[StagedAudit], *, also: Iterable[str], now: datetime
) -> list[str]:
    """Record the audits of one attempt: all its batches pass, or all go to quarantine.

    Returns:
        Every problem, those of `also` first; empty when the attempt passed.
    """
    problems = [*also, *(problem for audit in audits for problem in audit.problems)]
    for audit in audits:
        told = [{"message": text, "severity": "critical"} for text in problems]
        told += [{"message": text, "severity": "warning"} for text in audit.warnings]
        ctx.batches.audited(
            audit.batch_id, passed=not problems, findings=told, results=audit.results, now=now
        )
    return problems
