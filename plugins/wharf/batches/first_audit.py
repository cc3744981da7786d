"""An audit's past and its keeping: what a batch is compared with, and what stays of it."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from datetime import datetime
from functools import partial
from pathlib import Path

import duckdb

from wharf.contracts import Feed, Period
from wharf.errors import PeriodError
from wharf.lake import Batch, Lake
from wharf.ledger import Ledger, audits
from wharf.ledger.audits import BatchAudit, CheckOutcome
from wharf.ledger.rows import BatchRow
from wharf.quality import (
    Audit,
    Outcomes,
    Past,
    Point,
    Profile,
    Watched,
    audit,
    suite_path,
)
from wharf.settings import Settings

FAILING = "audit_failures"


def audit_by_suite(
    settings: Settings,
    ledger: Ledger,
    lake: Lake,
    feed: Feed,
    batch: Batch,
    row: BatchRow,
    now: datetime,
) -> Audit:
    """Run a feed's suite on a staged batch, compare the batch with its past, and keep both.

    Raises:
        SuiteError: The suite is missing or names unknown expectations.
    """
    with settings.workplace("audit") as work:
        found = audit(
            (),
            relation_sql=lake.scan_batches_sql([batch]),
            prepare=partial(_prepare, settings, lake, work),
            suite=suite_path(settings.project, feed.feed),
            batch_id=row.batch_id,
            table=row.table,
            period=row.period,
            results=settings.results,
            rows=row.rows_staged,
            now=now,
            key=feed.key,
            sensitive=feed.sensitive,
            watched=watched(ledger, feed, row),
            tables=lake.scan_sql,
        )
    keep(ledger, lake, batch, row, found)
    return found


def _prepare(
    settings: Settings, lake: Lake, work: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    """Keep the database to the memory and threads of this installation."""
    lake.prepare(connection)
    connection.execute(f"SET memory_limit = '{settings.memory >> 20}MiB'")
    connection.execute("SET temp_directory = $1", [str(work)])
    if settings.threads:
        connection.execute(f"SET threads = {settings.threads}")


def watched(ledger: Ledger, feed: Feed, row: BatchRow) -> Watched:
    """What a feed's batch is compared with beside its suite."""
    with ledger.read() as tx:
        known = audits.passed_before(tx, feed.feed, without=row.batch_id)
        outcomes = audits.outcomes_of(tx, feed.feed, without=row.batch_id)
    return Watched(
        period=feed.parse_period(row.period),
        rules=feed.quality,
        past=[past for each in known if (past := _past(feed, each))],
        outcomes=points_of(outcomes),
        rows_quarantined=row.rows_quarantined,
    )


def keep(ledger: Ledger, lake: Lake, batch: Batch, row: BatchRow, found: Audit) -> None:
    """Keep what an audit found: every failing row beside the batch, its figures in the ledger."""
    uri = ""
    if found.failing is not None:
        uri = _beside(lake, batch, found.failing.file)
        found.failing.file.unlink()
    summary = BatchAudit(
        batch_id=batch.batch_id,
        table=batch.table,
        period=batch.period,
        subject=row.subject,
        at=found.at,
        suite_sha256=found.suite_sha256,
        engine=found.engine,
        passed=found.passed,
        failing_rows=found.failing.rows if found.failing else 0,
        failing_uri=uri,
        profile=found.profile.describe() if found.profile else {},
        findings=[each.describe() for each in found.odd],
    )
    with ledger.write() as tx:
        audits.record_audit(tx, summary, list(_outcomes(found, row.subject)))


def points_of(outcomes: list[CheckOutcome]) -> Outcomes:
    """Outcomes by expectation, oldest first."""
    found: defaultdict[str, list[Point]] = defaultdict(list)
    for each in outcomes:
        found[each.check].append(
            Point(
                each.batch_id, each.period, each.at, each.success, each.errored, each.unexpected,
                each.elements, each.observed,
            )
        )  # fmt: skip
    return Outcomes(found)


def _past(feed: Feed, each: BatchAudit) -> Past | None:
    """An earlier batch; none where the contract counted in other periods then."""
    try:
        period = Period.parse(feed.period.kind, each.period)
    except PeriodError:
        return None
    return Past(period, Profile.of(each.profile)) if each.profile else None


def _beside(lake: Lake, batch: Batch, file: Path) -> str:
    """Put failing rows into the batch's folder; a later audit that found others adds a file."""
    home = lake.batch_dir(batch.table, batch.period, batch.batch_id)
    with file.open("rb") as reading:
        digest = hashlib.file_digest(reading, "sha256").hexdigest()
    plain = f"{home}/{FAILING}.parquet"
    stands = lake.storage.size(plain) is not None and lake.storage.sha256(plain) != digest
    return lake.put(file, f"{home}/{FAILING}-{digest[:12]}.parquet" if stands else plain).uri


def _outcomes(found: Audit, subject: str) -> list[CheckOutcome]:
    at: datetime = found.at
    return [
        CheckOutcome(
            batch_id=found.batch_id,
            subject=subject,
            period=found.period,
            at=at,
            number=number,
            check=check.id,
            type=check.type,
            column=check.column,
            expected=check.expected,
            severity=check.severity,
            success=check.success,
            errored=bool(check.error),
            unexpected=check.unexpected_count,
            elements=check.element_count,
            observed=check.error or check.observed,
        )
        for number, check in enumerate(found.checks, start=1)
    ]
