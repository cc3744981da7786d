"""Every row that breaks an expectation, in one Parquet file."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import duckdb

from wharf.quality.checks import HIDDEN
from wharf.quality.engines import TABLE, literal, quoted
from wharf.quality.entries import is_query
from wharf.quality.evaluate import Evaluated
from wharf.quality.portability import columns_of
from wharf.quality.words import in_words

COLUMNS = ("number", "expectation", "type", "severity", "column", "file", "line", "key", "value")
CSV_ROWS = 100_000
"""Rows that the CSV beside the result page holds; a spreadsheet takes a million."""
LONGEST = 1000
"""Characters of a value that are kept; the file and line lead to the rest."""


@dataclass(frozen=True)
class Failing:
    """Rows that break expectations."""

    file: Path
    counts: Mapping[int, int]
    """Rows by the place of the expectation in its suite."""

    @property
    def rows(self) -> int:
        """How many there are; a row counts for each expectation that it breaks."""
        return sum(self.counts.values())


def write_failing(
    entries: Sequence[Mapping[str, Any]],
    evaluated: Sequence[Evaluated],
    rows: Any,
    connection: duckdb.DuckDBPyConnection,
    *,
    key: Sequence[str],
    sensitive: Collection[str],
    to: Path,
) -> Failing | None:
    """Write every failing row of every row-level expectation, without holding them in memory.

    Args:
        entries: The expectations as the suite says them.
        evaluated: What came out for each.
        rows: What `open_rows` gave.
        connection: What `staged_rows` gave.
        key: Columns that name a row.
        sensitive: Columns whose values are not written.
        to: The Parquet file.

    Returns:
        None when no row breaks anything.
    """
    columns = [row[0] for row in connection.execute(f"DESCRIBE {TABLE}").fetchall()]
    queries = []
    for number, (entry, outcome) in enumerate(zip(entries, evaluated, strict=True), start=1):
        relation = _relation(entry, outcome, rows, connection)
        if relation:
            given = columns if not is_query(entry) else _columns(connection, relation)
            queries.append(_select(number, entry, relation, given, key, sensitive))
    if not queries:
        return None
    target = literal(str(to))
    connection.execute(f"COPY ({' UNION ALL '.join(queries)}) TO {target} (FORMAT parquet)")
    counted = connection.execute(
        f"SELECT number, count(*) FROM read_parquet({target}) GROUP BY number"
    )
    return Failing(to, dict(counted.fetchall()))


def read_failing(
    file: str, *, number: int | None = None, limit: int | None = None
) -> Iterator[dict[str, Any]]:
    """Read failing rows again, in the order of suite, file and line.

    Args:
        file: Where they lie; a path that DuckDB reads.
        number: Only those of the expectation at this place of its suite.
        limit: How many at most.
    """
    some = f"WHERE number = {int(number)}" if number is not None else ""
    most = f"LIMIT {int(limit)}" if limit is not None else ""
    with duckdb.connect() as connection:
        found = connection.execute(
            f"SELECT {', '.join(quoted(each) for each in COLUMNS)} FROM "
            f"read_parquet({literal(file)}) {some} ORDER BY number, file, line {most}"
        )
        while rows := found.fetchmany(1000):
            for row in rows:
                yield dict(zip(COLUMNS, row, strict=True))


def write_csv(rows: Iterable[Mapping[str, Any]], out: TextIO) -> int:
    """Write failing rows for a spreadsheet, which takes none of their text for a formula."""
    writing = csv.DictWriter(out, COLUMNS, extrasaction="ignore")
    writing.writeheader()
    count = 0
    for count, row in enumerate(rows, start=1):  # noqa: B007
        writing.writerow({name: _harmless(value) for name, value in row.items()})
    return count


def _harmless(value: Any) -> Any:
    if not isinstance(value, str) or not value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return value
    return value if _NUMBER.fullmatch(value) else f"'{value}"


_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def _relation(
    entry: Mapping[str, Any],
    outcome: Evaluated,
    rows: Any,
    connection: duckdb.DuckDBPyConnection,
) -> str:
    if outcome.error:
        return ""
    if is_query(entry):
        query = str(entry["kwargs"]["unexpected_rows_query"]).rstrip("; \t\r\n\v\f")
        return f"({query.format(batch=TABLE)})" if outcome.details.get("observed_value") else ""
    if not outcome.details.get("unexpected_count") or outcome.condition is None:
        return ""
    return str(rows.breaking(outcome.condition, connection))


def _select(
    number: int,
    entry: Mapping[str, Any],
    relation: str,
    columns: Sequence[str],
    key: Sequence[str],
    sensitive: Collection[str],
) -> str:
    kwargs = entry.get("kwargs") or {}
    read = columns_of(kwargs)
    hide = bool(sensitive) if is_query(entry) else bool(set(read) & set(sensitive))
    said = str(entry.get("description") or in_words(str(entry["type"]), kwargs))
    values = [name for name in read if name in columns] or [
        name for name in columns if not name.startswith("_")
    ]
    shown = literal(HIDDEN) if hide else _as_text(values)
    open_key = [name for name in key if name in columns]
    if is_query(entry) and sensitive:
        open_key = []
    parts = [
        f"{literal(name)}: {literal(HIDDEN) if name in sensitive else quoted(name) + '::VARCHAR'}"
        for name in open_key
    ]
    named = "to_json({" + ", ".join(parts) + "})::VARCHAR" if parts else literal("")
    return (
        f"SELECT {number} AS number, {literal(said)} AS expectation, "
        f"{literal(str(entry['type']))} AS type, "
        f"{literal(str(entry.get('severity', 'critical')))} AS severity, "
        f'{literal(", ".join(read))} AS "column", '
        f"{_or_null('_file', columns, 'VARCHAR')} AS file, "
        f"{_or_null('_line', columns, 'BIGINT')} AS line, "
        f"{named} AS key, "
        f"{shown} AS value FROM {relation} AS breaking"
    )


def _as_text(names: Sequence[str]) -> str:
    if len(names) == 1:
        text = f"{quoted(names[0])}::VARCHAR"
    else:
        text = "to_json({" + ", ".join(f"{literal(n)}: {quoted(n)}" for n in names) + "})::VARCHAR"
    return f"left({text}, {LONGEST})"


def _or_null(name: str, columns: Collection[str], kind: str) -> str:
    return f"{quoted(name)}::{kind}" if name in columns else f"NULL::{kind}"


def _columns(connection: duckdb.DuckDBPyConnection, relation: str) -> list[str]:
    return [row[0] for row in connection.execute(f"DESCRIBE FROM {relation}").fetchall()]
