"""The audit of a batch of before with the expectation suite of today."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from wharf import quality
from wharf.contracts import Feed
from wharf.lake import Batch, Lake

AGAIN = "again"
"""Folder, below the audit results, of those of batches that were audited another time."""


def audit_again(
    lake: Lake, feed: Feed, batch: Batch, *, project: Path, results: Path, now: datetime
) -> Sequence[str]:
    """Say which critical expectations of a feed's suite a batch of before does not meet.

    Its columns have the names of today, so a suite also fits what came before a renaming.

    Args:
        lake: The lake.
        feed: The feed as its contract says now.
        batch: One of its batches.
        project: Where the suites lie.
        results: Where audit results are kept; those of the first audit stay as they are.
        now: When it is audited.

    Raises:
        SuiteError: The feed's suite is missing or names unknown expectations.
    """
    audit = quality.audit(
        (),
        relation_sql=lake.scan_batches_sql([batch]),
        prepare=lake.prepare,
        suite=quality.suite_path(project, feed.feed),
        batch_id=batch.batch_id,
        table=batch.table,
        period=batch.period,
        results=results / AGAIN,
        rows=batch.rows,
        now=now,
        sensitive=feed.sensitive,
        tables=lake.scan_sql,
    )
    return audit.failed_critical
