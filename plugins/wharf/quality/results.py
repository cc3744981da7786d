"""Keeping what an audit said: one JSON file and one page for each batch."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wharf.errors import LakeError, UnsafePath, disk_is_full, no_room
from wharf.quality.failing import CSV_ROWS, read_failing, write_csv

if TYPE_CHECKING:
    from wharf.quality.audit import Audit

_PLAIN = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.\-]{0,127}$")


@dataclass(frozen=True)
class ResultPaths:
    """Where the results of one batch lie."""

    json: Path
    page: Path
    failing: Path
    """Every row that breaks an expectation, as Parquet."""
    rows: Path
    """The same for a spreadsheet, as far as one can take them."""


def result_paths(results: Path, table: str, period: str, batch_id: str) -> ResultPaths:
    """Where the results of a batch lie, below the folder of results.

    Raises:
        UnsafePath: One of the names is not a plain name.
    """
    for name in (table, period, batch_id):
        if not _PLAIN.match(name) or ".." in name:
            raise UnsafePath(f"{name!a} is not a plain name; no result is kept under it")
    folder = results / table / period
    return ResultPaths(
        folder / f"{batch_id}.json",
        folder / f"{batch_id}.html",
        folder / f"{batch_id}.parquet",
        folder / f"{batch_id}.csv",
    )


def write_results(audit: Audit, where: ResultPaths) -> None:
    """Write the JSON and the page; a reader never sees half of one."""
    from wharf.quality.page import render_page

    try:
        where.json.parent.mkdir(parents=True, exist_ok=True)
        if audit.failing is not None:
            with where.rows.open("w", encoding="utf-8", newline="") as out:
                write_csv(read_failing(str(audit.failing.file), limit=CSV_ROWS), out)
        _put(where.page, render_page(audit, where))
        _put(where.json, json.dumps(as_json(audit), indent=2, ensure_ascii=False, allow_nan=False))
    except OSError as error:
        said = no_room(str(where.json)) if disk_is_full(error) else f"{where.json}: {error}"
        raise LakeError(f"the audit's results cannot be kept: {said}") from error


def as_json(audit: Audit) -> dict[str, object]:
    """The results as the JSON file holds them."""
    return {
        "wharf_results": 1,
        "batch_id": audit.batch_id,
        "table": audit.table,
        "period": audit.period,
        "audited_at": audit.at.isoformat(),
        "suite": audit.suite,
        "suite_sha256": audit.suite_sha256,
        "engine": audit.engine,
        "rows": audit.rows,
        "passed": audit.passed,
        "failed_critical": list(audit.failed_critical),
        "failed_warnings": list(audit.failed_warnings),
        "checks": [asdict(check) for check in audit.checks],
        "findings": [asdict(odd) for odd in audit.odd],
        "failing_rows": audit.failing.rows if audit.failing else 0,
        "profile": audit.profile.describe() if audit.profile else None,
    }


def _put(path: Path, text: str) -> None:
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)
