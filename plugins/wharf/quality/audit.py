"""Running a suite on a staged batch, and the gate: critical blocks, the rest is noted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from duckdb import DuckDBPyConnection

from wharf.contracts import Period
from wharf.contracts.quality import Quality
from wharf.errors import LakeError, LakeUnreached, reading_files
from wharf.quality.checks import Check, read_check
from wharf.quality.engines import TABLE, Prepare, columns_in, open_rows, staged_rows
from wharf.quality.evaluate import evaluate
from wharf.quality.failing import Failing, read_failing, write_failing
from wharf.quality.library import great_expectations
from wharf.quality.portability import engine_for
from wharf.quality.profiles import Profile, profile_batch
from wharf.quality.results import result_paths, write_results
from wharf.quality.suites import Suite, read_suite
from wharf.quality.trend import Outcomes
from wharf.quality.usual import Odd, Past, odd_things

EXAMPLES = 5


@dataclass(frozen=True)
class Noted:
    """One thing about a batch that blocks nothing."""

    message: str
    severity: str
    about: str = ""
    """`volume`, `nulls`, `quarantined`, `distinct` or `range`; empty for an expectation."""
    column: str = ""

    def describe(self) -> dict[str, str]:
        """The same as a batch's row keeps it; blocking nothing, it is a warning there."""
        more = {"about": self.about, "column": self.column} if self.about else {}
        return {"message": self.message, "severity": "warning", **more}


@dataclass(frozen=True)
class Watched:
    """What a feed's batches are compared with beside the suite."""

    period: Period
    rules: Quality = field(default_factory=Quality)
    past: Sequence[Past] = ()
    """Profiles of earlier batches."""
    outcomes: Outcomes = field(default_factory=Outcomes)
    """How each expectation came out before."""
    rows_quarantined: int = 0


@dataclass(frozen=True)
class Audit:
    """What a suite said about one staged batch, and what is unusual about it."""

    batch_id: str
    table: str
    period: str
    at: datetime
    suite: str
    suite_sha256: str
    engine: str
    rows: int
    checks: tuple[Check, ...]
    """In the order of the suite."""
    json: Path
    page: Path
    odd: tuple[Odd, ...] = ()
    """What differs from the feed's earlier batches."""
    profile: Profile | None = None
    failing: Failing | None = None
    """Every row that breaks an expectation."""
    outcomes: Outcomes = field(default_factory=Outcomes)

    @property
    def passed(self) -> bool:
        """Whether the batch may be published: no critical expectation failed or errored."""
        return not self.failed_critical

    @property
    def failed_critical(self) -> tuple[str, ...]:
        """Sentences of what is critical and failed, or could not be evaluated."""
        return self._failed({"critical"})

    @property
    def failed_warnings(self) -> tuple[str, ...]:
        """Sentences of the warnings and infos that failed; they are noted and block nothing."""
        return self._failed({"warning", "info"})

    @property
    def noted(self) -> tuple[Noted, ...]:
        """What blocks nothing and is kept with the batch: failed warnings and unusual figures."""
        failed = [
            Noted(check.sentence, check.severity)
            for check in self.checks
            if not check.success and check.severity != "critical"
        ]
        unusual = [Noted(odd.message, odd.severity, odd.kind, odd.column) for odd in self.odd]
        return (*failed, *(each for each in unusual if each.severity != "critical"))

    def _failed(self, severities: Collection[str]) -> tuple[str, ...]:
        failed = [check.sentence for check in self.checks
                  if not check.success and check.severity in severities]  # fmt: skip
        return (*failed, *(odd.message for odd in self.odd if odd.severity in severities))


def audit(
    files: Sequence[str | Path],
    *,
    suite: Path,
    batch_id: str,
    table: str,
    period: str,
    results: Path,
    rows: int,
    now: datetime,
    relation_sql: str | None = None,
    key: Sequence[str] = (),
    sensitive: Collection[str] = (),
    engine: str | None = None,
    prepare: Prepare | None = None,
    watched: Watched | None = None,
    tables: Callable[[str], str] | None = None,
) -> Audit:
    """Run a suite on a staged batch and keep what came out.

    Args:
        files: The batch's Parquet files.
        suite: The suite file.
        batch_id: The batch.
        table: The table it is for, such as `raw.acme_positions`.
        period: The period's key.
        results: Folder of results; `<table>/<period>/<batch_id>.json`, `.html` and, with every
            failing row, `.parquet` and `.csv` go there.
        rows: Rows of the batch; they choose the engine.
        now: The instant of the audit, UTC.
        relation_sql: DuckDB query or table function to read in place of `files`.
        key: Columns that name a row.
        sensitive: Columns whose values stand in no result.
        engine: `pandas` or `duckdb`, to force one.
        prepare: Makes a DuckDB connection able to read files that are not on this machine.
        watched: The feed's past, to compare the batch with; None to run the suite alone.
        tables: Gives the DuckDB relation of another published table that an expectation names.

    Raises:
        SuiteError: The suite is missing, malformed, or names an unknown expectation.
        UnsafePath: Table, period or batch id would leave the folder of results.
    """
    where = result_paths(results, table, period, batch_id)
    read = read_suite(suite)
    where.json.parent.mkdir(parents=True, exist_ok=True)
    for earlier in (where.failing, where.rows):
        earlier.unlink(missing_ok=True)
    with (
        reading_files(f"{table} {period}"),
        staged_rows(files, relation_sql, prepare, _others(read, tables, table)) as connection,
    ):
        columns = columns_in(connection)
        chosen = engine or engine_for(read.entries, rows, columns, read.only)
        with great_expectations():
            checks, failing = _run(
                read, chosen, connection, columns, key=key, sensitive=sensitive, to=where.failing
            )
        profile = None
        if watched is not None:
            profile = profile_batch(
                connection, columns, rows=rows, rows_quarantined=watched.rows_quarantined,
                sensitive=sensitive,
            )  # fmt: skip
    odd: list[Odd] = []
    if watched is not None and profile is not None:
        odd = odd_things(profile, watched.period, watched.past, watched.rules)
    outcome = Audit(
        batch_id=batch_id,
        table=table,
        period=period,
        at=now,
        suite=read.label,
        suite_sha256=read.sha256,
        engine=chosen,
        rows=rows,
        checks=checks,
        json=where.json,
        page=where.page,
        odd=tuple(odd),
        profile=profile,
        failing=failing,
        outcomes=watched.outcomes if watched else Outcomes(),
    )
    write_results(outcome, where)
    return outcome


def _others(suite: Suite, tables: Callable[[str], str] | None, own: str) -> dict[str, str]:
    """Relations of the tables that a suite names; one that is not there fails its expectation.

    The batch's own table is empty before its first batch is published.
    """
    named = {
        str(value)
        for entry in suite.entries
        for name, value in (entry.get("kwargs") or {}).items()
        if name.startswith("other_table") and str(entry["type"]) in suite.only
    }
    found = {}
    for name in sorted(named) if tables else ():
        if name == own:
            found[name] = f"SELECT * FROM {TABLE} LIMIT 0"
        try:
            found[name] = tables(name) if tables else ""
        except LakeUnreached:
            raise
        except LakeError:
            continue
    return found


def _run(
    suite: Suite,
    engine: str,
    connection: DuckDBPyConnection,
    columns: dict[str, str],
    *,
    key: Sequence[str],
    sensitive: Collection[str],
    to: Path,
) -> tuple[tuple[Check, ...], Failing | None]:
    opened: Any = open_rows(engine, connection, columns)
    found = evaluate(suite, engine, opened, columns)
    failing = write_failing(
        suite.entries, found, opened, connection, key=key, sensitive=sensitive, to=to
    )
    kept = failing.counts if failing else {}
    checks = []
    for number, (entry, outcome) in enumerate(zip(suite.entries, found, strict=True), start=1):
        some = read_failing(str(to), number=number, limit=EXAMPLES) if number in kept else ()
        checks.append(read_check(entry, outcome, some, sensitive))
    return tuple(checks), failing
