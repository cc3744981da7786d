"""Running a suite on a staged batch, and the gate: critical blocks, the rest is noted."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from duckdb import DuckDBPyConnection

from wharf.quality.checks import Check, read_check
from wharf.quality.engines import Prepare, batch_on, columns_in, staged_rows
from wharf.quality.library import great_expectations
from wharf.quality.portability import engine_for
from wharf.quality.results import result_paths, write_results
from wharf.quality.suites import Suite, read_suite

_POSITION = "wharf_position"


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
    kinds = [str(entry["type"]) for entry in read.entries]
    with great_expectations() as library, staged_rows(files, relation_sql, prepare) as connection:
        chosen = engine or engine_for(kinds, rows, columns_in(connection))
        found = _run(read, chosen, library, connection)
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
    suite: Suite, engine: str, library: Any, connection: DuckDBPyConnection
) -> dict[int, Mapping[str, Any]]:
    """Results by the expectation's place in the suite; the library keeps no order."""
    expectations = library.ExpectationSuite(
        name=suite.name,
        expectations=[
            {"kwargs": {}, **entry, "id": None, "meta": {_POSITION: position}}
            for position, entry in enumerate(suite.entries)
        ],
    )
    wanted: dict[str, Any] = {"result_format": "SUMMARY", "return_unexpected_index_query": False}
    if index := [name for name in ("_file", "_line") if name in columns_in(connection)]:
        wanted["unexpected_index_column_names"] = index
    validated = batch_on(engine, library, connection).validate(expectations, result_format=wanted)
    return {
        result.expectation_config.meta[_POSITION]: {
            "success": result.success,
            "result": dict(result.result or {}),
            "exception_info": dict(result.exception_info or {}),
        }
        for result in validated.results
    }
