"""Running a suite on a staged batch, and the gate: critical blocks, the rest is noted."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from wharf.quality.checks import Check, read_check
from wharf.quality.engines import Prepare, batch_on, staged_rows
from wharf.quality.library import great_expectations
from wharf.quality.portability import engine_for
from wharf.quality.results import result_paths, write_results
from wharf.quality.suites import Suite, read_suite

_INDEX = "wharf_position"


@dataclass(frozen=True)
class Audit:
    """What a suite said about one staged batch."""

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

    @property
    def passed(self) -> bool:
        """Whether the batch may be published: no critical expectation failed or errored."""
        return not self.failed_critical

    @property
    def failed_critical(self) -> tuple[str, ...]:
        """Sentences of the critical expectations that failed or could not be evaluated."""
        return self._failed({"critical"})

    @property
    def failed_warnings(self) -> tuple[str, ...]:
        """Sentences of the warnings and infos that failed; they are noted and block nothing."""
        return self._failed({"warning", "info"})

    def _failed(self, severities: Collection[str]) -> tuple[str, ...]:
        return tuple(
            check.sentence
            for check in self.checks
            if not check.success and check.severity in severities
        )


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
    sensitive: Collection[str] = (),
    engine: str | None = None,
    prepare: Prepare | None = None,
) -> Audit:
    """Run a suite on a staged batch and keep what came out.

    Args:
        files: The batch's Parquet files.
        suite: The suite file.
        batch_id: The batch.
        table: The table it is for, such as `raw.acme_positions`.
        period: The period's key.
        results: Folder of results; `<table>/<period>/<batch_id>.json` and `.html` go there.
        rows: Rows of the batch; they choose the engine.
        now: The instant of the audit, UTC.
        relation_sql: DuckDB query or table function to read in place of `files`.
        sensitive: Columns whose values stand in no result.
        engine: `pandas` or `duckdb`, to force one.
        prepare: Makes a DuckDB connection able to read files that are not on this machine.

    Raises:
        SuiteError: The suite is missing, malformed, or names an unknown expectation.
        UnsafePath: Table, period or batch id would leave the folder of results.
    """
    where = result_paths(results, table, period, batch_id)
    read = read_suite(suite)
    chosen = engine or engine_for([str(entry["type"]) for entry in read.entries], rows)
    found = _run(read, chosen, files, relation_sql, prepare)
    outcome = Audit(
        batch_id=batch_id,
        table=table,
        period=period,
        at=now,
        suite=read.label,
        suite_sha256=read.sha256,
        engine=chosen,
        rows=rows,
        checks=tuple(
            read_check(entry, found.get(position, _NO_RESULT), sensitive)
            for position, entry in enumerate(read.entries)
        ),
        json=where.json,
        page=where.page,
    )
    write_results(outcome, where)
    return outcome


_NO_RESULT: Mapping[str, Any] = {
    "success": False,
    "exception_info": {"raised_exception": True, "exception_message": "it gave no result"},
}


def _run(
    suite: Suite,
    engine: str,
    files: Sequence[str | Path],
    relation_sql: str | None,
    prepare: Prepare | None,
) -> dict[int, Mapping[str, Any]]:
    """Results by the expectation's place in the suite; the library keeps no order."""
    with great_expectations() as library, staged_rows(files, relation_sql, prepare) as connection:
        names = {row[0] for row in connection.execute("DESCRIBE batch").fetchall()}
        expectations = library.ExpectationSuite(
            name=suite.name,
            expectations=[
                {"kwargs": {}, **entry, "id": None, "meta": {_INDEX: position}}
                for position, entry in enumerate(suite.entries)
            ],
        )
        validated = batch_on(engine, library, connection).validate(
            expectations,
            result_format={
                "result_format": "SUMMARY",
                "unexpected_index_column_names": [n for n in ("_file", "_line") if n in names],
                "return_unexpected_index_query": False,
            },
        )
        return {
            result.expectation_config.meta[_INDEX]: {
                "success": result.success,
                "result": dict(result.result or {}),
                "exception_info": dict(result.exception_info or {}),
            }
            for result in validated.results
        }
